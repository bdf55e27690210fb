import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { sleep } from '../../base/abort.ts'
import { fromUtf8, utf8 } from '../../base/bytes.ts'
import { systemClock } from '../../base/clock.ts'
import {
  LinkFailedError,
  RoomFullError,
  RoomNotFoundError,
  RoomTakenError,
  SignalingUnavailableError,
} from '../../base/errors.ts'
import { until } from '../../base/observable.ts'
import type { PeerIdentity, Seam, Swatch } from '../../seam/contract.ts'
import { createPeerIdentity } from '../../seam/peer-identity.ts'
import { controlServers } from '../../../test/browser/control-servers.ts'
import { SignalTag, WebRtcLoom, type WebRtcLoomOptions } from './index.ts'

const servers = inject('signalServers')
const DEAD_SERVER = 'ws://127.0.0.1:9/'
const seams: Seam[] = []
/** Everything of the platform's that the tests opened. */
const platform = { connections: new Set<RTCPeerConnection>(), sockets: new Set<WebSocket>() }
const originals = { RTCPeerConnection, WebSocket }

function loomOf(options: Partial<WebRtcLoomOptions> = {}): WebRtcLoom {
  return new WebRtcLoom({ app: 'selvage tests', servers, iceServers: [], ...options })
}

async function kept(weaving: Promise<Seam>): Promise<Seam> {
  const seam = await weaving
  seams.push(seam)
  return seam
}

async function listing(size: number, ...all: Seam[]): Promise<void> {
  await Promise.all(
    all.map((seam) => until(seam.peers, (peers) => peers.size === size, { signal: AbortSignal.timeout(10_000) })),
  )
}

async function next(seam: Seam): Promise<Swatch> {
  for await (const swatch of seam.incoming) return swatch
  throw new Error('the seam ended')
}

async function nothingOpen(): Promise<void> {
  const counts = (): number[] => [
    [...platform.connections].filter(({ connectionState }) => connectionState !== 'closed').length,
    [...platform.sockets].filter(
      ({ readyState }) => readyState === WebSocket.OPEN || readyState === WebSocket.CONNECTING,
    ).length,
  ]
  expect(counts()).toEqual([0, 0])
  await sleep(systemClock, 300)
  expect(counts(), 'after a while').toEqual([0, 0])
}

