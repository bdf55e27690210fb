import { describe, expect, it } from 'vitest'
import { fromUtf8, utf8 } from '../base/bytes.ts'
import { PayloadTooLargeError } from '../base/errors.ts'
import { testIdentity, VirtualClock } from '../sim/index.ts'
import type { Committed, RaftConfig, RaftNode, RaftWrite } from './contract.ts'
import { raftNode } from './raft-node.ts'
import { InMemoryRaftStorage } from './storage/in-memory-raft-storage.ts'
import { nowhere } from './test-support/nowhere.ts'

const alone = { voters: new Set(['a']), learners: new Set<string>() }

async function soloNode(clock: VirtualClock, storage: InMemoryRaftStorage, config: RaftConfig = {}): Promise<RaftNode> {
  const node = await clock.run(raftNode({ id: 'a', cluster: alone, transport: nowhere('a'), storage, config, clock }))
  await clock.run(node.awaitLeadership())
  return node
}

/** Proposes t1, t2…: the log is a configuration at 1 and then these, so that `tN` is at N + 1. */
async function propose(clock: VirtualClock, node: RaftNode, count: number): Promise<void> {
  for (let i = 1; i <= count; i++) await clock.run(node.propose(utf8(`t${i}`)))
}

function textOf(item: Committed): string {
  if (item.kind === 'internal') return `internal ${item.index}`
  if (item.kind === 'entry') return `${item.entry.index} ${fromUtf8(item.entry.command)}`
  return `install ${item.snapshot.index} ${fromUtf8(item.snapshot.state)}`
}

/** Reads until `count` items have come. */
async function read(stream: AsyncIterable<Committed>, count: number): Promise<string[]> {
  const items: string[] = []
  for await (const item of stream) {
    items.push(textOf(item))
    if (items.length === count) break
  }
  return items
}

describe('publishing a snapshot', () => {
  it('[SNAP-1] replaces the log up to its index in one write, and resolves with the floor', async () => {
    const clock = new VirtualClock()
    const storage = await InMemoryRaftStorage.create({ peerIdentity: testIdentity('a') })
    const writes: RaftWrite[] = []
    const write = storage.write.bind(storage)
    storage.write = (batch) => {
      writes.push(batch)
      return write(batch)
    }
    const node = await soloNode(clock, storage)
    await propose(clock, node, 5)
    writes.length = 0
    expect(await clock.run(node.publishSnapshot(4, utf8('t1 t2 t3')))).toBe(4)
    expect(node.compactionFloor.get()).toBe(4)
    expect(node.logSize().entries).toBe(2)
    const batch = writes.find(({ snapshot }) => snapshot !== undefined)
    expect(batch?.snapshot).toMatchObject({ index: 4, term: 1, configIndex: 1, state: utf8('t1 t2 t3') })
    expect((await storage.reopen().load())?.entries.map(({ index }) => index)).toEqual([5, 6])
    await node.close()
  })

  it('[SNAP-1] refuses what lies beyond the commit index, below the floor, or over the bound, and stores nothing', async () => {
    const clock = new VirtualClock()
    const storage = await InMemoryRaftStorage.create({ peerIdentity: testIdentity('a') })
    const node = await soloNode(clock, storage, { maxSnapshotBytes: 8 })
    await propose(clock, node, 3)
    for (const index of [0, -1, 5, 1.5, Number.NaN, 2 ** 53]) {
      await expect(clock.run(node.publishSnapshot(index, utf8('x')))).rejects.toBeInstanceOf(RangeError)
    }
    await expect(clock.run(node.publishSnapshot(2, utf8('123456789')))).rejects.toBeInstanceOf(PayloadTooLargeError)
    expect(node.compactionFloor.get()).toBe(0)
    expect(await clock.run(node.publishSnapshot(3, utf8('12345678')))).toBe(3)
    for (const index of [2, 3])
      await expect(clock.run(node.publishSnapshot(index, utf8('x')))).rejects.toBeInstanceOf(RangeError)
    await node.close()
    expect((await storage.reopen().load())?.snapshot?.index).toBe(3)
  })

  it('[SNAP-3] a node that starts from a snapshot goes on where the log left off', async () => {
    const clock = new VirtualClock()
    let storage = await InMemoryRaftStorage.create({ peerIdentity: testIdentity('a') })
    const first = await soloNode(clock, storage)
    await propose(clock, first, 3)
    await clock.run(first.publishSnapshot(4, utf8('state')))
    await first.close()
    const before = (await storage.load())?.snapshot?.timeMs ?? Infinity
    storage = storage.reopen()
    const node = await soloNode(clock, storage)
    expect(node.compactionFloor.get()).toBe(4)
    expect(node.membership.get()).toMatchObject({ voters: new Set(['a']), index: 1 })
    const entry = await clock.run(node.propose(utf8('next')))
    expect([entry.index, entry.term]).toEqual([6, 2])
    expect(entry.timeMs).toBeGreaterThanOrEqual(before)
    expect(await clock.run(read(node.committedFrom(1), 3))).toEqual(['install 4 state', 'internal 5', '6 next'])
    await node.close()
  })
})

describe('[SNAP-4] a reader of what has committed', () => {
  it('that starts at or below the floor gets one install, then all above; one that starts above gets none', async () => {
    const clock = new VirtualClock()
    const node = await soloNode(clock, await InMemoryRaftStorage.create({ peerIdentity: testIdentity('a') }))
    await propose(clock, node, 4)
    await clock.run(node.publishSnapshot(3, utf8('s')))
    for (const from of [0, 1, 3]) {
      expect(await clock.run(read(node.committedFrom(from), 3))).toEqual(['install 3 s', '4 t3', '5 t4'])
    }
    expect(await clock.run(read(node.committedFrom(4), 2))).toEqual(['4 t3', '5 t4'])
    await node.close()
  })

  it('that is overtaken gets one install for all it missed; one that is not notices nothing', async () => {
    const clock = new VirtualClock()
    const node = await soloNode(clock, await InMemoryRaftStorage.create({ peerIdentity: testIdentity('a') }))
    await propose(clock, node, 4)
    const slow = node.committedFrom(1)[Symbol.asyncIterator]()
    const quick = node.committedFrom(1)[Symbol.asyncIterator]()
    const next = async (from: AsyncIterator<Committed>): Promise<string> =>
      textOf((await clock.run(from.next())).value as Committed)
    expect(await next(slow)).toBe('internal 1')
    for (const expected of ['internal 1', '2 t1', '3 t2', '4 t3']) expect(await next(quick)).toBe(expected)
    await clock.run(node.publishSnapshot(2, utf8('s2')))
    await clock.run(node.publishSnapshot(4, utf8('s4')))
    expect(await next(slow)).toBe('install 4 s4')
    expect(await next(slow)).toBe('5 t4')
    expect(await next(quick)).toBe('5 t4')
    await node.close()
    expect((await slow.next()).done).toBe(true)
  })
})
