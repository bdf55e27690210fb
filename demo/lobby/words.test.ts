import { describe, expect, it } from 'vitest'
import { noLink } from '../link-watch.ts'
import { type Facts, initialFacts, isPlaceGivenUp, isWorthWaiting, overOf, type Person } from './facts.ts'
import {
  deliveryOf,
  headingOf,
  lockNoteOf,
  lookingOf,
  noticeOf,
  pathOf,
  presenceOf,
  type SentenceState,
  sentenceOf,
  storageNoteOf,
} from './words.ts'

const person = (name: string, how: Partial<Person> = {}): Person => ({
  id: name,
  name,
  isHost: false,
  presence: 'here',
  wentAway: false,
  link: noLink,
  heldForS: null,
  ...how,
})
const away = { presence: 'away', heldForS: 41 } as const
const ada = person('Ada', { isHost: true })
const bea = person('Bea')
const inside: Facts = { ...initialFacts, stage: 'inside', invited: true, name: 'Me', signalling: 'attached' }
const together: Facts = { ...inside, people: [ada, bea] }

describe('the one sentence', () => {
  const cases: [string, Partial<Facts>, SentenceState, RegExp][] = [
    ['at the door of a new room', { stage: 'door', invited: false }, 'door', /^$/],
    ['invited', { stage: 'door' }, 'door', /invited you/],
    ['opening', { stage: 'opening' }, 'opening', /place/],
    ['creating', { stage: 'looking' }, 'looking', /signalling server/],
    ['joining', { stage: 'looking', errand: 'join' }, 'looking', /the room …/],
    ['coming back', { stage: 'looking', errand: 'return' }, 'looking', /your place is held/],
    ['knocking', { stage: 'knocking' }, 'knocking', /Asking to be let in/],
    ['stopped', { stage: 'over', over: 'left' }, 'over', /^$/],
    ['alone', { people: [] }, 'alone', /Send the link/],
    ['alone without a server', { people: [], signalling: 'searching' }, 'alone-unlisted', /nobody can come in/],
    ['alone without a network', { people: [], isOnline: false }, 'cut-off', /Nobody can come in until it is back/],
    ['together', {}, 'here', /^You are here with Ada and Bea\.$/],
    ['of many', { people: [ada, bea, person('Cleo'), person('Dan')] }, 'here', /with Ada, Bea and 2 others\.$/],
    ['offline, yet heard', { isOnline: false }, 'offline', /Ada and Bea still hear you/],
    ['alone in a browser', { people: [], fabric: 'broadcast-channel' }, 'alone', /in another tab/],
    ['looking in a browser', { stage: 'looking', fabric: 'broadcast-channel' }, 'looking', /other tabs/],
    [
      'a link interrupted',
      { people: [ada, person('Bea', { link: { ...noLink, state: 'interrupted' } })] },
      'interrupted',
      /^The connection to Bea is interrupted/,
    ],
    ['without a server', { signalling: 'searching' }, 'unlisted', /nobody new can come in/],
    ['back too late', { cameAnew: true }, 'came-anew', /too long/],
    ['cut off, says the room', { isCutOff: true }, 'cut-off', /Your own connection.*what you say is kept/],
    ['on the way back in', { isReturning: true }, 'returning', /way back in/],
    ['a member away', { people: [ada, person('Bea', away)] }, 'away', /^Bea is away\. Their place is held for$/],
    [
      'a member coming',
      { people: [ada, person('Bea', { ...away, presence: 'returning' })] },
      'away',
      /on the way back/,
    ],
    ['two away', { people: [ada, person('Bea', away), person('Cleo', away)] }, 'away', /^Bea and Cleo are away/],
    ['the host away', { people: [{ ...ada, ...away }, bea] }, 'host-away', /^Ada, who hosts, is away/],
    ['the host late', { people: [{ ...ada, ...away, heldForS: 0 }, bea] }, 'host-away', /takes over …$/],
    ['the host coming', { people: [{ ...ada, ...away, presence: 'returning' }] }, 'host-away', /on the way back/],
    [
      'host now',
      { people: [bea], isHost: true, hostedBefore: { id: 'Ada', name: 'Ada' } },
      'host-changed',
      /^Ada is gone\. You host the room now\.$/,
    ],
    [
      'host now, alone',
      { people: [], isHost: true, hostedBefore: { id: 'Ada', name: 'Ada' } },
      'host-changed',
      /Ada is gone/,
    ],
    [
      'host while the other reloads',
      { isHost: true, people: [bea], hostedBefore: { id: 'Bea', name: 'Bea' } },
      'host-changed',
      /^Bea was away\. You host/,
    ],
    ['another hosts now', { hostedBefore: { id: 'Cleo', name: 'Cleo' } }, 'host-changed', /Ada hosts the room now\.$/],
    ['host no more', { hostedBefore: 'me' }, 'host-changed', /^Ada hosts the room now: you were away\.$/],
  ]
  it.each(cases)('%s', (_name, facts, state, text) => {
    const sentence = sentenceOf({ ...together, ...facts })
    expect(sentence.state).toBe(state)
    expect(sentence.text).toMatch(text)
  })

  it('counts down beside what it says, so that the words stay the same', () => {
    const bye = { ...together, people: [{ ...ada, ...away }] }
    expect(sentenceOf(bye).countdownS).toBe(41)
    expect(sentenceOf(together).countdownS).toBeNull()
  })

  it('takes nobody’s silence for one’s own cut while a server answers, or where all said that they go', () => {
    const silent = { ...inside, people: [{ ...ada, ...away }] }
    expect(sentenceOf(silent).state).toBe('host-away')
    expect(sentenceOf({ ...silent, signalling: 'searching' }).state).toBe('cut-off')
    expect(sentenceOf({ ...silent, isOnline: false }).state).toBe('cut-off')
    const gone = { ...silent, people: [{ ...ada, ...away, wentAway: true }] }
    expect(sentenceOf({ ...gone, signalling: 'searching' }).state).toBe('host-away')
  })
})

