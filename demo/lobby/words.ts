import { FABRIC_NAMES } from '../fabric.ts'
import { linkOf } from '../link-words.ts'
import type { Facts, Over, Person } from './facts.ts'

/**
 * The one sentence for what a person is in. What matters most comes first: one's own network before anybody else's
 * absence, the host's absence before another's, and what has changed before what is as it was.
 */
export function sentenceOf(facts: Facts): Sentence {
  switch (facts.stage) {
    case 'door':
      return facts.invited ? say('door', 'Somebody has invited you to a room.') : say('door', '')
    case 'opening':
      return say('opening', 'Opening your place …')
    case 'looking':
      return say(
        'looking',
        facts.fabric === 'broadcast-channel' ? 'Looking in the other tabs …' : LOOKING[facts.errand],
      )
    case 'knocking':
      return say('knocking', 'Somebody is there. Asking to be let in …')
    case 'over':
      return say('over', '')
    case 'inside':
      return inside(facts)
  }
}

export interface Sentence {
  readonly state: SentenceState
  readonly text: string
  /** Seconds that run down beside the text. */
  readonly countdownS: number | null
}

export type SentenceState =
  | 'door'
  | 'opening'
  | 'looking'
  | 'knocking'
  | 'over'
  | 'cut-off'
  | 'returning'
  | 'alone'
  | 'alone-unlisted'
  | 'host-away'
  | 'host-changed'
  | 'away'
  | 'interrupted'
  | 'offline'
  | 'unlisted'
  | 'came-anew'
  | 'here'

const LOOKING: Readonly<Record<Facts['errand'], string>> = {
  create: 'Looking for a signalling server …',
  join: 'Looking for the room …',
  return: 'Looking for your room: your place is held …',
}

/** How a person is there. */
export function presenceOf({ presence, link, heldForS }: Person): string {
  if (link.state === 'interrupted' && heldForS === null) return 'out of reach'
  if (presence === 'here') return 'here'
  if (presence === 'looks-away') return 'looks at something else'
  if (presence === 'returning') return 'on the way back'
  return heldForS === 0 ? 'away' : `away, place held for ${heldForS}\u{a0}s`
}

/** By what way it is reached; empty where it is not, and its absence says it all. */
export function pathOf({ link }: Person, { fabric, people }: Facts): string {
  return linkOf(link, fabric, (peer) => people.find(({ id }) => id === peer)?.name ?? 'somebody else')
}

/** The cloth's title: how many are here, oneself included. */
export function headingOf({ people }: Facts): string {
  const here = 1 + people.filter(isPresent).length
  const away = people.length + 1 - here
  return `${here} here${away === 0 ? '' : `, ${away} away`}`
}

/** `null` where nothing is said about the lock. */
export function lockNoteOf({ isLocked, isHost }: Facts): string | null {
  if (!isLocked) return null
  return isHost ? 'Locked: nobody new comes in.' : 'Locked by the host: nobody new comes in.'
}

/** `null` while all is as it should be. */
export function storageNoteOf({ isForgetful }: Facts): string | null {
  return isForgetful
    ? 'This browser keeps no data for this page: you can stay, but a reload comes back as somebody new.'
    : null
}

export interface Notice {
  readonly title: string
  readonly text: string
  /** Buttons, the most useful first. */
  readonly actions: readonly NoticeAction[]
}

export type NoticeAction = 'retry' | 'again' | 'open' | 'new' | 'webrtc'

export const ACTION_LABELS: Readonly<Record<NoticeAction, string>> = {
  retry: 'Try again',
  again: 'Come in again',
  open: 'Open the room again',
  new: 'Open a room of your own',
  webrtc: 'Connect by WebRTC',
}

