import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { Inbox } from '../base/inbox.ts'
import { testIdentity, VirtualClock } from '../sim/index.ts'
import { decodeRaftMessage, encodeRaftMessage } from './codec.ts'
import type { RaftNode, RaftTransport, StoredEntry } from './contract.ts'
import type { RaftMessage } from './core/message.ts'
import { raftNode } from './raft-node.ts'
import { STARTING_TIMEOUT_MS } from './starting-state.ts'
import { InMemoryRaftStorage } from './storage/in-memory-raft-storage.ts'
import { Cluster, voters } from './test-support/cluster.ts'
import { HeldStorage } from './test-support/held-storage.ts'
import { nowhere } from './test-support/nowhere.ts'

/** A follower of the leader `a` of term 1, which the test plays. */
class Follower {
  readonly clock: VirtualClock = new VirtualClock()
  readonly sent: RaftMessage[] = []
  readonly #inbox = new Inbox<{ from: string; frame: Uint8Array }>()
  readonly storage: HeldStorage
  node!: RaftNode
  #last = 0

  static async start(): Promise<Follower> {
    const follower = new Follower(await HeldStorage.create('b'))
    const { clock, storage } = follower
    const transport: RaftTransport = {
      ...nowhere('b'),
      incoming: follower.#inbox,
      send: (_to, frame) => {
        const message = decodeRaftMessage(frame)
        if (message !== null) follower.sent.push(message)
      },
    }
    follower.node = await raftNode({ id: 'b', cluster: voters('a', 'b', 'c'), transport, storage, clock })
    storage.holding = true
    return follower
  }

  private constructor(storage: HeldStorage) {
    this.storage = storage
  }

  hears(message: RaftMessage, from = 'a'): void {
    this.#inbox.push({ from, frame: encodeRaftMessage(message) })
  }

  /** One more entry of the leader's, which goes on without an answer. */
  append(): void {
    const prevIndex = this.#last++
    const entry: StoredEntry = {
      kind: 'command',
      index: this.#last,
      term: 1,
      command: utf8(`${this.#last}`),
      dedupKey: null,
      proposer: 'a',
      timeMs: 1000 + this.#last,
    }
    const prevTerm = prevIndex === 0 ? 0 : 1
    this.hears({ kind: 'append', term: 1, prevIndex, prevTerm, commit: prevIndex, entries: [entry] })
  }

  /** The last index that this node has promised to keep. */
  get promised(): number {
    const accepted = this.sent.filter((message) => message.kind === 'append-reply' && message.accepted)
    return Math.max(0, ...accepted.map((message) => (message as { index: number }).index))
  }
}

describe('raftNode: a storage that fails', () => {
  it('[RNODE-8] whatever the race, a promise is of what is durable, and after a failure there is none', async () => {
    const move = fc.constantFrom('append', 'append', 'release', 'turn', 'rival')
    const order = fc.constantFrom('oldest first' as const, 'newest first' as const)
    await fc.assert(
      fc.asyncProperty(
        fc.array(move, { maxLength: 24 }),
        fc.array(move, { maxLength: 8 }),
        order,
        async (before, after, answers) => {
          const follower = await Follower.start()
          const { storage, clock } = follower
          const play = async (what: string): Promise<void> => {
            if (what === 'append') follower.append()
            else if (what === 'release') void storage.release()
            else if (what === 'turn') await clock.advance(0)
            else follower.hears({ kind: 'vote', term: 2, lastIndex: 99, lastTerm: 1 }, 'c')
          }
          for (const what of before) {
            await play(what)
            expect(follower.promised).toBeLessThanOrEqual((await storage.disk.load())?.entries.length ?? 0)
          }
          follower.append()
          await clock.advance(0)
          if (storage.underWay === 0) {
            // Nothing of term 1 is taken any more: the vote for term 2 is durable, and so is a new one.
            follower.hears({ kind: 'vote', term: 3, lastIndex: 99, lastTerm: 1 }, 'c')
            await clock.advance(0)
          }
          expect(storage.underWay).toBeGreaterThan(0)
          storage.fail(answers)
          const held = follower.sent.length
          for (const what of after) await play(what)
          await clock.advance(20_000)
          expect(follower.sent.slice(held)).toEqual([])
          expect(follower.node.failure.get()).toMatchObject({ code: 'StorageFailedError', outcome: 'unknown' })
          expect(clock.pendingTimers).toBe(0)
          await follower.node.close()
          expect(follower.node.failure.get()).not.toBeNull()
        },
      ),
      { numRuns: 60 },
    )
  })

  it('[RNODE-8] a leader whose disk fails leads no more, though every follower answers', async () => {
    const cluster = new Cluster({ seed: 4, latencyMs: 10 })
    await cluster.startAll('a', 'b', 'c')
    const leader = await cluster.leader()
    const before = leader.commitIndex.get()
    cluster.storages.get(leader.id)?.failNextWrite()
    const outcomes = await Promise.allSettled([leader.propose(utf8('x')), leader.propose(utf8('y'))])
    expect(outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason)).toMatchObject([
      { code: 'StorageFailedError', outcome: 'unknown' },
      { code: 'StorageFailedError', outcome: 'unknown' },
    ])
    await cluster.clock.advance(5000)
    expect(leader.failure.get()).toBe((outcomes[0] as PromiseRejectedResult).reason)
    expect(leader.role.get()).toBe('follower')
    expect(leader.leader.get()).toBeNull()
    expect(leader.commitIndex.get()).toBe(before)
    for (const call of [
      leader.propose(utf8('z')),
      leader.changeMembership({ remove: ['b'] }),
      leader.awaitLeadership(),
    ])
      await expect(call).rejects.toMatchObject({ code: 'StorageFailedError', outcome: 'refused' })
    await cluster.close()
  })

  it('[RNODE-8] a node that was closed has not failed', async () => {
    const clock = new VirtualClock()
    const node = await raftNode({ id: 'a', cluster: voters('a'), transport: nowhere('a'), clock })
    await node.close()
    expect(node.failure.get()).toBeNull()
  })
})

describe('raftNode: a storage that does not answer', () => {
  const silent = async (silence: 'load' | 'write'): Promise<InMemoryRaftStorage> => {
    const storage = await InMemoryRaftStorage.create({ peerIdentity: testIdentity('a') })
    storage[silence] = () => new Promise<never>(() => {})
    return storage
  }

  for (const silence of ['load', 'write'] as const) {
    it(`[RNODE-30] a start that waits for ${silence} can be aborted`, async () => {
      const clock = new VirtualClock()
      const stop = new AbortController()
      const reason = new Error('enough')
      const options = { id: 'a', cluster: voters('a'), transport: nowhere('a'), storage: await silent(silence) }
      const starting = raftNode({ ...options, clock, signal: stop.signal })
      await clock.advance(10)
      stop.abort(reason)
      await expect(starting).rejects.toBe(reason)
      expect(clock.pendingTimers).toBe(0)
      await expect(raftNode({ ...options, clock, signal: stop.signal })).rejects.toBe(reason)
    })

    it(`[RNODE-30] a start that waits for ${silence} is given up`, async () => {
      const clock = new VirtualClock()
      const options = { id: 'a', cluster: voters('a'), transport: nowhere('a'), storage: await silent(silence) }
      const starting = raftNode({ ...options, clock })
      starting.catch(() => {})
      await clock.advance(STARTING_TIMEOUT_MS)
      await expect(starting).rejects.toMatchObject({ code: 'StorageFailedError', outcome: 'refused' })
      expect(clock.pendingTimers).toBe(0)
    })
  }
})