describe('WebRtcLoom', () => {
  beforeEach(() => {
    globalThis.RTCPeerConnection = class extends originals.RTCPeerConnection {
      constructor(...given: ConstructorParameters<typeof RTCPeerConnection>) {
        super(...given)
        platform.connections.add(this)
      }
    }
    globalThis.WebSocket = class extends originals.WebSocket {
      constructor(...given: ConstructorParameters<typeof WebSocket>) {
        super(...given)
        platform.sockets.add(this)
      }
    }
  })

  afterEach(async () => {
    await Promise.all(seams.splice(0).map((seam) => seam.close()))
    Object.assign(globalThis, originals)
    await nothingOpen()
    platform.connections.clear()
    platform.sockets.clear()
  })

  it('[RTC-1] two peers meet by invite and exchange frames; the tab that closes is gone at once', async () => {
    const [a, b] = [loomOf(), loomOf()]
    const host = await kept(a.host({ sessionName: 'oak' }))
    const joiner = await kept(b.join(SignalTag.fromURL(a.invite(host).toURL(location.href))))
    await listing(2, host, joiner)
    await joiner.broadcast(utf8('hello'))
    const swatch = await next(host)
    expect([fromUtf8(swatch.payload), swatch.sender, swatch.sequence]).toEqual(['hello', joiner.selfId, 1])
    await host.sendTo(joiner.selfId, utf8('hi'))
    expect(fromUtf8((await next(joiner)).payload)).toBe('hi')
    await host.close()
    await listing(1, joiner)
    expect(joiner.state.get()).toEqual({ kind: 'woven' })
  })

  it('[RTC-1] four peers that come at once form a full mesh', async () => {
    const a = loomOf()
    const host = await kept(a.host({ sessionName: 'oak' }))
    const others = await Promise.all([1, 2, 3].map(() => kept(loomOf().join(a.invite(host)))))
    const all = [host, ...others]
    await listing(4, ...all)
    for (const seam of all) await seam.broadcast(utf8(seam.selfId))
    for (const seam of all) {
      const heard = [await next(seam), await next(seam), await next(seam)].map(({ sender, payload }) => [
        sender,
        fromUtf8(payload),
      ])
      const wanted = all.filter((other) => other !== seam).map(({ selfId }) => [selfId, selfId])
      expect(heard.toSorted()).toEqual(wanted.toSorted())
    }
    expect(platform.connections.size).toBe(12)
  })

  it('[RTC-2] a private room is not found by its name, nor by another application', async () => {
    const host = loomOf()
    const seam = await kept(host.host({ sessionName: 'oak' }))
    await expect(loomOf().join(new SignalTag({ room: 'oak' }))).rejects.toBeInstanceOf(RoomNotFoundError)
    await expect(loomOf({ app: 'another' }).join(host.invite(seam))).rejects.toBeInstanceOf(RoomNotFoundError)
  })

  it('[RTC-2] a public room is found by its key, on whatever server it is, and cannot be hosted twice', async () => {
    const roomKey = crypto.randomUUID()
    const host = await kept(loomOf({ servers: servers.slice(1) }).host({ sessionName: 'oak', roomKey }))
    const joiner = await kept(loomOf().join(new SignalTag({ room: roomKey })))
    await listing(2, host, joiner)
    await expect(loomOf().host({ sessionName: 'oak', roomKey })).rejects.toBeInstanceOf(RoomTakenError)
  })

  it('[RTC-3] an unknown room, a full one, and servers that are all dead have their own errors, and leave nothing open', async () => {
    await expect(loomOf().join(new SignalTag({ room: crypto.randomUUID() }))).rejects.toBeInstanceOf(RoomNotFoundError)
    await nothingOpen()
    await expect(loomOf({ servers: [DEAD_SERVER] }).join(new SignalTag({ room: 'oak' }))).rejects.toBeInstanceOf(
      SignalingUnavailableError,
    )
    await expect(loomOf({ servers: [DEAD_SERVER] }).host({ sessionName: 'oak' })).rejects.toBeInstanceOf(
      SignalingUnavailableError,
    )
    await expect(loomOf({ servers: [DEAD_SERVER] }).reopen(new SignalTag({ room: 'oak' }))).rejects.toBeInstanceOf(
      SignalingUnavailableError,
    )
    await nothingOpen()
    const roomKey = crypto.randomUUID()
    const tag = new SignalTag({ room: roomKey })
    await kept(loomOf().host({ sessionName: 'oak', roomKey, maxPeers: 2 }))
    await kept(loomOf().join(tag))
    await expect(loomOf().join(tag)).rejects.toBeInstanceOf(RoomFullError)
  })

  it('[RTC-3] a room that nobody can be linked with is LinkFailedError within the bound, and nothing stays open', async () => {
    const host = loomOf()
    const seam = await kept(host.host({ sessionName: 'oak' }))
    // Only relays may be used, and there is none: no candidate is ever found.
    const joiner = loomOf({ iceTransportPolicy: 'relay', relay: 'never', joinTimeoutMs: 1_500 })
    await expect(joiner.join(host.invite(seam))).rejects.toBeInstanceOf(LinkFailedError)
    await seam.close()
    await nothingOpen()
  })

  it('[RTC-4] an abort at any moment of a join rejects with its reason and leaves nothing open', async () => {
    const host = loomOf()
    const seam = await kept(host.host({ sessionName: 'oak' }))
    const tag = host.invite(seam)
    const reason = new Error("the caller's own")
    for (const afterMs of [0, 1, 3, 6, 10, 15, 20]) {
      const controller = new AbortController()
      const joining = loomOf()
        .join(tag, { signal: controller.signal })
        .then(keep, (error: unknown) => error)
      await sleep(systemClock, afterMs)
      controller.abort(reason)
      const outcome = await joining
      if (outcome !== 'joined') expect(outcome).toBe(reason)
    }
    await Promise.all(seams.splice(0).map((open) => open.close()))
    await nothingOpen()
  })

  it('[RTC-4] an abort of a host or of a reopening rejects with its reason and leaves nothing open', async () => {
    const reason = new Error("the caller's own")
    for (const afterMs of [0, 1, 3]) {
      const controller = new AbortController()
      const { signal } = controller
      const both = [
        loomOf()
          .host({ sessionName: 'oak' }, { signal })
          .then(keep, (error: unknown) => error),
        loomOf()
          .reopen(new SignalTag({ room: crypto.randomUUID() }), { signal })
          .then(keep, (error: unknown) => error),
      ]
      await sleep(systemClock, afterMs)
      controller.abort(reason)
      for (const outcome of await Promise.all(both)) if (outcome !== 'joined') expect(outcome).toBe(reason)
    }
    await Promise.all(seams.splice(0).map((open) => open.close()))
    await nothingOpen()
  })

  it('[RTC-5] who claims the id of another is never listed', async () => {
    const [victim, mallory] = await Promise.all([createPeerIdentity(), createPeerIdentity()])
    const host = loomOf()
    const seam = await kept(host.host({ sessionName: 'oak' }))
    const seen: number[] = []
    seam.peers.listen((peers) => seen.push(peers.size))
    const lies: PeerIdentity[] = [
      { id: victim.id, publicKey: mallory.publicKey, sign: (bytes) => mallory.sign(bytes) },
      { id: victim.id, publicKey: victim.publicKey, sign: (bytes) => mallory.sign(bytes) },
      { id: 'not a hash at all', publicKey: mallory.publicKey, sign: (bytes) => mallory.sign(bytes) },
    ]
    for (const peerIdentity of lies) {
      const joining = loomOf({ peerIdentity, joinTimeoutMs: 1_000 }).join(host.invite(seam))
      // The liar lists the host, whose proof is good; the host closes on it, so what it has is worth nothing.
      await joining
        .then((seamOfLiar) => seamOfLiar.close())
        .catch((error: unknown) => expect(error).toBeInstanceOf(LinkFailedError))
    }
    expect(seen).toEqual([])
    const { refused, refusedSignals } = host.diagnostics(seam)
    expect([...refusedSignals.keys()].toSorted()).toEqual(['forged', 'misattributed'])
    expect(refused.size, 'no link was opened for any of them').toBe(0)
    const honest = await kept(loomOf({ peerIdentity: victim }).join(host.invite(seam)))
    await listing(2, seam, honest)
  })

  it('[RTC-6] the same key coming back supersedes its ghost: others see it leave, then join', async () => {
    const peerIdentity = await createPeerIdentity()
    const host = loomOf()
    const seam = await kept(host.host({ sessionName: 'oak' }))
    const ghost = await kept(loomOf({ peerIdentity }).join(host.invite(seam)))
    await listing(2, seam, ghost)
    const seen: boolean[] = []
    seam.peers.listen((peers) => seen.push(peers.has(peerIdentity.id)))
    const back = await kept(loomOf({ peerIdentity }).join(host.invite(seam)))
    await listing(2, back)
    await until(seam.peers, () => seen.length >= 2, { signal: AbortSignal.timeout(5_000) })
    expect(seen).toEqual([false, true])
    await until(ghost.state, ({ kind }) => kind === 'torn', { signal: AbortSignal.timeout(5_000) })
    await seam.broadcast(utf8('you'))
    expect(fromUtf8((await next(back)).payload)).toBe('you')
    await sleep(systemClock, 700)
    expect(seen).toEqual([false, true])
  })

  it('[RTC-7] a member may be the first to come back: reopen finds the room or opens it', async () => {
    const first = loomOf()
    const seam = await kept(first.host({ sessionName: 'oak' }))
    const tag = first.invite(seam)
    await seam.close()
    await expect(loomOf().join(tag)).rejects.toBeInstanceOf(RoomNotFoundError)
    const [a, b] = await Promise.all([kept(loomOf().reopen(tag)), kept(loomOf().reopen(tag))])
    await listing(2, a, b)
    const c = await kept(loomOf().join(tag))
    await listing(3, a, b, c)
  })

  it('[RTC-8] the first server dies: frames go on, the room moves, a newcomer reaches it through the next', async () => {
    await using cluster = await controlServers(2)
    const [host, joiner] = [loomOf({ servers: cluster.urls }), loomOf({ servers: cluster.urls })]
    const a = await kept(host.host({ sessionName: 'oak' }))
    const b = await kept(joiner.join(host.invite(a)))
    await listing(2, a, b)
    const states: string[] = []
    host.signalling(a).listen((status) => states.push(status.kind))
    const membership: number[] = []
    a.peers.listen((peers) => membership.push(peers.size))
    await cluster.kill(0)
    await b.broadcast(utf8('still here'))
    expect(fromUtf8((await next(a)).payload)).toBe('still here')
    const newcomer = await kept(loomOf({ servers: cluster.urls }).join(host.invite(a)))
    await listing(3, a, b, newcomer)
    expect(membership).toEqual([3])
    // The others may introduce the newcomer before this end has found the room again.
    await until(host.signalling(a), ({ kind }) => kind === 'attached', { signal: AbortSignal.timeout(10_000) })
    expect(states.slice(0, 1).concat(states.slice(-1))).toEqual(['searching', 'attached'])
    expect(host.signalling(a).get()).toEqual({ kind: 'attached', url: new URL(cluster.urls[1] as string).href })
    for (const seam of [a, b, newcomer]) expect(seam.state.get()).toEqual({ kind: 'woven' })
  })

  it('[RTC-8] with every server dead a woven seam goes on, and is found again when one is back', async () => {
    await using cluster = await controlServers(1)
    const host = loomOf({ servers: cluster.urls })
    const a = await kept(host.host({ sessionName: 'oak' }))
    const b = await kept(loomOf({ servers: cluster.urls }).join(host.invite(a)))
    await cluster.stop(0)
    await until(host.signalling(a), (status) => status.kind === 'searching' && status.attempt > 0, {
      signal: AbortSignal.timeout(10_000),
    })
    await b.broadcast(utf8('still here'))
    expect(fromUtf8((await next(a)).payload)).toBe('still here')
    await cluster.start(0)
    await until(host.signalling(a), ({ kind }) => kind === 'attached', { signal: AbortSignal.timeout(15_000) })
    const late = await kept(loomOf({ servers: cluster.urls }).join(host.invite(a)))
    await listing(3, a, late)
  }, 40_000)

  it('[RTC-9] servers that a link names are used only where the loom lists them; one pins the tag to it', async () => {
    const roomKey = crypto.randomUUID()
    await kept(loomOf({ servers: servers.slice(1, 2) }).host({ sessionName: 'oak', roomKey }))
    const elsewhere = new SignalTag({ room: roomKey, servers: [servers[0] as string] })
    await expect(loomOf().join(elsewhere)).rejects.toBeInstanceOf(RoomNotFoundError)
    const foreign = new SignalTag({ room: roomKey, servers: ['wss://evil.example'] })
    await expect(loomOf().join(foreign)).rejects.toBeInstanceOf(SignalingUnavailableError)
    expect([...platform.sockets].filter(({ url }) => url.includes('evil'))).toEqual([])
    const there = await kept(
      loomOf().join(new SignalTag({ room: roomKey, servers: [servers[1] as string, 'wss://evil.example'] })),
    )
    expect(there.peers.get().size).toBe(2)
  })

  it('[RTC-10] the state of each link is told, and tickets and ICE servers are asked for when needed', async () => {
    const asked = { tickets: 0, iceServers: 0 }
    const listed = servers.map((url) => ({ url, ticket: async () => `ticket ${++asked.tickets}` }))
    const host = loomOf({ servers: listed })
    const seam = await kept(host.host({ sessionName: 'oak' }))
    expect(host.links(seam).get().size).toBe(0)
    const joiner = loomOf({
      iceServers: async () => {
        asked.iceServers++
        return []
      },
    })
    const joined = await kept(joiner.join(host.invite(seam)))
    await listing(2, seam)
    expect(host.links(seam).get().get(joined.selfId)).toMatchObject({ state: 'connected', why: null })
    expect(joiner.links(joined).get().get(seam.selfId)).toMatchObject({ state: 'connected', why: null })
    expect(asked).toEqual({ tickets: 1, iceServers: 1 })
    await joined.close()
    await listing(1, seam)
    expect(host.links(seam).get().size).toBe(0)
  })
})

function keep(seam: Seam): 'joined' {
  seams.push(seam)
  return 'joined'
}
