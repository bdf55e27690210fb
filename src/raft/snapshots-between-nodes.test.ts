import { describe, expect, it } from 'vitest'
import { fromUtf8, utf8 } from '../base/bytes.ts'
import type { Committed, NodeId, RaftNode } from './contract.ts'
import { Cluster, voters } from './test-support/cluster.ts'

/** No tail: who lacks a compacted entry gets a snapshot. */
const config = { tailEntries: 0 }

/** After a cut that long links are gone, and with them what waited on them. */
const PEER_LOSS_MS = 20_000

/** An application whose state is the texts it was given. */
class Texts {
  index = 0
  texts: string[] = []
  installs = 0
  /** Ends with the node. */
  readonly ended: Promise<void>

  constructor(node: RaftNode) {
    this.ended = this.#follow(node.committedFrom(1))
  }

  get state(): Uint8Array {
    return utf8(JSON.stringify(this.texts))
  }

  async #follow(stream: AsyncIterable<Committed>): Promise<void> {
    for await (const item of stream) {
      const index =
        item.kind === 'entry' ? item.entry.index : item.kind === 'internal' ? item.index : item.snapshot.index
      if (item.kind === 'install' ? index <= this.index : index !== this.index + 1)
        throw new Error(`${item.kind} ${index} after ${this.index}`)
      this.index = index
      if (item.kind === 'entry') this.texts.push(fromUtf8(item.entry.command))
      if (item.kind !== 'install') continue
      this.texts = JSON.parse(fromUtf8(item.snapshot.state)) as string[]
      this.installs++
    }
  }
}

interface Table {
  readonly cluster: Cluster
  readonly leader: RaftNode
  readonly others: readonly RaftNode[]
  readonly texts: ReadonlyMap<NodeId, Texts>
}

async function three(seed: number): Promise<Table> {
  const cluster = new Cluster({ seed, latencyMs: 10 })
  const nodes: RaftNode[] = []
  for (const id of ['a', 'b', 'c']) nodes.push(await cluster.start(id, voters('a', 'b', 'c'), config))
  const texts = new Map(nodes.map((node) => [node.id, new Texts(node)]))
  const leader = await cluster.leader()
  return { cluster, leader, others: nodes.filter((node) => node !== leader), texts }
}

async function compact({ cluster, texts }: Table, node: RaftNode): Promise<void> {
  const { index, state } = texts.get(node.id) as Texts
  await cluster.clock.run(node.publishSnapshot(index, state))
}

describe('between nodes', () => {
  it('[SNAP-4] [SNAP-8] one that was away gets the snapshot, its reader one install, and all goes on', async () => {
    const table = await three(1)
    const { cluster, leader, others, texts } = table
    const away = others[1] as RaftNode
    await cluster.clock.run(leader.propose(utf8('before')))
    await cluster.clock.advance(100)
    for (const node of [leader, others[0] as RaftNode]) cluster.network.cut(away.id, node.id)
    for (let i = 0; i < 20; i++) await cluster.clock.run(leader.propose(utf8(`away ${i}`)))
    await compact(table, leader)
    await cluster.clock.run(leader.propose(utf8('after')))
    await cluster.clock.advance(PEER_LOSS_MS)
    cluster.network.heal()
    await cluster.clock.advance(10_000)
    const seen = texts.get(away.id) as Texts
    expect(seen.texts).toEqual((texts.get(leader.id) as Texts).texts)
    expect(seen.installs).toBe(1)
    expect(away.compactionFloor.get()).toBe(leader.compactionFloor.get())
    await cluster.clock.run(away.propose(utf8('back')))
    await cluster.close()
    for (const each of texts.values()) await each.ended
    await cluster.clock.advance(1000)
    expect(cluster.clock.pendingTimers).toBe(0)
  })

  it('[SNAP-11] a proposal whose entry is inside the snapshot resolves with its place', async () => {
    const table = await three(2)
    const { cluster, leader, others, texts } = table
    const [near, deaf] = others as [RaftNode, RaftNode]
    await cluster.clock.advance(200)
    for (const from of [leader, near]) cluster.network.cut(from.id, deaf.id, { oneWay: true })
    const proposing = deaf.propose(utf8('unheard'))
    await cluster.clock.advance(100)
    expect((texts.get(near.id) as Texts).texts).toEqual(['unheard'])
    for (const node of [leader, near]) await compact(table, node)
    await cluster.clock.advance(PEER_LOSS_MS)
    cluster.network.heal()
    const entry = await cluster.clock.run(proposing)
    expect(entry.index).toBeLessThanOrEqual(deaf.compactionFloor.get())
    expect(fromUtf8(entry.command)).toBe('unheard')
    await cluster.clock.advance(100)
    expect((texts.get(deaf.id) as Texts).installs).toBe(1)
    await cluster.close()
  })

  it('[SNAP-2] [SNAP-8] a newcomer gets a large snapshot through frames of the link, then a vote', async () => {
    const table = await three(3)
    const { cluster, leader } = table
    const before = await cluster.clock.run(leader.propose(utf8('x'.repeat(100_000))))
    for (let i = 0; i < 19; i++) await cluster.clock.run(leader.propose(utf8('x'.repeat(100_000))))
    await compact(table, leader)
    const newcomer = await cluster.start('d', voters(), config)
    const seen = new Texts(newcomer)
    await cluster.clock.run(leader.changeMembership({ addLearners: ['d'], promote: ['d'] }), { limitMs: 20_000 })
    await cluster.clock.advance(500)
    expect(seen.texts).toHaveLength(20)
    expect(newcomer.compactionFloor.get()).toBeGreaterThan(before.index)
    expect(newcomer.role.get()).toBe('follower')
    expect(newcomer.membership.get()).toEqual(leader.membership.get())
    await cluster.close()
  })
})