describe('people', () => {
  it('are here, elsewhere, away for so long, or coming', () => {
    expect(presenceOf(bea)).toBe('here')
    expect(presenceOf(person('Bea', { presence: 'looks-away' }))).toMatch(/something else/)
    expect(presenceOf(person('Bea', { link: { ...noLink, state: 'interrupted' } }))).toBe('out of reach')
    expect(presenceOf(person('Bea', away))).toBe('away, place held for 41\u{a0}s')
    expect(presenceOf(person('Bea', { ...away, heldForS: 0 }))).toBe('away')
    expect(presenceOf(person('Bea', { ...away, presence: 'returning' }))).toBe('on the way back')
  })

  it('are reached by some way, perhaps through one of them', () => {
    const far = person('Cleo', { link: { ...noLink, state: 'connected', route: 'relayed', via: 'Bea' } })
    expect(pathOf(far, together)).toBe('through Bea')
    expect(pathOf(far, { ...together, people: [] })).toBe('through somebody else')
    expect(pathOf(bea, together)).toBe('')
  })

  it('are counted, oneself included', () => {
    expect(headingOf(together)).toBe('3 here')
    expect(headingOf({ ...together, people: [ada, person('Bea', away)] })).toBe('2 here, 1 away')
  })
})

describe('notes', () => {
  it('say what a lock does, to the host and to the others', () => {
    expect(lockNoteOf(together)).toBeNull()
    expect(lockNoteOf({ ...together, isLocked: true })).toMatch(/by the host/)
    expect(lockNoteOf({ ...together, isLocked: true, isHost: true })).not.toMatch(/by the host/)
  })

  it('warn only where the browser keeps nothing', () => {
    expect(storageNoteOf(together)).toBeNull()
    expect(storageNoteOf({ ...together, isForgetful: true })).toMatch(/somebody new/)
  })

  it('tell who has still to get a message, and who never will', () => {
    expect(deliveryOf([], [])).toBe('')
    expect(deliveryOf(['Bea', 'Cleo'], [])).toBe('Kept for Bea and Cleo.')
    expect(deliveryOf(['Bea'], ['Dan'])).toBe('Kept for Bea. Dan left without it.')
  })
})

describe('what stops a person', () => {
  it.each([
    ['RoomNotFoundError', undefined, 'room-not-found'],
    ['AdmissionRefusedError', 'room-locked', 'room-locked'],
    ['AdmissionRefusedError', 'room-full', 'room-full'],
    ['AdmissionRefusedError', 'banned', 'banned'],
    ['AdmissionRefusedError', 'toString', 'refused'],
    ['JoinTimeoutError', undefined, 'no-answer'],
    ['constructor', undefined, 'unknown'],
  ])('%s %s', (code, reason, over) => expect(overOf({ code, reason })).toBe(over))

  it('is unknown where it is no error of the library', () => {
    expect(overOf(new Error('other'))).toBe('unknown')
    expect(overOf(undefined)).toBe('unknown')
  })

  it('is a place that was given up only where the room says so', () => {
    expect(isPlaceGivenUp({ code: 'AdmissionRefusedError', reason: 'resume-window-expired' })).toBe(true)
    expect(isPlaceGivenUp({ code: 'AdmissionRefusedError', reason: 'kicked' })).toBe(false)
    expect(isPlaceGivenUp({ code: 'JoinTimeoutError' })).toBe(false)
  })

  it('is told with a way on, and who was a member may open an empty room again', () => {
    expect(noticeOf('room-locked', 'join').actions[0]).toBe('retry')
    expect(noticeOf('room-not-found', 'join').actions).not.toContain('open')
    expect(noticeOf('room-not-found', 'return').actions).toContain('open')
  })

  it('is waited for where it may pass by itself, and counted down', () => {
    expect(isWorthWaiting('room-locked')).toBe(true)
    expect(isWorthWaiting('kicked')).toBe(false)
    expect(lookingOf(together)).toBeNull()
    expect(lookingOf({ ...together, looking: 3 })).toBe('Looking again in 3 s')
    expect(lookingOf({ ...together, looking: 'now' })).toBe('Looking again …')
    expect(lookingOf({ ...together, looking: 'over' })).toMatch(/No longer/)
  })
})
