import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { TraceNote } from '../trace-event.ts'
import { RaftCore, type Ready } from './raft-core.ts'

/** Where each kind of note is seen: in a transcript, or in the test of that file. Complete, or it does not compile. */
const SEEN: Record<TraceNote['kind'], string> = {
  candidate: 'transcript',
  commit: 'src/raft/raft-node-trace.test.ts',
  compacted: 'transcript',
  config: 'transcript',
  deaf: 'src/raft/core/hostile-frames.test.ts',
  follower: 'transcript',
  'frame-refused': 'transcript',
  installed: 'transcript',
  leader: 'transcript',
  'pre-vote': 'transcript',
  'pre-vote-denied': 'transcript',
  removed: 'transcript',
  slept: 'transcript',
  'snapshot-begun': 'transcript',
  'snapshot-incoming': 'transcript',
  'snapshot-progress': 'transcript',
  'term-exhausted': 'src/raft/core/notes.test.ts',
  transfer: 'transcript',
  'vote-denied': 'transcript',
  'vote-granted': 'transcript',
  'without-effect': 'transcript',
}

const TIMING = {
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatIntervalMs: 100,
  catchUpTimeoutMs: 5000,
}

function coreOf(voters: readonly string[], term: number): RaftCore {
  const at = { nowMs: 0, wallMs: 0, frameBytes: null }
  const durable = { term, vote: null, leader: null, commit: 0, entries: [], floor: null }
  const cluster = { voters: new Set(voters), learners: new Set<string>() }
  return new RaftCore({ id: 'self', cluster, durable, timing: TIMING, random: () => 0.5, at })
}

function tick(core: RaftCore): Ready {
  const nowMs = core.nextDeadlineMs
  core.step({ kind: 'tick' }, { nowMs, wallMs: nowMs, frameBytes: null })
  return core.ready()
}

describe('notes of the core', () => {
  it('[TRC-8] of every kind there is one in a transcript, or in a test of its own', () => {
    const folder = new URL('./transcripts/', import.meta.url)
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.txt'))
    const all = names.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n')
    for (const [kind, where] of Object.entries(SEEN)) {
      if (where === 'transcript') expect(all, kind).toContain(` · ${kind}: `)
      else expect(readFileSync(where, 'utf8'), kind).toContain(`'${kind}'`)
    }
  })

  it('[TRC-3] none is made unless wanted, and what happens is the same', () => {
    const [silent, noted] = [coreOf(['self', 'other'], 0), coreOf(['self', 'other'], 0)]
    noted.notes = true
    const [one, two] = [tick(silent), tick(noted)]
    expect(one.notes).toEqual([])
    expect(two.notes).toEqual([{ kind: 'pre-vote', term: 1 }])
    expect(one.messages).toEqual(two.messages)
    noted.notes = false
    expect(tick(noted).notes).toEqual([])
  })

  it('[TRC-8] a node whose term cannot be counted up says so each time that it would campaign', () => {
    const core = coreOf(['self', 'other'], Number.MAX_SAFE_INTEGER)
    core.notes = true
    for (let i = 0; i < 2; i++) {
      const { notes, messages } = tick(core)
      expect(notes).toEqual([{ kind: 'term-exhausted', term: Number.MAX_SAFE_INTEGER }])
      expect(messages).toEqual([])
    }
  })
})
