import { beforeEach, describe, expect, it } from 'vitest'
import { fromUtf8, utf8 } from '../../base/bytes.ts'
import type { StoredEntry, StoredSnapshot } from '../contract.ts'
import { limitsOf } from './limits.ts'
import type { RaftMessage, SnapshotChunk } from './message.ts'
import { RaftCore, type Ready } from './raft-core.ts'
import { imageOf, MAX_IMAGE_OVERHEAD_BYTES, type SnapshotImage } from './snapshot-image.ts'

const TIMING = {
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatIntervalMs: 100,
  catchUpTimeoutMs: 5000,
}
const at = { nowMs: 0, wallMs: 0, frameBytes: null }
const config = { voters: ['self', 'leader', 'other'], learners: [], old: null }

function entry(index: number, term: number): StoredEntry {
  const base = { index, term, timeMs: index * 10, command: Uint8Array.of(index), dedupKey: null, proposer: null }
  return index === 1 ? { ...base, kind: 'config', config } : { ...base, kind: 'command' }
}

function snapshotAt(index: number, term: number, other: Partial<StoredSnapshot> = {}): StoredSnapshot {
  const state = utf8(`what the log amounts to through ${index}`)
  return { index, term, timeMs: index * 10, configIndex: 1, config, sessions: new Uint8Array(0), state, ...other }
}

let core: RaftCore
let serial: number

/** A follower of `leader` in term 3, whose log is [1, 2, 2], committed through 2. */
beforeEach(() => {
  const entries = [entry(1, 1), entry(2, 2), entry(3, 2)]
  const cluster = { voters: new Set<string>(), learners: new Set<string>() }
  const durable = { term: 3, vote: null, leader: null, commit: 2, entries, floor: null }
  const limits = limitsOf({ maxSnapshotBytes: 1000 })
  core = new RaftCore({ id: 'self', cluster, durable, timing: TIMING, limits, random: () => 0.5, at })
  serial = 0
  durableRound(receive('leader', { kind: 'append', term: 3, prevIndex: 3, prevTerm: 2, entries: [], commit: 0 }))
})

function receive(from: string, message: RaftMessage): Ready {
  core.step({ kind: 'message', from, message }, at)
  return core.ready()
}

/** Ends the write of a round. */
function durableRound({ write }: Ready): Ready {
  if (write !== null) core.step({ kind: 'written', id: write.id }, at)
  return core.ready()
}

function chunk(image: SnapshotImage, from = 0, to: number = image.size, term = 3): SnapshotChunk {
  const { index, term: indexTerm, size, digest, bytes } = image
  const data = bytes.subarray(from, to)
  return { kind: 'snapshot', term, index, indexTerm, size, digest, serial: ++serial, offset: from, data }
}

function replies({ messages }: Ready): unknown[] {
  return messages.flatMap(({ message }) => (message.kind === 'snapshot-reply' ? [message] : []))
}

const image = imageOf(snapshotAt(5, 3))

