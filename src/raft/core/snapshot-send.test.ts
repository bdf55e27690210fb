import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../../sim/index.ts'
import { decodeRaftMessage, encodeRaftMessage } from '../codec.ts'
import type { NodeId, StoredEntry, StoredSnapshot } from '../contract.ts'
import { limitsOf } from './limits.ts'
import type { RaftMessage, SnapshotChunk } from './message.ts'
import { RaftCore, type Ready } from './raft-core.ts'
import { imageOf } from './snapshot-image.ts'
import { CHUNK_HEADER_BYTES, MAX_CHUNK_BYTES, SNAPSHOT_WINDOW_BYTES } from './snapshot-send.ts'

const TIMING = {
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatIntervalMs: 100,
  catchUpTimeoutMs: 5000,
}
const config = { voters: ['leader'], learners: ['far'], old: null }
const cluster = { voters: new Set<NodeId>(), learners: new Set<NodeId>() }

const entry = (index: number): StoredEntry => ({
  kind: 'command',
  index,
  term: 1,
  timeMs: 0,
  command: Uint8Array.of(index),
  dedupKey: null,
  proposer: null,
})

function snapshotOf(index: number, bytes: number): StoredSnapshot {
  const state = Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + (i >> 8)) % 251)
  return { index, term: 1, timeMs: 0, configIndex: 1, config, sessions: new Uint8Array(0), state }
}

/** A leader of one voter and the learner `far`, with a snapshot through 3 of so many bytes and entries 4 and 5. */
class Pair {
  nowMs = 0
  readonly leader: RaftCore
  far: RaftCore
  /** Frames on their way, and to whom. */
  wire: { readonly to: NodeId; readonly message: RaftMessage }[] = []
  sentBytes = 0
  readonly #frameBytes: number | null

  constructor(stateBytes: number, frameBytes: number | null = null) {
    this.#frameBytes = frameBytes
    const durable = { term: 1, vote: null, leader: null, commit: 5, entries: [entry(4), entry(5)] }
    this.leader = this.#core('leader', { ...durable, floor: snapshotOf(3, stateBytes) })
    this.far = this.restarted()
    this.tick()
  }

  restarted(): RaftCore {
    return this.#core('far', { term: 0, vote: null, leader: null, commit: 0, entries: [], floor: null })
  }

  /** To the leader's next heartbeat. */
  tick(): void {
    this.nowMs = Math.max(this.nowMs + TIMING.heartbeatIntervalMs, this.leader.nextDeadlineMs)
    this.step(this.leader, { kind: 'tick' })
  }

