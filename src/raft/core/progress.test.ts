import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../sim/index.ts'
import type { Append, RaftMessage } from './message.ts'
import { MAX_INFLIGHT_BYTES, MAX_INFLIGHT_FRAMES } from './progress.ts'
import { RaftCore } from './raft-core.ts'
import { MAX_BATCH_BYTES } from './replication.ts'

const TIMING = {
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatIntervalMs: 100,
  catchUpTimeoutMs: 5000,
}

/** Leader a and follower b, whose frames wait on either way until they are delivered, or lost. Disks take no time. */
class Pair {
  readonly a: RaftCore
  readonly b: RaftCore
  /** From a, and from b. */
  readonly wire = { a: [] as RaftMessage[], b: [] as RaftMessage[] }
  #nowMs = 0
  #token = 0

  constructor(frameBytes: number | null = null) {
    this.#frameBytes = frameBytes
    const cluster = { voters: new Set(['a', 'b']), learners: new Set<string>() }
    const durable = { term: 0, vote: null, leader: null, commit: 0, entries: [], floor: null }
    const [a, b] = ['a', 'b'].map(
      (id, i) => new RaftCore({ id, cluster, durable, timing: TIMING, random: seededRandom(i), at: this.#at() }),
    )
    this.a = a as RaftCore
    this.b = b as RaftCore
    this.#nowMs = this.a.nextDeadlineMs
    this.#step('a', { kind: 'tick' })
    this.calm()
    expect([this.a.role, this.a.commitIndex]).toEqual(['leader', 1])
  }

  readonly #frameBytes: number | null

  /** So many commands of so many bytes, a round each. */
  propose(count: number, bytes = 1): void {
    for (let i = 0; i < count; i++) {
      const token = ++this.#token
      const dedupKey = { clientId: 'auto:a-0', requestId: token }
      this.#step('a', { kind: 'propose', token, command: new Uint8Array(bytes), dedupKey })
    }
  }

  heartbeat(): void {
    this.#nowMs += TIMING.heartbeatIntervalMs
    this.#step('a', { kind: 'tick' })
  }

  /** Takes one frame that `from` sent off the wire: the first, or any other. */
  pass(from: 'a' | 'b', fate: 'arrives' | 'is lost' | 'arrives twice', which = 0): void {
    const [message] = this.wire[from].splice(which % Math.max(1, this.wire[from].length), 1)
    if (message === undefined || fate === 'is lost') return
    const to = from === 'a' ? 'b' : 'a'
    for (let copies = fate === 'arrives' ? 1 : 2; copies > 0; copies--)
      this.#step(to, { kind: 'message', from, message })
  }

  /** Delivers all there is, and what comes of it. */
  calm(): void {
    while (this.wire.a.length + this.wire.b.length > 0) {
      this.pass('a', 'arrives')
      this.pass('b', 'arrives')
    }
  }

  /** Frames with entries that wait at the wire. */
  get appends(): Append[] {
    return this.wire.a.filter((message) => message.kind === 'append').filter(({ entries }) => entries.length > 0)
  }

  get inflight(): { readonly frames: number; readonly bytes: number } {
    return (this.a.followers.get('b') as { inflight: { frames: number; bytes: number } }).inflight
  }

  #step(at: 'a' | 'b', input: Parameters<RaftCore['step']>[0]): void {
    const core = this[at]
    core.step(input, this.#at())
    for (;;) {
      const { write, messages } = core.ready()
      for (const { message } of messages) this.wire[at].push(message)
      if (write === null) return
      core.step({ kind: 'written', id: write.id }, this.#at())
    }
  }

  #at(): { nowMs: number; wallMs: number; frameBytes: number | null } {
    return { nowMs: this.#nowMs, wallMs: 0, frameBytes: this.#frameBytes }
  }
}

describe('flow control', () => {
  it('[RAFT-45] no more than a window of frames is under way, and each answer makes room for the next', () => {
    const pair = new Pair()
    // Frames of one round go one by one: each holds the entries that the round found.
    pair.propose(MAX_INFLIGHT_FRAMES + 20)
    expect(pair.appends).toHaveLength(MAX_INFLIGHT_FRAMES)
    expect(pair.inflight.frames).toBe(MAX_INFLIGHT_FRAMES)
    pair.pass('a', 'arrives')
    pair.pass('b', 'arrives')
    // What has waited goes in one.
    expect(pair.appends.at(-1)?.entries).toHaveLength(20)
    expect(pair.inflight.frames).toBe(MAX_INFLIGHT_FRAMES)
    pair.calm()
    expect(pair.inflight).toEqual({ frames: 0, bytes: 0 })
    expect(pair.b.log.lastIndex).toBe(MAX_INFLIGHT_FRAMES + 21)
  })

  it('[RAFT-45] nor more bytes than a window has, but for the frame that fills it', () => {
    const pair = new Pair()
    const bytes = 60_000
    pair.propose(30, bytes)
    const most = Math.ceil(MAX_INFLIGHT_BYTES / bytes)
    expect(pair.appends.length).toBeLessThanOrEqual(most)
    expect(pair.appends.length).toBeGreaterThan(most - 2)
    expect(pair.inflight.bytes).toBeLessThan(MAX_INFLIGHT_BYTES + MAX_BATCH_BYTES)
    pair.calm()
    expect(pair.b.commitIndex).toBe(31)
  })

  it('[RAFT-45] a command larger than the whole window goes, alone', () => {
    const pair = new Pair()
    pair.propose(2, MAX_INFLIGHT_BYTES + 1)
    expect(pair.appends.map(({ entries }) => entries.length)).toEqual([1])
    pair.calm()
    expect(pair.b.commitIndex).toBe(3)
  })

  it('[RAFT-45] one frame lost: back to one at a time, from where the follower stands, then on in full', () => {
    const pair = new Pair()
    pair.propose(10)
    pair.pass('a', 'is lost')
    pair.pass('a', 'arrives')
    pair.pass('b', 'arrives')
    // All that was lost and all that came after it, in one probe; nothing beside it before its answer.
    expect(pair.a.followers.get('b')?.mode).toBe('probe')
    expect(pair.appends.at(-1)?.entries).toHaveLength(10)
    const before = pair.appends.length
    pair.propose(5)
    expect(pair.appends).toHaveLength(before)
    pair.calm()
    expect(pair.a.followers.get('b')?.mode).toBe('stream')
    expect(pair.b.commitIndex).toBe(16)
  })

  it('[RAFT-45] a probe that is lost is repeated with the next heartbeat, entries and all', () => {
    const pair = new Pair()
    pair.propose(3)
    for (const fate of ['is lost', 'is lost', 'arrives'] as const) pair.pass('a', fate)
    pair.pass('b', 'arrives')
    pair.wire.a.length = 0
    pair.heartbeat()
    expect(pair.appends.map(({ entries }) => entries.length)).toEqual([3])
    pair.calm()
    expect(pair.b.commitIndex).toBe(4)
  })

  it('[RAFT-45] a refusal that is late, or comes twice, takes nothing back that was acknowledged since', () => {
    const pair = new Pair()
    pair.propose(2)
    pair.pass('a', 'is lost')
    pair.pass('a', 'arrives twice')
    const refusals = pair.wire.b.splice(0)
    expect(refusals.map((message) => message.kind === 'append-reply' && message.accepted)).toEqual([false, false])
    pair.wire.b.push(refusals[0] as RaftMessage)
    pair.calm()
    expect(pair.b.commitIndex).toBe(3)
    pair.wire.b.push(refusals[1] as RaftMessage)
    pair.calm()
    expect(pair.a.followers.get('b')).toMatchObject({ mode: 'stream', match: 3, next: 4 })
    expect(pair.wire.a).toEqual([])
  })

  it('[RAFT-45] whatever is lost, late or doubled, the window holds, and two calm heartbeats make all of it good', () => {
    const fate = fc.constantFrom('arrives' as const, 'is lost' as const, 'arrives twice' as const)
    const step = fc.oneof(
      fc.record({ do: fc.constant('propose' as const), count: fc.integer({ min: 1, max: 80 }) }),
      { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('a' as const, 'b' as const), fate, which: fc.nat() }) },
      fc.record({ do: fc.constant('heartbeat' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        // Frames with room for a few entries.
        const pair = new Pair(600)
        for (const each of steps) {
          if (each.do === 'propose') pair.propose(each.count)
          else if (each.do === 'heartbeat') pair.heartbeat()
          else pair.pass(each.do, each.fate, each.which)
          if (pair.a.role !== 'leader') return
          expect(pair.inflight.frames).toBeLessThanOrEqual(MAX_INFLIGHT_FRAMES)
        }
        // The first one shows what is missing, be it that only answers were lost; the second is for a refusal in between.
        for (let i = 0; i < 2; i++) {
          pair.heartbeat()
          pair.calm()
        }
        if (pair.a.role !== 'leader') return
        expect(pair.b.commitIndex).toBe(pair.a.log.lastIndex)
        expect(pair.inflight).toEqual({ frames: 0, bytes: 0 })
      }),
      { numRuns: 300 },
    )
  })
})