describe('a snapshot that arrives', () => {
  it('[SNAP-7] is installed when it is whole, in one write that cuts the log, and acknowledged when that is durable', () => {
    expect(replies(receive('leader', chunk(image, 0, 20)))).toMatchObject([{ index: 5, serial: 1, offset: 20 }])
    expect(replies(receive('leader', chunk(image, 20, 30)))).toMatchObject([{ serial: 2, offset: 30 }])
    const ready = receive('leader', chunk(image, 30))
    expect(ready.write?.batch).toMatchObject({ truncateFrom: 1, snapshot: { index: 5, term: 3 }, entries: [] })
    expect(fromUtf8(ready.installed?.state as Uint8Array)).toBe('what the log amounts to through 5')
    expect([core.commitIndex, core.log.floorIndex, core.log.lastIndex]).toEqual([5, 5, 5])
    expect(replies(ready)).toEqual([])
    expect(replies(durableRound(ready))).toMatchObject([{ serial: 3, offset: image.size }])
  })

  it('[SNAP-7] pieces that come twice or overlap count once; one beyond a gap is named as such and not kept', () => {
    receive('leader', chunk(image, 0, 20))
    expect(replies(receive('leader', chunk(image, 0, 10)))).toMatchObject([{ offset: 20, missed: false }])
    expect(replies(receive('leader', chunk(image, 30)))).toMatchObject([{ offset: 20, missed: true }])
    expect(replies(receive('leader', chunk(image, 10, 30)))).toMatchObject([{ offset: 30, missed: false }])
    expect(replies(receive('leader', chunk(image, 30, 30)))).toMatchObject([{ offset: 30, missed: false }])
    expect(receive('leader', chunk(image, 30)).installed?.index).toBe(5)
  })

  it('[SNAP-7] what committed in the same round is inside it, and is not handed out after it', () => {
    const append = { kind: 'append', term: 3, prevIndex: 3, prevTerm: 2, entries: [], commit: 3 } as const
    core.step({ kind: 'message', from: 'leader', message: append }, at)
    const { installed, committed } = receive('leader', chunk(image))
    expect([installed?.index, committed]).toEqual([5, []])
  })

  it.each([2, 3])('[SNAP-11] etcd#1837: through %i, which the log has, it is not installed, only commits', (index) => {
    const { installed, write, messages, committed } = receive('leader', chunk(imageOf(snapshotAt(index, 2)), 0, 1))
    expect(installed).toBeNull()
    expect(write?.batch.snapshot).toBeUndefined()
    expect(committed.map((e) => e.index)).toEqual(index === 3 ? [3] : [])
    expect(messages).toMatchObject([{ message: { offset: imageOf(snapshotAt(index, 2)).size } }])
    expect(core.log.lastIndex).toBe(3)
  })

  it('[SNAP-11] etcd#1837: one that is older than the own snapshot is not installed', () => {
    durableRound(receive('leader', chunk(image)))
    const older = imageOf(snapshotAt(4, 3))
    const ready = receive('leader', chunk(older))
    expect(ready.installed).toBeNull()
    expect(replies(ready)).toMatchObject([{ index: 4, offset: older.size }])
    expect([core.commitIndex, core.log.floorIndex, core.snapshot?.index]).toEqual([5, 5, 5])
  })

  it('[SNAP-11] hashicorp#697: entries above it that conflict do not outlive it', () => {
    const appended = [entry(4, 3), entry(5, 3), entry(6, 3)]
    durableRound(
      receive('leader', { kind: 'append', term: 3, prevIndex: 3, prevTerm: 2, entries: appended, commit: 0 }),
    )
    expect(core.log.lastIndex).toBe(6)
    const later = imageOf(snapshotAt(5, 4))
    expect(receive('other', chunk(later, 0, later.size, 5)).write?.batch).toMatchObject({ truncateFrom: 1 })
    expect([core.log.lastIndex, core.log.lastTerm]).toEqual([5, 4])
  })

  it('[SNAP-9] another leader goes on with the very same one, and starts anew with any other', () => {
    receive('leader', chunk(image, 0, 20))
    expect(replies(receive('other', chunk(image, 0, 0, 4)))).toMatchObject([{ term: 4, offset: 20 }])
    const other = imageOf(snapshotAt(4, 3))
    expect(replies(receive('leader', chunk(other, 0, 5, 5)))).toMatchObject([{ offset: 5 }])
    expect(replies(receive('leader', chunk(image, 20, 30, 5)))).toMatchObject([{ offset: 0, missed: true }])
  })

  it('[SNAP-9] a newer one of the same leader takes its place, and late pieces of the older are dropped', () => {
    receive('leader', chunk(image, 0, 20))
    const newer = imageOf(snapshotAt(7, 3))
    expect(replies(receive('leader', chunk(newer, 0, 10)))).toMatchObject([{ index: 7, offset: 10 }])
    expect(replies(receive('leader', chunk(image, 20)))).toEqual([])
    expect(core.dropped.get('snapshot-outdated')).toBe(1)
    expect(receive('leader', chunk(newer, 10)).installed?.index).toBe(7)
  })

  it('[SNAP-11] is not needed any more once the log goes on without a gap', () => {
    receive('leader', chunk(image, 0, 20))
    receive('leader', { kind: 'append', term: 3, prevIndex: 3, prevTerm: 2, entries: [entry(4, 3)], commit: 0 })
    expect(replies(receive('leader', chunk(image, 0, 0)))).toMatchObject([{ offset: 0 }])
  })

  it('[RAFT-20] a proposal that is not in it goes to the leader it came from', () => {
    const dedupKey = { clientId: 'auto:self-1', requestId: 1 }
    core.step({ kind: 'propose', token: 1, command: utf8('x'), dedupKey }, at)
    expect(core.ready().messages).toMatchObject([{ to: 'leader', message: { kind: 'forward' } }])
    const later = imageOf(snapshotAt(5, 5))
    const { messages } = receive('other', chunk(later, 0, later.size, 5))
    expect(messages).toMatchObject([{ to: 'other', message: { kind: 'forward', term: 5 } }])
  })

  it('[SNAP-8] of an older term is answered with the newer one', () => {
    expect(replies(receive('leader', chunk(image, 0, 20, 2)))).toMatchObject([{ term: 3, offset: 0 }])
  })
})