const NOTICES: Readonly<Record<Over, Notice>> = {
  'invalid-link': {
    title: 'This link is not whole',
    text: 'Part of the invitation is missing: ask for it once more, and open all of it.',
    actions: ['new'],
  },
  'room-not-found': {
    title: 'Nobody is in this room',
    text: 'The link is fine, but there is nobody to let you in: you come in as soon as somebody is there.',
    actions: ['retry', 'new'],
  },
  'no-server': {
    title: 'No signalling server answers',
    text: 'Browsers need one to find each other: check your connection. You come in as soon as one answers.',
    actions: ['retry'],
  },
  'no-answer': {
    title: 'Nobody lets you in',
    text: 'Somebody is in the room, but no host answers; one may be about to take over.',
    actions: ['retry', 'new'],
  },
  'no-link': {
    title: 'No way through',
    text: 'Somebody is in the room, but no connection could be made, not even through a server: try another network, such as a phone’s.',
    actions: ['retry', 'new'],
  },
  'room-full': {
    title: 'The room is full',
    text: 'Every place is taken: you come in as soon as one is free.',
    actions: ['retry', 'new'],
  },
  'room-locked': {
    title: 'The room is locked',
    text: 'The host lets nobody new in: you come in as soon as it is unlocked.',
    actions: ['retry', 'new'],
  },
  banned: { title: 'You are shut out', text: 'The host has shut you out of this room for good.', actions: ['new'] },
  refused: {
    title: 'You were turned away',
    text: 'The host does not let you into this room.',
    actions: ['retry', 'new'],
  },
  'other-version': {
    title: 'Two versions that do not fit',
    text: 'The others run another version of this page: reload it, and have them reload theirs.',
    actions: ['retry', 'new'],
  },
  kicked: {
    title: 'You were sent out',
    text: 'The host has ended your stay in this room; you may ask to come in again.',
    actions: ['again', 'new'],
  },
  left: {
    title: 'You have left the room',
    text: 'Your place is free for somebody else, and the others know that you went.',
    actions: ['again', 'new'],
  },
  unreachable: {
    title: 'The room is out of reach',
    text: 'The connection is gone, and your place was not held any longer: come in again when you like.',
    actions: ['again', 'new'],
  },
  insecure: {
    title: 'This page needs a secure address',
    text: 'Browsers allow what a room needs only over https, or on localhost. If this page is yours to serve, start it with npm run demo:https.',
    actions: [],
  },
  'unknown-fabric': {
    title: 'No such way to connect',
    text: `The address asks for one that this page does not have. It has ${FABRIC_NAMES.join(', ')}.`,
    actions: ['webrtc'],
  },
  'no-webrtc': {
    title: 'This browser cannot connect',
    text: 'It has no WebRTC, or has it switched off: open the link in another browser.',
    actions: [],
  },
  'storage-failed': {
    title: 'This browser could not open your place',
    text: 'Its storage is full, damaged or held by too many tabs: close some, then try again.',
    actions: ['retry', 'new'],
  },
  unknown: {
    title: 'Something went wrong',
    text: 'The page met an error that it has no words for. Trying again loses nothing.',
    actions: ['retry', 'new'],
  },
}

/** Who was a member may open a room that everybody has gone from. */
export function noticeOf(over: Over, errand: Facts['errand']): Notice {
  const notice = NOTICES[over]
  if (over !== 'room-not-found' || errand !== 'return') return notice
  return { ...notice, actions: ['retry', 'open', 'new'] }
}

/** What becomes of an end by itself; `null` where nothing does. */
export function lookingOf({ looking }: Facts): string | null {
  if (looking === null) return null
  if (looking === 'now') return 'Looking again …'
  if (looking === 'over') return 'No longer looking by itself.'
  return `Looking again in ${looking} s`
}

/** What became of a message of ours; empty once everybody has it. `waiting` and `missedBy` are names. */
export function deliveryOf(waiting: readonly string[], missedBy: readonly string[]): string {
  const parts: string[] = []
  if (waiting.length > 0) parts.push(`Kept for ${listed(waiting)}.`)
  if (missedBy.length > 0) parts.push(`${listed(missedBy)} left without it.`)
  return parts.join(' ')
}

/** A line of the chat about frames that the library could not keep. */
export function missedOf(name: string): string {
  return `You were away so long that some of what ${name} said is lost.`
}

