import { describe, expect, it } from 'vitest'
import { SignalingUnavailableError } from '../base/errors.ts'
import { until } from '../base/observable.ts'
import { seededRandom } from '../sim/index.ts'
import type { Loom, Seam, Tag, WaitOptions } from '../seam/contract.ts'
import { keepConnected } from '../seam/keep-connected.ts'
import { ServerClusterReconnect } from '../seam/server-cluster-reconnect.ts'
import { bytes, Party, shown, texts } from './test-support/party.ts'

const simulated = { simulated: true }
const [tag0, tag1, tag2] = ['0', '1', '2'].map((peerKey): Tag => ({ sessionName: 'oak', peerKey })) as [Tag, Tag, Tag]

/** Bob's way into the room of `party`, through three servers that may die: what went through one that does is lost. */
class ThreeServers {
  readonly #party: Party
  readonly #loom: Loom
  readonly #dead: Set<string> = new Set()
  #through: string | null = null

  constructor(party: Party) {
    this.#party = party
    this.#loom = party.loom('bob')
  }

  kill({ peerKey }: Tag): void {
    this.#dead.add(peerKey)
    if (this.#through === peerKey) this.#party.network.crash('bob')
  }

  async join(tag: Tag, wait?: WaitOptions): Promise<Seam> {
    if (this.#dead.has(tag.peerKey)) throw new SignalingUnavailableError(`server ${tag.peerKey} is dead`)
    const seam = await this.#loom.join(tag, wait)
    this.#through = tag.peerKey
    return seam
  }
}

describe('the usage of ServerClusterReconnect, line by line', () => {
  it('[CLUSTER-12] over three servers of which two die, one member throughout', async () => {
    const party = new Party(simulated)
    const [ann] = await party.gather('ann', 'cat')
    const loom = new ThreeServers(party)

    // val reconnect = ServerClusterReconnect(endpoints = listOf(tag0, tag1, tag2))
    const reconnect = new ServerClusterReconnect({ endpoints: [tag0, tag1, tag2] })
    // val seam = reconnect.connect(loom), then the admit handshake
    const seam = await party.settle(reconnect.connect(loom))
    const room = await party.settle(party.factory('bob').adopt(seam, { role: 'joiner', memberName: 'Bob' }))
    // reconnect.setToken(room.resumeToken!!)
    expect(room.resumeToken).not.toBeNull()
    reconnect.setToken(room.resumeToken!)
    const [atAnn, atBob] = [texts(ann!), texts(room)]
    await party.advance(50)

    for (const [server, next] of [
      [tag0, tag1],
      [tag1, tag2],
    ] as const) {
      loom.kill(server)
      expect(room.status.get()).toEqual({ kind: 'rejoining' })
      await party.settle(ann!.broadcast(bytes(`${server.peerKey} died`)))
      // reconnect.onTransportTear()
      reconnect.onTransportTear()
      expect(reconnect.currentEndpoint()).toBe(next)
      // val newSeam = reconnect.connect(loom)
      const newSeam = await party.settle(reconnect.connect(loom))
      room.reattach(newSeam)
      // room.resume(reconnect.pendingToken()!!)
      expect(await party.settle(room.resume(reconnect.pendingToken()!))).toEqual({ kind: 'success' })
      // reconnect.clearToken()
      reconnect.clearToken()
      expect(reconnect.pendingToken()).toBeNull()
      reconnect.setToken(room.resumeToken!)
      await party.settle(room.broadcast(bytes(`through ${next.peerKey}`)))
      await party.advance(200)
    }

    expect(atBob).toEqual(['ann: 0 died', 'ann: 1 died'])
    expect(atAnn).toEqual(['bob: through 1', 'bob: through 2'])
    expect(shown(ann!)).toEqual(['cat', 'bob'])
    const kinds = party.kinds(ann!, 'bob')
    expect(kinds.filter((kind) => kind === 'resumed')).toHaveLength(2)
    expect(kinds.filter((kind) => kind === 'joined' || kind.startsWith('left'))).toEqual(['joined'])
  })

  it('[KEEP-13] a room on a kept seam needs none of these lines: its member is back, and missed nothing', async () => {
    const party = new Party(simulated)
    const [ann, cat] = await party.gather('ann', 'cat')
    const loom = new ThreeServers(party)
    const keeping = keepConnected(loom, {
      endpoints: [tag0, tag1, tag2],
      clock: party.clock,
      random: seededRandom(1),
    })
    const seam = await party.settle(keeping)
    const room = await party.settle(party.factory('bob').adopt(seam, { role: 'joiner' }))
    const seen = party.watch(room)
    const [atAnn, atBob] = [texts(ann!), texts(room)]
    const channel = { ann: ann!.channel('chat'), bob: room.channel('chat') }
    await party.advance(50)

    for (const server of [tag0, tag1]) {
      loom.kill(server)
      await party.advance(1)
      await party.settle(ann!.broadcast(bytes(`${server.peerKey} died`)))
      await party.settle(room.broadcast(bytes(`so I hear, ${server.peerKey}`)))
      await party.settle(channel.bob.sendTo('ann', bytes('hello')))
      await party.settle(until(seam.state, ({ kind }) => kind === 'woven'))
      await party.advance(500)
    }

    expect(seam.progress.get()).toMatchObject({ phase: 'connected', endpoint: tag2 })
    expect(room.status.get()).toEqual({ kind: 'member' })
    expect(atBob).toEqual(['ann: 0 died', 'ann: 1 died'])
    expect(atAnn).toEqual(['bob: so I hear, 0', 'bob: so I hear, 1'])
    for (const other of [ann!, cat!]) {
      expect(party.kinds(other, 'bob').filter((kind) => kind === 'joined' || kind.startsWith('left'))).toEqual([
        'joined',
      ])
      expect(shown(other)).toContain('bob')
    }
    expect(seen.filter(({ kind }) => kind === 'missed')).toEqual([])
    await party.settle(room.leave())
    expect([seam.state.get().kind, seam.progress.get().phase]).toEqual(['torn', 'closed'])
  })

  it.each([[['ann']], [['ann', 'cat']]])(
    '[KEEP-13] gone from %j for longer than its window it comes in anew, over the same seam',
    async (names) => {
      const party = new Party(simulated)
      const [ann] = await party.gather(...names)
      let isDown = false
      const loom = party.loom('bob')
      const join = (tag: Tag, wait?: WaitOptions): Promise<Seam> =>
        isDown ? Promise.reject(new SignalingUnavailableError('down')) : loom.join(tag, wait)
      const keeping = keepConnected({ join }, { endpoints: [tag0], clock: party.clock, random: seededRandom(2) })
      const seam = await party.settle(keeping)
      const room = await party.settle(party.factory('bob').adopt(seam, { role: 'joiner', memberName: 'Bob' }))
      isDown = true
      party.network.crash('bob')
      await party.advance(8_000)
      expect(shown(ann!)).not.toContain('bob')
      isDown = false
      await party.advance(30_000)
      expect(ann!.roster.get().get('bob')?.name).toBe('Bob')
      expect(room.status.get()).toEqual({ kind: 'member' })
      expect(new Set([ann!.host.get(), room.host.get()]).size, 'hosts').toBe(1)
      expect([...room.roster.get().keys()].toSorted()).toEqual(names)
    },
  )
})