describe('[SNAP-12] a snapshot that cannot be', () => {
  const whole = (snapshot: StoredSnapshot): SnapshotChunk => chunk(imageOf(snapshot))
  const members = (ids: string[], old: string[] | null = null) => ({ config: { voters: ids, learners: [], old } })
  const cases: [string, string, () => RaftMessage][] = [
    ['snapshot-position', 'through index 0', () => ({ ...chunk(image), index: 0 })],
    ['snapshot-position', 'of term 0', () => ({ ...chunk(image), indexTerm: 0 })],
    ['snapshot-position', 'of a term above its leader', () => ({ ...chunk(image), indexTerm: 4 })],
    ['snapshot-range', 'larger than it says', () => ({ ...chunk(image), size: image.size - 1 })],
    ['snapshot-range', 'beyond its end', () => ({ ...chunk(image), offset: 1 })],
    ['snapshot-before-committed', 'of a term before what is committed', () => ({ ...chunk(image), indexTerm: 1 })],
    ['snapshot-rewrites-committed', 'other than what is committed', () => whole(snapshotAt(2, 3))],
    ['snapshot-too-large', 'over the bound', () => ({ ...chunk(image), size: 1001 + MAX_IMAGE_OVERHEAD_BYTES })],
    ['snapshot-digest', 'that is not what its digest says', () => ({ ...chunk(image), digest: image.digest ^ 1 })],
    ['snapshot-content', 'whose content is of another index', () => ({ ...chunk(image), index: 6 })],
    ['snapshot-content', 'whose content is of another term', () => ({ ...chunk(image), indexTerm: 2 })],
    ['snapshot-content', 'older than what is committed', () => whole(snapshotAt(5, 3, { timeMs: 19 }))],
    ['snapshot-content', 'with half a millisecond', () => whole(snapshotAt(5, 3, { timeMs: 50.5 }))],
    ['snapshot-content', 'with a configuration newer than it', () => whole(snapshotAt(5, 3, { configIndex: 6 }))],
    ['snapshot-content', 'with sessions that are none', () => whole(snapshotAt(5, 3, { sessions: Uint8Array.of(9) }))],
    ['snapshot-content', 'without voters', () => whole(snapshotAt(5, 3, members([])))],
    ['snapshot-content', 'joint with nobody', () => whole(snapshotAt(5, 3, members(['self'], [])))],
    ['snapshot-content', 'with a voter twice', () => whole(snapshotAt(5, 3, members(['self', 'self'])))],
    [
      'snapshot-content',
      'with a voter that only listens',
      () => whole(snapshotAt(5, 3, { config: { voters: ['self'], learners: ['self'], old: null } })),
    ],
    ['snapshot-content', 'with a voter without a name', () => whole(snapshotAt(5, 3, members(['self', ''])))],
    ['snapshot-content', 'with a name too long', () => whole(snapshotAt(5, 3, members(['a'.repeat(257)])))],
    [
      'snapshot-content',
      'with too many voters',
      () => whole(snapshotAt(5, 3, members(Array.from({ length: 1025 }, (_, i) => `n${i}`)))),
    ],
  ]
  it.each(cases)('is refused at the gate %s: %s', (gate, _, message) => {
    const ready = receive('leader', message())
    expect([...core.dropped]).toEqual([[gate, 1]])
    expect([ready.installed, ready.write, ready.messages]).toEqual([null, null, []])
    expect([core.term, core.commitIndex, core.log.lastIndex]).toEqual([3, 2, 3])
  })

  it('is refused of a stranger, and of another leader of the term', () => {
    receive('stranger', chunk(image, 0, 10, 9))
    expect(core.dropped.get('leader-not-voter')).toBe(1)
    receive('other', chunk(image, 0, 10, 3))
    expect(core.dropped.get('not-this-terms-leader')).toBe(1)
    expect(core.term).toBe(3)
  })

  it('costs nothing but what arrives: a size announced is no memory taken', () => {
    const before = process.memoryUsage().arrayBuffers
    receive('leader', { ...chunk(image, 0, 10), size: MAX_IMAGE_OVERHEAD_BYTES })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MAX_IMAGE_OVERHEAD_BYTES / 2)
  })
})