  step(core: RaftCore, input: Parameters<RaftCore['step']>[0]): Ready {
    core.step(input, this.#at())
    const ready = core.ready()
    for (const { to, message } of ready.messages) {
      if (message.kind === 'snapshot') this.sentBytes += message.data.length
      const frame = encodeRaftMessage(message)
      if (this.#frameBytes !== null) expect(frame.length).toBeLessThanOrEqual(this.#frameBytes)
      this.wire.push({ to, message: decodeRaftMessage(frame) as RaftMessage })
    }
    if (ready.write !== null) this.step(core, { kind: 'written', id: ready.write.id })
    return ready
  }

  /** Delivers the frame at `at`. */
  deliver(at = 0): void {
    const [frame] = this.wire.splice(at, 1)
    if (frame === undefined) return
    const [from, core] = frame.to === 'far' ? ['leader', this.far] : ['far', this.leader]
    this.step(core as RaftCore, { kind: 'message', from: from as NodeId, message: frame.message })
  }

  deliverAll(): void {
    while (this.wire.length > 0) this.deliver()
  }

  get chunks(): SnapshotChunk[] {
    return this.wire.flatMap(({ message }) => (message.kind === 'snapshot' ? [message] : []))
  }

  #core(id: NodeId, durable: ConstructorParameters<typeof RaftCore>[0]['durable']): RaftCore {
    const limits = limitsOf({ tailEntries: 0 })
    return new RaftCore({ id, cluster, durable, timing: TIMING, limits, random: () => 0.5, at: this.#at() })
  }

  #at() {
    return { nowMs: this.nowMs, wallMs: 0, frameBytes: this.#frameBytes }
  }
}

let pair: Pair

/** Up to the answer to the first chunk, which opens the window. */
function open(): void {
  while (pair.chunks.length === 0) pair.deliver()
  pair.deliver()
  pair.deliver()
}

describe('a snapshot that is sent', () => {
  beforeEach(() => {
    pair = new Pair(1_000_000)
  })

  it('[SNAP-8] brings a follower up to the entries after it', () => {
    pair.deliverAll()
    expect(pair.far.log.floorIndex).toBe(3)
    expect(pair.far.commitIndex).toBe(pair.leader.commitIndex)
    expect(imageOf(pair.far.snapshot as StoredSnapshot).digest).toBe(imageOf(snapshotOf(3, 1_000_000)).digest)
    expect(pair.leader.followers.get('far')?.match).toBe(pair.leader.log.lastIndex)
    expect(pair.sentBytes).toBe(imageOf(snapshotOf(3, 1_000_000)).size)
  })

  it('[SNAP-8] begins with one chunk, then keeps a window full', () => {
    while (pair.chunks.length === 0) pair.deliver()
    expect(pair.chunks.map(({ offset, data }) => [offset, data.length])).toEqual([[0, MAX_CHUNK_BYTES]])
    open()
    const sum = (): number => pair.chunks.reduce((bytes, { data }) => bytes + data.length, 0)
    expect(sum()).toBe(SNAPSHOT_WINDOW_BYTES)
    pair.deliver()
    pair.deliver(pair.wire.length - 1)
    expect(sum()).toBe(SNAPSHOT_WINDOW_BYTES)
  })

  it('[SNAP-8] a heartbeat sends nothing again, and asks only where nothing was heard', () => {
    open()
    const before = pair.sentBytes
    pair.tick()
    expect(pair.chunks.filter(({ data }) => data.length === 0)).toEqual([])
    pair.tick()
    expect(pair.chunks.filter(({ data }) => data.length === 0)).toHaveLength(1)
    expect(pair.sentBytes).toBe(before)
    pair.deliverAll()
    expect(pair.far.snapshot?.index).toBe(3)
  })

  it('[SNAP-8] one chunk lost is one step back, however many answers tell of it', () => {
    open()
    pair.wire.shift()
    pair.deliverAll()
    expect(pair.far.snapshot?.index).toBe(3)
    expect(pair.sentBytes).toBeLessThan(1_000_100 + 2 * SNAPSHOT_WINDOW_BYTES)
  })

  it('[SNAP-8] a follower that restarts in the middle starts from what it holds: nothing', () => {
    open()
    pair.far = pair.restarted()
    pair.deliverAll()
    pair.tick()
    pair.tick()
    pair.deliverAll()
    expect(pair.far.snapshot?.index).toBe(3)
  })

  it('[SNAP-8] a newer snapshot of the leader does not restart it', () => {
    open()
    pair.step(pair.leader, { kind: 'compact', token: 1, index: 5, state: new Uint8Array(10) })
    pair.tick()
    pair.tick()
    expect(new Set(pair.chunks.map(({ index }) => index))).toEqual(new Set([3]))
    pair.deliverAll()
    expect(pair.far.log.floorIndex).toBe(5)
    expect(pair.far.commitIndex).toBe(pair.leader.commitIndex)
  })

  it('[SNAP-8] one that was not heard of for long gets the newest one when it is back', () => {
    open()
    pair.wire = []
    pair.step(pair.leader, { kind: 'compact', token: 1, index: 5, state: new Uint8Array(10) })
    for (let i = 0; i < 30; i++) {
      pair.tick()
      pair.wire = []
    }
    pair.tick()
    expect(pair.chunks.map(({ index }) => index)).toEqual([5])
    pair.deliverAll()
    expect(pair.far.log.floorIndex).toBe(5)
  })

  it('[SNAP-8] one that does not answer is asked, and sent no data again', () => {
    open()
    pair.wire = []
    const before = pair.sentBytes
    for (let i = 0; i < 50; i++) pair.tick()
    expect(pair.chunks.length).toBeGreaterThan(40)
    expect(pair.sentBytes).toBe(before)
  })

  it('[SNAP-8] one that can be reached again is asked at once', () => {
    open()
    pair.wire = []
    pair.step(pair.leader, { kind: 'reachable', peer: 'far' })
    expect(pair.chunks.map(({ data }) => data.length)).toEqual([0])
  })

  it('[SNAP-8] one whose log turns out to reach where the entries begin needs no snapshot', () => {
    open()
    pair.wire = []
    const accepted = {
      kind: 'append-reply',
      term: pair.leader.term,
      accepted: true,
      hintIndex: 0,
      hintTerm: 0,
    } as const
    pair.step(pair.leader, { kind: 'message', from: 'far', message: { ...accepted, index: 3 } })
    expect(pair.chunks).toEqual([])
    expect(pair.wire.map(({ message }) => message)).toMatchObject([{ kind: 'append', prevIndex: 3 }])
  })

  it('[SNAP-8] to one that is absent stops no compaction', () => {
    open()
    pair.wire = []
    const { outcomes } = pair.step(pair.leader, { kind: 'compact', token: 1, index: 5, state: new Uint8Array(10) })
    expect(outcomes).toEqual([])
    expect(pair.leader.log.floorIndex).toBe(5)
  })

  it('[SNAP-12] answers about what was never sent move nothing', () => {
    open()
    const answer = {
      kind: 'snapshot-reply',
      term: pair.leader.term,
      index: 3,
      serial: 2,
      offset: 0,
      missed: false,
    } as const
    pair.wire = []
    for (const reply of [
      { ...answer, index: 4, offset: 2 ** 52 },
      { ...answer, serial: 2 ** 52, offset: 2 },
      { ...answer, serial: 0, missed: true },
    ]) {
      pair.step(pair.leader, { kind: 'message', from: 'far', message: reply })
      expect(pair.chunks).toEqual([])
      expect(pair.leader.followers.get('far')?.match).toBe(0)
    }
    pair.step(pair.leader, { kind: 'message', from: 'far', message: { ...answer, offset: 2 ** 52 } })
    expect(pair.leader.followers.get('far')?.match).toBe(3)
    const stranger = pair.step(pair.leader, { kind: 'message', from: 'stranger', message: answer })
    expect(stranger.messages).toEqual([])
    expect(pair.leader.dropped.get('reply-not-member')).toBe(1)
  })
})

it('[SNAP-8] under any loss, doubling and overtaking it arrives whole, in frames that fit', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 1, max: 2000 }),
      fc.integer({ min: 50, max: 400 }),
      (seed, bytes, room) => {
        const random = seededRandom(seed)
        pair = new Pair(bytes, CHUNK_HEADER_BYTES + room)
        for (let round = 0; pair.far.commitIndex !== pair.leader.commitIndex || pair.far.commitIndex < 5; round++) {
          expect(round).toBeLessThan(20_000)
          const at = random() < 0.8 ? 0 : Math.floor(random() * Math.min(4, pair.wire.length))
          const fate = random()
          if (pair.wire.length === 0) pair.tick()
          else if (fate < 0.1) pair.wire.splice(at, 1)
          else if (fate < 0.2) pair.wire.push(pair.wire[at] as (typeof pair.wire)[0])
          else pair.deliver(at)
        }
        expect(pair.far.snapshot).toEqual(pair.leader.snapshot)
        return true
      },
    ),
    { numRuns: 40 },
  )
})