function inside(facts: Facts): Sentence {
  const { people } = facts
  const present = people.filter(isPresent)
  const others = listed(present.map(({ name }) => name))
  if (isOwnCut(facts)) {
    const kept = people.length === 0 ? 'Nobody can come in' : 'Your place is held, and what you say is kept,'
    return say('cut-off', `Your own connection seems to be gone. ${kept} until it is back.`)
  }
  if (facts.isReturning) return say('returning', 'Finding the way back in: your place is held.')
  const host = people.find(({ isHost }) => isHost)
  if (host !== undefined && !isPresent(host)) return hostAway(host)
  const away = people.filter((person) => !isPresent(person))
  if (away.length > 0) return someAway(away)
  const interrupted = people.filter(({ link }) => link.state === 'interrupted').map(({ name }) => name)
  if (interrupted.length > 0)
    return say('interrupted', `The connection to ${listed(interrupted)} is interrupted. Mending it …`)
  if (facts.hostedBefore !== null) return hostChanged(facts, facts.hostedBefore)
  if (people.length === 0) return alone(facts)
  if (!facts.isOnline)
    return say(
      'offline',
      `Your browser says it is offline, but ${others} still ${present.length === 1 ? 'hears' : 'hear'} you.`,
    )
  if (facts.signalling === 'searching') {
    return say('unlisted', `You are here with ${others}. No signalling server answers, so nobody new can come in.`)
  }
  if (facts.cameAnew) return say('came-anew', `You were away too long and came in anew. You are here with ${others}.`)
  return say('here', `You are here with ${others}.`)
}

/** Whether nobody is heard for a reason that is more likely ours: the room says so, or nothing else answers either. */
function isOwnCut({ people, isOnline, isCutOff, signalling }: Facts): boolean {
  if (isCutOff) return true
  if (people.some(isPresent)) return false
  if (people.length === 0) return !isOnline
  return !isOnline || (signalling === 'searching' && people.every(({ wentAway }) => !wentAway))
}

function alone({ signalling, fabric }: Facts): Sentence {
  if (fabric === 'broadcast-channel')
    return say('alone', 'You are alone here. Open the link in another tab of this browser.')
  if (signalling === 'searching') {
    return say('alone-unlisted', 'You are alone, and no signalling server answers: nobody can come in until one does.')
  }
  return say('alone', 'You are alone here. Send the link to whoever should come.')
}

function hostAway({ name, presence, heldForS }: Person): Sentence {
  if (presence === 'returning') return say('host-away', `${name}, who hosts, is on the way back.`)
  if (heldForS === 0) return say('host-away', `${name}, who hosted, is gone. Somebody takes over …`)
  return say('host-away', `${name}, who hosts, is away. Somebody else takes over in`, heldForS)
}

function someAway(away: readonly Person[]): Sentence {
  const [first] = away
  const names = listed(away.map(({ name }) => name))
  if (away.length > 1 || first === undefined) return say('away', `${names} are away. Their places are held.`)
  if (first.presence === 'returning') return say('away', `${names} is on the way back.`)
  return say('away', `${names} is away. Their place is held for`, first.heldForS)
}

function hostChanged({ isHost, people }: Facts, before: NonNullable<Facts['hostedBefore']>): Sentence {
  const now = isHost ? 'You host' : `${people.find((person) => person.isHost)?.name ?? 'Nobody'} hosts`
  if (before === 'me') return say('host-changed', `${now} the room now: you were away.`)
  const how = people.some(({ id }) => id === before.id) ? 'was away' : 'is gone'
  return say('host-changed', `${before.name} ${how}. ${now} the room now.`)
}

function isPresent({ presence }: Person): boolean {
  return presence === 'here' || presence === 'looks-away'
}

function listed(names: readonly string[]): string {
  if (names.length < 2) return names[0] ?? ''
  if (names.length > 3) return `${names.slice(0, 2).join(', ')} and ${names.length - 2} others`
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function say(state: SentenceState, text: string, countdownS: number | null = null): Sentence {
  return { state, text, countdownS }
}
