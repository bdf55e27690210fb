import { describe, expect, it } from 'vitest'
import { fromUtf8, utf8 } from '../../base/bytes.ts'
import type { StoredEntry, StoredSnapshot } from '../contract.ts'
import { RaftCore } from './raft-core.ts'
import type { DurableState, Outcome } from './replica.ts'
import { MAX_DURABLE_CLIENTS } from './sessions.ts'

const TIMING = {
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatIntervalMs: 100,
  catchUpTimeoutMs: 5000,
}
const EMPTY: DurableState = { term: 0, vote: null, leader: null, commit: 0, entries: [], floor: null }
const at = { nowMs: 0, wallMs: 5000, frameBytes: null }

/** A voter that is alone: what it proposes has committed when the call returns. */
class Alone {
  readonly core: RaftCore
  readonly entries: StoredEntry[]
  #token = 0

  constructor(durable = EMPTY) {
    const cluster = { voters: new Set(['a']), learners: new Set<string>() }
    this.entries = [...durable.entries]
    this.core = new RaftCore({ id: 'a', cluster, durable, timing: TIMING, random: () => 0.5, at })
    this.core.step({ kind: 'tick' }, at)
    this.settle()
  }

  settle(): Outcome[] {
    const outcomes: Outcome[] = []
    for (;;) {
      const ready = this.core.ready()
      outcomes.push(...ready.outcomes)
      if (ready.write === null) return outcomes
      this.entries.push(...(ready.write.batch.entries ?? []))
      this.core.step({ kind: 'written', id: ready.write.id }, at)
    }
  }

  propose(clientId: string, requestId: number, text: string): Outcome {
    const dedupKey = { clientId, requestId }
    this.core.step({ kind: 'propose', token: ++this.#token, command: utf8(text), dedupKey }, at)
    const [outcome] = this.settle()
    return outcome as Outcome
  }

  /** What the log amounts to. */
  get effects(): string[] {
    return this.entries
      .filter(({ kind, index }) => kind === 'command' && index <= this.core.commitIndex && !this.core.isSilent(index))
      .map(({ command }) => fromUtf8(command))
  }

  restarted(floor: StoredSnapshot | null = null): Alone {
    const entries = this.entries.filter(({ index }) => index > (floor?.index ?? 0))
    const { term, commitIndex: commit } = this.core
    return new Alone({ ...EMPTY, term, commit, entries, floor })
  }
}

const indexOf = (outcome: Outcome): number => (outcome.kind === 'proposed' ? outcome.entry.index : -1)

describe('a repeated request', () => {
  it('[SESS-8] resolves with the first entry, without another one in the log', () => {
    const alone = new Alone()
    const first = alone.propose('ann', 1, 'move')
    alone.propose('ann', 2, 'next')
    const last = alone.core.log.lastIndex
    expect(alone.propose('ann', 1, 'move again')).toEqual({ ...first, token: 3 })
    expect(alone.core.log.lastIndex).toBe(last)
    expect(alone.effects).toEqual(['move', 'next'])
  })

  it('[SESS-7] in the log all the same is without effect, live and after a restart', () => {
    const key = { clientId: 'ann', requestId: 1 }
    const alone = new Alone()
    const [first] = alone.entries as [StoredEntry]
    const command = (index: number): StoredEntry => ({
      ...first,
      kind: 'command',
      index,
      command: utf8(`move ${index}`),
      dedupKey: key,
      proposer: 'a',
    })
    const entries = [first, command(2), command(3)]
    // Once as an uncommitted tail that commits under the next term, once as history.
    for (const commit of [1, 3]) {
      const again = new Alone({ ...EMPTY, term: 1, commit, entries })
      expect(again.effects).toEqual(['move 2'])
      expect(again.core.isSilent(3)).toBe(true)
      expect(indexOf(again.propose('ann', 1, 'move'))).toBe(2)
    }
  })

  it('[SESS-7, SESS-8] is known across a snapshot, with place and time of the first and the command as proposed again', () => {
    const alone = new Alone()
    const first = alone.propose('ann', 1, 'move')
    const { commitIndex: index, sessions } = alone.core
    const [{ config }] = alone.entries as [StoredEntry & { kind: 'config' }]
    const floor = {
      index,
      term: 1,
      config,
      configIndex: 1,
      timeMs: 5000,
      sessions: sessions.toBytes(),
      state: utf8(''),
    }
    const again = alone.restarted(floor)
    expect(again.propose('ann', 1, 'move again')).toMatchObject({
      kind: 'proposed',
      entry: { index: indexOf(first), term: 1, timeMs: 5000, proposer: 'a', command: utf8('move again') },
    })
    expect(again.propose('ann', 2, 'next')).toMatchObject({ kind: 'proposed', entry: { index: index + 2 } })
  })

  it('[SESS-8] that is below the window is RequestExpiredError, outcome unknown', () => {
    const alone = new Alone()
    for (let requestId = 1; requestId <= 1025; requestId++) alone.propose('ann', requestId, 'move')
    expect(alone.propose('ann', 1, 'move')).toMatchObject({
      kind: 'failed',
      error: { name: 'RequestExpiredError', outcome: 'unknown' },
    })
    expect(indexOf(alone.propose('ann', 2, 'move'))).toBe(3)
  })

  it('[SESS-8] a durable client continues after a restart: its own earlier requests are no strangers', () => {
    const alone = new Alone()
    alone.propose('ann', 1, 'one')
    alone.propose('ann', 2, 'two')
    const again = alone.restarted()
    expect(indexOf(again.propose('ann', 2, 'two'))).toBe(3)
    expect(indexOf(again.propose('ann', 3, 'three'))).toBe(5)
    expect(again.effects).toEqual(['one', 'two', 'three'])
  })

  it('[SESS-8] one durable client too many is OverloadedError', () => {
    const alone = new Alone()
    for (let i = 0; i < MAX_DURABLE_CLIENTS; i++) alone.propose(`client ${i}`, 1, 'move')
    expect(alone.propose('one more', 1, 'move')).toMatchObject({ kind: 'failed', error: { name: 'OverloadedError' } })
    expect(alone.effects).toHaveLength(MAX_DURABLE_CLIENTS)
  })
})
