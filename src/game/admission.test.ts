import { describe, expect, it } from 'vitest'
import {
  Admission,
  type AdmissionEffect,
  type AdmissionView,
  RETRY_MS,
  SETBACK_CAP_MS,
  SETBACK_MS,
  STEP_TIMEOUT_MS,
} from './admission.ts'

/** A table of `seatCount` seats, taken from the front by `seated`. */
function view(
  seatCount: number,
  seated: string[],
  more: Partial<Record<'voters' | 'learners' | 'candidates', string[]>> = {},
): AdmissionView {
  return {
    part: 'lead',
    voters: new Set(more.voters ?? seated),
    learners: new Set(more.learners ?? []),
    seats: Array.from({ length: seatCount }, (_, number) => ({ number, peer: seated[number] ?? null })),
    candidates: more.candidates ?? [],
  }
}

/** The acts among the effects, wakes left out. */
function acts(effects: AdmissionEffect[]): AdmissionEffect[] {
  return effects.filter((effect) => effect.kind !== 'wake')
}

function wake(effects: AdmissionEffect[]): number | undefined {
  return effects.flatMap((effect) => (effect.kind === 'wake' ? [effect.atMs] : []))[0]
}

function look(admission: Admission, seen: AdmissionView, nowMs = 0): AdmissionEffect[] {
  return acts(admission.step({ kind: 'view', view: seen }, nowMs))
}

function settle(admission: Admission, ok: boolean, nowMs = 0): AdmissionEffect[] {
  return acts(admission.step({ kind: 'settled', ok }, nowMs))
}

