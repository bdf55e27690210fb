import { describe, expect, it } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { testIdentity, VirtualClock } from '../sim/index.ts'
import type { NodeId, RaftConfig } from './contract.ts'
import { raftNode } from './raft-node.ts'
import { InMemoryRaftStorage } from './storage/in-memory-raft-storage.ts'
import { voters } from './test-support/cluster.ts'
import { nowhere } from './test-support/nowhere.ts'

describe('raftNode: what it refuses to start on', () => {
  it('[RNODE-1] a storage of another node, and a transport of another peer, are refused', async () => {
    const storage = await InMemoryRaftStorage.create({ peerIdentity: testIdentity('a') })
    await storage.write({ nodeId: 'somebody' })
    await expect(raftNode({ id: 'a', cluster: voters('a'), transport: nowhere('a'), storage })).rejects.toMatchObject({
      name: 'ConfigError',
    })
    await expect(raftNode({ id: 'a', cluster: voters('a'), transport: nowhere('b') })).rejects.toMatchObject({
      name: 'ConfigError',
    })
  })

  it('[RNODE-2] stored state that cannot be right keeps the node from starting', async () => {
    const medium = await InMemoryRaftStorage.create({ peerIdentity: testIdentity('a') })
    const entry = {
      kind: 'noop',
      index: 1,
      term: 1,
      command: new Uint8Array(),
      dedupKey: null,
      proposer: null,
    } as const
    const state = { nodeId: 'a', gameId: null, lineage: null, vote: null, leader: null, snapshot: null }
    for (const [record, broken] of [
      ['entry 1', { ...state, term: 0, entries: [{ ...entry, timeMs: 0 }] }],
      [
        'entry 2',
        {
          ...state,
          term: 1,
          entries: [
            { ...entry, timeMs: 5 },
            { ...entry, index: 2, timeMs: 4 },
          ],
        },
      ],
      ['commit', { ...state, term: 1, commit: 9, entries: [{ ...entry, timeMs: 5 }] }],
    ] as const) {
      const storage = {
        peerIdentity: medium.peerIdentity,
        load: () => Promise.resolve(broken),
        write: () => Promise.resolve(),
        close: () => Promise.resolve(),
      }
      await expect(raftNode({ id: 'a', cluster: voters('a'), transport: nowhere('a'), storage })).rejects.toMatchObject(
        { name: 'CorruptStateError', record },
      )
    }
  })

  it('[RNODE-3] timing that cannot work is refused by name', async () => {
    const start = (config: RaftConfig) =>
      raftNode({ id: 'a', cluster: voters('a'), transport: nowhere('a'), config, clock: new VirtualClock() })
    await expect(start({ heartbeatIntervalMs: 1000 })).rejects.toMatchObject({ name: 'ConfigError' })
    await expect(start({ electionTimeoutMinMs: 2000 })).rejects.toMatchObject({ name: 'ConfigError' })
    await expect(start({ heartbeatIntervalMs: 0 })).rejects.toThrow(RangeError)
    await expect(start({ electionTimeoutMaxMs: Infinity })).rejects.toThrow(RangeError)
    for (const name of [
      'electionTimeoutMinMs',
      'electionTimeoutMaxMs',
      'heartbeatIntervalMs',
      'catchUpTimeoutMs',
      'maxPendingProposals',
    ]) {
      for (const value of [NaN, Infinity, -1, 0, '1000' as never]) {
        await expect(start({ [name]: value })).rejects.toThrow(RangeError)
      }
    }
    for (const timingScaleMin of [0, -1, 1.5, NaN, 0.001, '0.5' as never]) {
      await expect(start({ timingScaleMin })).rejects.toThrow(RangeError)
    }
    for (const timingScaleMax of [0.5, NaN, Infinity, '2' as never]) {
      await expect(start({ timingScaleMax })).rejects.toThrow(RangeError)
    }
  })

  it('[RNODE-17] ids and numbers of members that frames cannot tell of are refused', async () => {
    const clock = new VirtualClock()
    const start = (id: NodeId, cluster = voters(id)) => raftNode({ id, cluster, transport: nowhere(id), clock })
    const many = Array.from({ length: 1024 }, (_, i) => `n${i}`)
    // An automatic client id is longer than the node's, and has to be told too.
    await expect(start('n'.repeat(250))).rejects.toThrow(RangeError)
    await expect(start('a\ud800')).rejects.toThrow(RangeError)
    await expect(start('a', voters('a', 'b'.repeat(300)))).rejects.toThrow(RangeError)
    await expect(start('a', voters('a', ...many))).rejects.toThrow(RangeError)
    await expect(start('a', { voters: new Set(['a', 'b']), learners: new Set(['b']) })).rejects.toThrow(RangeError)
    const node = await start('a')
    await clock.run(node.awaitLeadership())
    await expect(node.changeMembership({ addLearners: many })).rejects.toThrow(RangeError)
    await expect(node.changeMembership({ addLearners: ['n'.repeat(250)] })).rejects.toThrow(RangeError)
    await clock.run(node.changeMembership({ addLearners: many.slice(1) }))
    await node.close()
  })

  it('[RNODE-17] a configuration that no frame of the transport can carry is refused, at the start and in a change', async () => {
    const clock = new VirtualClock()
    const names = (count: number): NodeId[] => Array.from({ length: count }, (_, i) => `${i}`.padStart(40, 'n'))
    const start = (cluster = voters('a')) => raftNode({ id: 'a', cluster, transport: nowhere('a', 4096), clock })
    await expect(start(voters('a', ...names(40)))).rejects.toThrow(RangeError)
    const node = await start()
    await clock.run(node.awaitLeadership())
    await expect(node.changeMembership({ addLearners: names(40) })).rejects.toThrow(RangeError)
    await clock.run(node.changeMembership({ addLearners: names(20) }))
    expect(node.membership.get().learners.size).toBe(20)
    await node.close()
  })

  it('[RNODE-4] expectVirtualTime refuses the system clock', async () => {
    const options = { id: 'a', cluster: voters('a'), transport: nowhere('a'), config: { expectVirtualTime: true } }
    await expect(raftNode(options)).rejects.toMatchObject({ name: 'ConfigError' })
    await expect(raftNode({ ...options, clock: systemClock })).rejects.toMatchObject({ name: 'ConfigError' })
  })
})
