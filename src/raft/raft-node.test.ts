import { describe, expect, it } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { Cluster, readEntries, voters } from './test-support/cluster.ts'

describe('raftNode', () => {
  it('[RAFT-1] a voter alone leads at once and commits', async () => {
    const cluster = new Cluster({ seed: 1 })
    const node = await cluster.start('a', voters('a'))
    const entry = await cluster.clock.run(node.propose(utf8('hello')), { limitMs: 10 })
    expect(node.role.get()).toBe('leader')
    expect(entry).toMatchObject({ index: 2, term: 1, proposer: 'a' })
    await cluster.close()
    await cluster.clock.advance(1000)
    expect(cluster.clock.pendingTimers).toBe(0)
  })

  it('[RAFT-2] three voters elect one leader, and every one of them may propose', async () => {
    const cluster = new Cluster({ seed: 2, latencyMs: 20 })
    const nodes = await cluster.startAll('a', 'b', 'c')
    await cluster.leader()
    const proposals = nodes.map((node) => node.propose(utf8(`from ${node.id}`)))
    await cluster.clock.run(Promise.all(proposals), { limitMs: 3000 })
    const texts = await cluster.clock.run(Promise.all(nodes.map((node) => readEntries(node, 3))))
    expect([...(texts[0] as string[])].sort()).toEqual(['from a', 'from b', 'from c'])
    expect(texts[1]).toEqual(texts[0])
    expect(texts[2]).toEqual(texts[0])
    await cluster.close()
    await cluster.clock.advance(1000)
    expect(cluster.clock.pendingTimers).toBe(0)
  })
})