describe('Admission', () => {
  it('[ADM-3] takes a joiner from learner to voter to seat, a step at a time', () => {
    const admission = new Admission()
    expect(look(admission, view(2, ['ann'], { candidates: ['bob'] }))).toEqual([{ kind: 'learn', peer: 'bob' }])
    expect(look(admission, view(2, ['ann'], { learners: ['bob'], candidates: ['bob'] }))).toEqual([])
    expect(settle(admission, true)).toEqual([{ kind: 'promote', peer: 'bob' }])
    expect(look(admission, view(2, ['ann'], { voters: ['ann', 'bob'], candidates: ['bob'] }))).toEqual([])
    expect(settle(admission, true)).toEqual([{ kind: 'seat', peer: 'bob', seat: 1 }])
    expect(look(admission, view(2, ['ann', 'bob']))).toEqual([])
    expect(settle(admission, true)).toEqual([])
  })

  it('[ADM-1] does nothing while its node does not lead, or before the founding entry is known', () => {
    const admission = new Admission()
    expect(look(admission, { ...view(2, ['ann'], { candidates: ['bob'] }), part: 'none' })).toEqual([])
    expect(look(admission, view(0, [], { voters: ['ann'], candidates: ['bob'] }))).toEqual([])
    expect(look(admission, view(2, ['ann'], { candidates: ['bob'] }))).toHaveLength(1)
  })

  it('[ADM-1] a new leader carries on with the learner it finds', () => {
    const found = view(3, ['ann', 'bob'], { learners: ['cat'], candidates: ['dan', 'cat'] })
    expect(look(new Admission(), found)).toEqual([{ kind: 'promote', peer: 'cat' }])
  })

  it('[ADM-2] joiners come in the order they announced themselves', () => {
    const admission = new Admission()
    expect(look(admission, view(3, ['ann'], { candidates: ['dan', 'bob'] }))).toEqual([{ kind: 'learn', peer: 'dan' }])
  })

  it('[ADM-4] a learner that is no joiner any more is dropped before the next is tried', () => {
    const admission = new Admission()
    const left = view(2, ['ann'], { learners: ['bob'], candidates: ['cat'] })
    expect(look(admission, left)).toEqual([{ kind: 'drop', peer: 'bob' }])
    look(admission, view(2, ['ann'], { candidates: ['cat'] }))
    expect(settle(admission, true)).toEqual([{ kind: 'learn', peer: 'cat' }])
  })

  it('[ADM-4] a joiner that leaves during its promotion ends the wait for it, once', () => {
    const admission = new Admission()
    look(admission, view(2, ['ann'], { learners: ['bob'], candidates: ['bob'] }))
    expect(look(admission, view(2, ['ann'], { learners: ['bob'] }))).toEqual([{ kind: 'abandon' }])
    expect(look(admission, view(2, ['ann'], { learners: ['bob'] }))).toEqual([])
    expect(settle(admission, false)).toEqual([])
    expect(acts(admission.step({ kind: 'time' }, RETRY_MS))).toEqual([{ kind: 'drop', peer: 'bob' }])
  })

  it('[ADM-4] a joiner that stays silent is given up at the bound, dropped, and the next one tried', () => {
    const admission = new Admission()
    const both = view(2, ['ann'], { learners: ['bob'], candidates: ['bob', 'cat'] })
    const effects = admission.step({ kind: 'view', view: both }, 0)
    expect(effects).toEqual([
      { kind: 'promote', peer: 'bob' },
      { kind: 'wake', atMs: STEP_TIMEOUT_MS },
    ])
    expect(acts(admission.step({ kind: 'time' }, STEP_TIMEOUT_MS - 1))).toEqual([])
    expect(acts(admission.step({ kind: 'time' }, STEP_TIMEOUT_MS))).toEqual([{ kind: 'abandon' }])
    const settled = admission.step({ kind: 'settled', ok: false }, STEP_TIMEOUT_MS)
    expect(settled).toEqual([{ kind: 'wake', atMs: STEP_TIMEOUT_MS + RETRY_MS }])
    const next = STEP_TIMEOUT_MS + RETRY_MS
    expect(acts(admission.step({ kind: 'time' }, next))).toEqual([{ kind: 'drop', peer: 'bob' }])
    look(admission, view(2, ['ann'], { candidates: ['bob', 'cat'] }), next)
    expect(settle(admission, true, next)).toEqual([{ kind: 'learn', peer: 'cat' }])
  })

  it('[ADM-5] a joiner that failed is tried again later, and later still', () => {
    const admission = new Admission()
    const alone = view(2, ['ann'], { candidates: ['bob'] })
    let nowMs = 0
    look(admission, alone, nowMs)
    for (const restMs of [SETBACK_MS, 2 * SETBACK_MS, 4 * SETBACK_MS]) {
      const effects = admission.step({ kind: 'settled', ok: false }, nowMs)
      expect(effects).toEqual([{ kind: 'wake', atMs: nowMs + restMs }])
      expect(acts(admission.step({ kind: 'time' }, nowMs + restMs - 1))).toEqual([])
      nowMs += restMs
      expect(acts(admission.step({ kind: 'time' }, nowMs))).toEqual([{ kind: 'learn', peer: 'bob' }])
    }
    for (let i = 0; i < 20; i++) {
      nowMs = wake(admission.step({ kind: 'settled', ok: false }, nowMs)) ?? Number.NaN
      admission.step({ kind: 'time' }, nowMs)
    }
    expect(wake(admission.step({ kind: 'settled', ok: false }, nowMs))).toBe(nowMs + SETBACK_CAP_MS)
  })

  it('[ADM-5] a joiner that comes back anew is not held to what failed before', () => {
    const admission = new Admission()
    look(admission, view(2, ['ann'], { candidates: ['bob'] }))
    settle(admission, false)
    look(admission, view(2, ['ann']), RETRY_MS)
    expect(look(admission, view(2, ['ann'], { candidates: ['bob'] }), RETRY_MS)).toEqual([
      { kind: 'learn', peer: 'bob' },
    ])
  })

  it('[ADM-6] nobody comes in when there are as many voters as seats, and learners left over are dropped', () => {
    const admission = new Admission()
    const full = view(2, ['ann', 'bob'], { learners: ['cat'], candidates: ['cat', 'dan'] })
    expect(look(admission, full)).toEqual([{ kind: 'drop', peer: 'cat' }])
    look(admission, view(2, ['ann', 'bob'], { candidates: ['cat', 'dan'] }))
    expect(settle(admission, true)).toEqual([])
  })

  it('[ADM-6] a voter not yet seated counts: the seat it will take is not given away', () => {
    const admission = new Admission()
    const unseated = view(2, ['ann'], { voters: ['ann', 'bob'], candidates: ['cat', 'bob'] })
    expect(look(admission, unseated)).toEqual([{ kind: 'seat', peer: 'bob', seat: 1 }])
    expect(settle(admission, false)).toEqual([])
    expect(acts(admission.step({ kind: 'time' }, RETRY_MS))).toEqual([{ kind: 'seat', peer: 'bob', seat: 1 }])
  })

  it('[ADM-7] a voter without a seat is seated before anyone else is admitted', () => {
    const seen = view(3, ['ann'], { voters: ['ann', 'bob'], learners: ['cat'], candidates: ['cat'] })
    expect(look(new Admission(), seen)).toEqual([{ kind: 'seat', peer: 'bob', seat: 1 }])
  })

  it('[ADM-8] a leader without a seat is seated by those who have one, who do nothing else', () => {
    const seen = view(3, ['ann'], { voters: ['ann', 'bob'], learners: ['cat'], candidates: ['cat'] })
    const assisting = new Admission()
    expect(look(assisting, { ...seen, part: 'assist' })).toEqual([{ kind: 'seat', peer: 'bob', seat: 1 }])
    const seated = view(3, ['ann', 'bob'], { learners: ['cat'], candidates: ['cat'] })
    expect(look(assisting, { ...seated, part: 'none' })).toEqual([{ kind: 'abandon' }])
    expect(settle(assisting, true)).toEqual([])
    expect(look(assisting, { ...seated, part: 'assist' })).toEqual([])
  })

  it('[ADM-1] losing leadership ends the wait for the act under way', () => {
    const admission = new Admission()
    const seen = view(2, ['ann'], { candidates: ['bob'] })
    look(admission, seen)
    expect(look(admission, { ...seen, part: 'none' })).toEqual([{ kind: 'abandon' }])
    expect(settle(admission, false)).toEqual([])
    expect(look(admission, seen, RETRY_MS)).toEqual([{ kind: 'learn', peer: 'bob' }])
  })
})
