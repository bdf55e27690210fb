import { describe, expect, it } from 'vitest'
import { LinkFailedError } from '../../base/errors.ts'
import { until } from '../../base/observable.ts'
import type { LinkDriver } from '../../mesh/link/link-driver.ts'
import type { MeshEffect, RelayPolicy } from '../../mesh/mesh-steps.ts'
import { Mesh, RELAY_AFTER_MS } from '../../mesh/mesh.ts'
import { VirtualLinks } from '../../mesh/test-support/virtual-links.ts'
import { VirtualSignalServers } from '../../mesh/test-support/virtual-signal-servers.ts'
import { seededRandom } from '../../sim/seeded-random.ts'
import { VirtualClock } from '../../sim/virtual-clock.ts'
import { SignalTag, WebRtcLoom } from './index.ts'

const ONE = 'ws://one.example/'
const ROOM = new SignalTag({ room: 'oak' })

/** Two looms in a test's time; no direct link forms while `blocked`. */
class World {
  readonly clock = new VirtualClock()
  readonly servers = new VirtualSignalServers(this.clock, [ONE])
  readonly links = new VirtualLinks(this.clock)
  blocked = true
  directLinks = 0

  loom(relay?: RelayPolicy): WebRtcLoom {
    const direct = this.links.driver()
    const links: LinkDriver = {
      open: (options) => {
        this.directLinks++
        const { events } = options
        return direct.open({
          ...options,
          events: { ...bound(events), onSignal: (body) => (this.blocked ? undefined : events.onSignal(body)) },
        })
      },
    }
    const { clock } = this
    const random = seededRandom(5)
    const WebSocket = this.servers.WebSocket
    return new WebRtcLoom({ app: 'tests', servers: [ONE], iceServers: [], links, WebSocket, clock, random, relay })
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.run(promise, { limitMs: 600_000 })
  }
}

function bound(events: Parameters<LinkDriver['open']>[0]['events']): typeof events {
  return {
    onSignal: (body) => events.onSignal(body),
    onOpen: () => events.onOpen(),
    onMessage: (bytes) => events.onMessage(bytes),
    onLossy: (bytes) => events.onLossy(bytes),
    onDrain: () => events.onDrain(),
    onPath: (path) => events.onPath(path),
    onTrouble: (why) => events.onTrouble(why),
    onClosed: (why) => events.onClosed(why),
  }
}

describe('a pair that cannot link directly', () => {
  it('[RELAY-20] [RELAY-21] is relayed, and upgraded when it can: no frame is lost or doubled', async () => {
    const world = new World()
    const [host, joiner] = [world.loom('fallback'), world.loom('fallback')]
    const a = await world.run(host.reopen(ROOM))
    const started = world.clock.now()
    const b = await world.run(joiner.join(ROOM))
    expect(world.clock.now() - started).toBeLessThan(RELAY_AFTER_MS + 1_000)
    await world.run(until(a.peers, (peers) => peers.size === 2))
    expect(joiner.links(b).get().get(a.selfId)).toMatchObject({ state: 'connected', route: 'relayed' })

    const heard: number[] = []
    const reading = (async () => {
      for await (const { payload } of b.incoming) heard.push(new DataView(payload.slice().buffer).getUint32(0))
    })()
    let said = 0
    const rosters: number[] = []
    b.peers.listen((peers) => rosters.push(peers.size))
    const say = async (): Promise<void> => {
      const payload = new Uint8Array(2_000)
      new DataView(payload.buffer).setUint32(0, said++)
      await world.run(a.broadcast(payload))
    }
    for (let i = 0; i < 20; i++) await say()
    world.blocked = false
    for (let i = 0; i < 400; i++) {
      await say()
      await world.clock.advance(100)
    }
    expect(joiner.links(b).get().get(a.selfId)).toMatchObject({ state: 'connected', route: 'direct' })
    expect(host.links(a).get().get(b.selfId)).toMatchObject({ state: 'connected', route: 'direct' })
    expect(heard).toEqual(Array.from({ length: said }, (_, i) => i))
    expect(rosters).toEqual([])
    await world.run(Promise.all([a.close(), b.close()]))
    await reading
    await world.clock.advance(50)
    expect([world.servers.openSockets, world.links.open.size, world.clock.pendingTimers]).toEqual([0, 0, 0])
  })

  it('[RELAY-22] is not linked where either end never relays', async () => {
    const world = new World()
    const a = await world.run(world.loom('fallback').reopen(ROOM))
    await expect(world.run(world.loom('never').join(ROOM))).rejects.toThrow(LinkFailedError)
    await world.run(a.close())
  })

  it('[RELAY-22] opens no direct link where both always relay', async () => {
    const world = new World()
    world.blocked = false
    const a = await world.run(world.loom('always').reopen(ROOM))
    const b = await world.run(world.loom('always').join(ROOM))
    expect(b.peers.get().size).toBe(2)
    expect(world.directLinks).toBe(0)
    await world.run(Promise.all([a.close(), b.close()]))
  })
})

describe('the mesh that decides on relays', () => {
  const low = { peer: 'a', session: 'a1' }
  const meshOf = (relay: RelayPolicy): Mesh => {
    let ids = 0
    return new Mesh({ selfId: 'm', random: () => 0.5, newLinkId: () => `own${++ids}`, relay })
  }
  const told = (effects: readonly MeshEffect[]): string[] =>
    effects.flatMap((effect) =>
      effect.kind === 'dial' || effect.kind === 'accept'
        ? [`${effect.kind} ${effect.route}`]
        : effect.kind === 'drop' || effect.kind === 'carry' || effect.kind === 'ask'
          ? [`${effect.kind} ${effect.link}`]
          : [],
    )

  it('[RELAY-20] a direct link that fails is followed by a relayed one at once', () => {
    const mesh = meshOf('fallback')
    expect(told(mesh.step({ kind: 'attached', present: [low] }))).toEqual(['dial direct'])
    expect(told(mesh.step({ kind: 'ended', link: 'own1', why: 'failed' }))).toEqual(['dial relayed'])
  })

  it('[RELAY-23] a relayed link that is proved beside a direct one is dropped; a direct one replaces it', () => {
    const mesh = meshOf('fallback')
    mesh.step({ kind: 'attached', present: [low] })
    expect(told(mesh.step({ kind: 'dialled', at: low, link: 'theirs', route: 'relayed' }))).toEqual(['accept relayed'])
    expect(told(mesh.step({ kind: 'proved', link: 'theirs' }))).toEqual(['carry theirs'])
    expect(told(mesh.step({ kind: 'proved', link: 'own1' }))).toEqual(['carry own1', 'drop theirs'])
    mesh.step({ kind: 'dialled', at: low, link: 'late', route: 'relayed' })
    expect(told(mesh.step({ kind: 'proved', link: 'late' }))).toEqual(['drop late', 'ask own1'])
  })

  it('[RELAY-22] a direct call is not taken where all is relayed', () => {
    const mesh = meshOf('always')
    expect(told(mesh.step({ kind: 'attached', present: [] }))).toEqual([])
    expect(told(mesh.step({ kind: 'dialled', at: low, link: 'theirs', route: 'direct' }))).toEqual([])
  })
})
