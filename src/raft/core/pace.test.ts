import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../sim/index.ts'
import type { NodeId } from '../contract.ts'
import type { RaftMessage } from './message.ts'
import { pacedTiming } from './pace.ts'
import { RaftCore } from './raft-core.ts'

const TIMING = {
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatIntervalMs: 100,
  catchUpTimeoutMs: 5000,
}

/** Cores on links that all take equally long, and lose nothing. Disks take no time. */
class Ocean {
  nowMs = 0
  readonly cores: Map<NodeId, RaftCore> = new Map()
  /** When each new leader came to lead. */
  readonly elections: number[] = []
  readonly heartbeats: number[] = []
  readonly #latencyMs: number
  #wire: { readonly atMs: number; readonly from: NodeId; readonly to: NodeId; readonly message: RaftMessage }[] = []

  constructor(latencyMs: number, scale: { readonly scaleMin?: number; readonly scaleMax?: number }, seed: number) {
    this.#latencyMs = latencyMs
    const random = seededRandom(seed)
    const cluster = { voters: new Set(['a', 'b', 'c']), learners: new Set<string>() }
    for (const id of cluster.voters) {
      const durable = { term: 0, vote: null, leader: null, commit: 0, entries: [], floor: null }
      const timing = { ...TIMING, ...scale }
      this.cores.set(id, new RaftCore({ id, cluster, durable, timing, random, at: this.#at() }))
    }
  }

  run(untilMs: number): void {
    for (;;) {
      const frame = this.#wire[0]
      const sleeper = [...this.cores].sort((a, b) => a[1].nextDeadlineMs - b[1].nextDeadlineMs)[0] as [NodeId, RaftCore]
      const dueMs = sleeper[1].nextDeadlineMs
      const atMs = Math.min(frame?.atMs ?? Infinity, dueMs)
      if (atMs > untilMs) break
      this.nowMs = atMs
      if (frame?.atMs === atMs) {
        this.#wire.shift()
        this.#step(frame.to, { kind: 'message', from: frame.from, message: frame.message })
      } else this.#step(sleeper[0], { kind: 'tick', dueMs })
    }
    this.nowMs = untilMs
  }

  #step(id: NodeId, input: Parameters<RaftCore['step']>[0]): void {
    const core = this.cores.get(id) as RaftCore
    const leads = (): boolean => core.role === 'leader'
    const wasLeader = leads()
    core.step(input, this.#at())
    for (let ready = core.ready(); ; ready = core.ready()) {
      for (const { to, message } of ready.messages) {
        this.#wire.push({ atMs: this.nowMs + this.#latencyMs, from: id, to, message })
        if (message.kind === 'append' && message.entries.length === 0 && to !== 'a') this.heartbeats.push(this.nowMs)
      }
      if (ready.write === null) break
      core.step({ kind: 'written', id: ready.write.id }, this.#at())
    }
    if (!wasLeader && leads()) this.elections.push(this.nowMs)
  }

  #at(): { nowMs: number; wallMs: number; frameBytes: null } {
    return { nowMs: this.nowMs, wallMs: this.nowMs, frameBytes: null }
  }
}

describe('the pace of a cluster', () => {
  it('[RAFT-37] stretches every interval alike, within its bounds, and is as configured while nothing is known', () => {
    const timing = { ...TIMING, scaleMin: 0.2, scaleMax: 4 }
    const minimum = (roundTripMs: number): number => pacedTiming(timing, roundTripMs).electionTimeoutMinMs
    expect([0, 1, 100, 300, 9000].map(minimum)).toEqual([1000, 200, 500, 1500, 4000])
    expect(pacedTiming(timing, 300)).toMatchObject({ electionTimeoutMaxMs: 3000, heartbeatIntervalMs: 150 })
    expect(pacedTiming(TIMING, 300)).toMatchObject(TIMING)
  })

  it('[RAFT-37] that is fixed never elects anybody where answers take longer than patience lasts', () => {
    const ocean = new Ocean(1400, {}, 1)
    ocean.run(120_000)
    expect(ocean.elections).toEqual([])
  })

  it('[RAFT-37] that follows the round trip elects one there, and keeps it', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const ocean = new Ocean(1400, { scaleMax: 8 }, seed)
      ocean.run(120_000)
      expect(ocean.elections.length, `seed ${seed}`).toBe(1)
      expect(ocean.elections[0]).toBeLessThan(60_000)
    }
  })

  it('[RAFT-37] of a healthy link is as configured, and its heartbeats tell nothing', () => {
    const ocean = new Ocean(20, { scaleMax: 4 }, 1)
    ocean.run(30_000)
    expect(ocean.elections).toHaveLength(1)
    const gaps = [...new Set(ocean.heartbeats)].slice(-10).map((atMs, i, all) => atMs - (all[i - 1] ?? atMs - 100))
    expect(new Set(gaps.map(Math.round))).toEqual(new Set([100]))
  })

  it('[RAFT-37] of a fast link may be quicker than configured', () => {
    const ocean = new Ocean(2, { scaleMin: 0.3 }, 1)
    ocean.run(30_000)
    const gaps = [...new Set(ocean.heartbeats)].slice(-10).map((atMs, i, all) => atMs - (all[i - 1] ?? atMs - 30))
    expect(new Set(gaps.map(Math.round))).toEqual(new Set([30]))
    expect(ocean.elections).toHaveLength(1)
  })
})
