import { describe, expect, it, onTestFinished } from 'vitest'
import { controlServers, type ControlledServers } from '../../test/browser/control-servers.ts'
import { sleep } from '../base/abort.ts'
import { systemClock } from '../base/clock.ts'
import { until } from '../base/observable.ts'
import { type LinkDriver, nativeLinks, SignalTag, WebRtcLoom } from '../fabric/webrtc/index.ts'
import type { Link, LinkOptions } from '../mesh/link/link-driver.ts'
import type { Seam } from '../seam/contract.ts'
import { keepConnected } from '../seam/keep-connected.ts'
import { createPeerIdentity } from '../seam/peer-identity.ts'
import { ServerClusterReconnect } from '../seam/server-cluster-reconnect.ts'
import type { MembershipEvent, Room } from './contract.ts'
import { SeamRoomFactory } from './seam-room-factory.ts'
import { bytes, texts } from './test-support/party.ts'

/** Native links that can be cut: both ends lose them, and nobody said goodbye. */
class CuttableLinks implements LinkDriver {
  readonly #native = nativeLinks()
  readonly #open: Map<Link, LinkOptions['events']> = new Map()

  open(options: LinkOptions): Link {
    const link = this.#native.open(options)
    this.#open.set(link, options.events)
    return link
  }

  cut(): void {
    for (const [link, events] of this.#open) {
      void link.close()
      events.onClosed('cut')
    }
    this.#open.clear()
  }
}

/** Ann hosts by all servers; bob has a loom, and a tag for each server. */
async function setTable(cluster: ControlledServers) {
  const [annId, bobId] = await Promise.all([createPeerIdentity(), createPeerIdentity()])
  const common = { app: 'selvage tests', servers: cluster.urls, iceServers: [] }
  const annLoom = new WebRtcLoom({ ...common, peerIdentity: annId })
  const annSeam = await annLoom.host({ sessionName: 'oak' })
  const ann = await new SeamRoomFactory(annLoom, { identity: annId }).adopt(annSeam, { role: 'host' })
  onTestFinished(() => ann.leave())
  const { room, secret } = annLoom.invite(annSeam)
  const links = new CuttableLinks()
  const loom = new WebRtcLoom({ ...common, peerIdentity: bobId, links })
  return {
    ann,
    loom,
    links,
    bobId,
    factory: new SeamRoomFactory(loom, { identity: bobId }),
    tags: cluster.urls.map((url) => new SignalTag({ room, secret, servers: [url] })),
    /** Ann is to be found through that server. */
    movedTo: (index: number) => {
      const url = new URL(cluster.urls[index] as string).href
      return soon(annLoom.signalling(annSeam), (status) => status.kind === 'attached' && status.url === url)
    },
  }
}

const soon: typeof until = (source, accept) => until(source, accept as never, { signal: AbortSignal.timeout(20_000) })

const alone = (seam: Seam): Promise<unknown> => soon(seam.peers, (peers) => peers.size === 1)

function kindsOf(room: Room): string[] {
  const seen: string[] = []
  const nameOf = (event: MembershipEvent): string =>
    event.kind === 'left' || event.kind === 'away' ? `${event.kind}: ${event.reason}` : event.kind
  void (async () => {
    for await (const event of room.events) seen.push(nameOf(event))
  })()
  return seen
}

async function heard(seen: readonly string[], text: string): Promise<void> {
  for (let i = 0; i < 800 && !seen.includes(text); i++) await sleep(systemClock, 25)
  expect(seen).toContain(text)
}

describe('a joiner that faces three signalling servers of which two die', () => {
  it('[CLUSTER-12] the usage of ServerClusterReconnect, line by line', { timeout: 60_000 }, async () => {
    await using cluster = await controlServers(3)
    const { ann, loom, links, factory, tags, movedTo } = await setTable(cluster)
    const [atAnn, aboutBob] = [texts(ann), kindsOf(ann)]

    // val reconnect = ServerClusterReconnect(endpoints = listOf(tag0, tag1, tag2))
    const reconnect = new ServerClusterReconnect({ endpoints: tags })
    // val seam = reconnect.connect(loom)
    let seam = await reconnect.connect(loom)
    // The admit handshake; on success, register the token: reconnect.setToken(room.resumeToken!!)
    const room = await factory.adopt(seam, { role: 'joiner', memberName: 'Bob' })
    onTestFinished(() => room.leave())
    expect(room.resumeToken).not.toBeNull()
    reconnect.setToken(room.resumeToken!)
    const atBob = texts(room)

    for (const dying of [0, 1]) {
      await cluster.kill(dying)
      links.cut()
      await alone(seam)
      await movedTo(dying + 1)
      await ann.broadcast(bytes(`server ${dying} died`))

      // On transport tear: reconnect.onTransportTear()
      reconnect.onTransportTear()
      expect(reconnect.currentEndpoint()).toBe(tags[dying + 1])
      // val newSeam = reconnect.connect(loom)
      const newSeam = await reconnect.connect(loom)
      room.reattach(newSeam)
      // Present the token for resume on the new endpoint: room.resume(reconnect.pendingToken()!!)
      expect(await room.resume(reconnect.pendingToken()!)).toEqual({ kind: 'success' })
      // On success, clear the token: reconnect.clearToken()
      reconnect.clearToken()
      expect(reconnect.pendingToken()).toBeNull()
      // What the resume gave is the token for the next time.
      reconnect.setToken(room.resumeToken!)

      expect(seam.state.get().kind).toBe('torn')
      seam = newSeam
      await heard(atBob, `${ann.selfId}: server ${dying} died`)
      await room.broadcast(bytes(`through server ${dying + 1}`))
      await heard(atAnn, `${room.selfId}: through server ${dying + 1}`)
    }

    expect([...ann.roster.get().values()].map(({ name }) => name)).toEqual(['Bob'])
    expect(aboutBob.filter((kind) => kind === 'joined' || kind.startsWith('left'))).toEqual(['joined'])
    expect(aboutBob.filter((kind) => kind === 'resumed')).toHaveLength(2)
  })

  it('[KEEP-13] a room on a kept seam comes back by itself', { timeout: 60_000 }, async () => {
    await using cluster = await controlServers(3)
    const { ann, loom, links, factory, tags } = await setTable(cluster)
    const [atAnn, aboutBob] = [texts(ann), kindsOf(ann)]
    const reopening = { join: (tag: SignalTag, wait?: object) => loom.reopen(tag, wait) }
    const seam = await keepConnected(reopening, { endpoints: tags, aloneTimeoutMs: 1_000 })
    const room = await factory.adopt(seam, { role: 'joiner', memberName: 'Bob' })
    onTestFinished(() => room.leave())
    const atBob = texts(room)

    for (const dying of [0, 1]) {
      await cluster.kill(dying)
      links.cut()
      await alone(seam)
      await ann.broadcast(bytes(`server ${dying} died`))
      await room.broadcast(bytes(`so I hear, ${dying}`))
      await heard(atBob, `${ann.selfId}: server ${dying} died`)
      await heard(atAnn, `${room.selfId}: so I hear, ${dying}`)
    }

    expect(seam.progress.get()).toMatchObject({ phase: 'connected', lastError: null })
    expect([...ann.roster.get().values()].map(({ name }) => name)).toEqual(['Bob'])
    expect(aboutBob.filter((kind) => kind === 'joined' || kind.startsWith('left'))).toEqual(['joined'])
    expect([atAnn, atBob].map((seen) => seen.length)).toEqual([2, 2])
  })
})
