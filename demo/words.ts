import type { Facts, Failure } from './facts.ts'
import { FABRIC_NAMES } from './fabric.ts'
import { linkOf } from './link-words.ts'
import { type Mark, otherMark } from './tic-tac-toe.ts'

/** The facts in words: everything the page says, except its fixed labels. Pure, so that a test reads it. */
export function connectionOf(facts: Facts): Connection {
  if (facts.stage === 'lobby' || facts.stage === 'failed') return say('idle', '')
  if (facts.stage === 'opening') return say('opening', 'Opening your place at the table …')
  if (facts.stage === 'reaching') return reaching(facts)
  if (facts.seatsTaken < 2) return awaiting(facts)
  return playing(facts)
}

export type ConnectionState =
  | 'idle'
  | 'opening'
  | 'looking-for-server'
  | 'waiting'
  | 'connecting'
  | 'connected'
  | 'settling'
  | 'interrupted'
  | 'reconnecting'
  | 'gone'
  | 'cut-off'

export interface Connection {
  readonly state: ConnectionState
  readonly text: string
}

/** The one line that says what is to be done now. */
export function headlineOf(facts: Facts): string {
  const { game, mine } = facts
  if (facts.stage === 'opening' || facts.stage === 'reaching') return 'One moment'
  if (facts.seatsTaken < 2) return mine === null ? 'Taking your seat' : 'Invite a friend'
  if (game.result.kind === 'draw') return 'A draw'
  if (game.result.kind === 'won') return game.result.by === mine ? 'You win' : 'Your friend wins'
  if (facts.pending !== null && !isPresent(facts)) return 'Your mark waits'
  return game.turn === mine ? 'Your turn' : 'Your friend’s turn'
}

/** How it stands with the link to the friend, more closely; `null` where there is nothing to tell. */
export function wiringOf({ link, fabric, seatsTaken }: Facts): string | null {
  const words = linkOf(link, fabric, () => THIRD)
  return words === '' || seatsTaken < 2 ? null : `To your friend: ${words}.`
}

/** How long an interruption has lasted and may last, beside the words for it. */
export function countdownOf({ link: { state, interruption } }: Facts): string {
  if (state !== 'interrupted' || interruption === null) return ''
  return ` ${interruption.forS}\u{a0}s by now, and your friend is kept for another ${interruption.keptForS}\u{a0}s.`
}

export function friendOf(facts: Facts): string {
  if (facts.friend === 'here') return 'here'
  if (facts.friend === 'away') return 'away'
  if (facts.friend === 'gone') return 'gone'
  return 'not here yet'
}

/** `null` while all is as it should be. */
export function storageNoteOf(facts: Facts): string | null {
  if (facts.storage === 'page')
    return 'This browser keeps no data for this page: you can play, but a reload forgets your seat.'
  if (facts.storage === 'best-effort' && facts.stage === 'seated')
    return 'The game is saved in this browser, which may clear it when room runs low.'
  return null
}

export interface Notice {
  readonly title: string
  readonly text: string
  /** Buttons, the most useful first. */
  readonly actions: readonly NoticeAction[]
}

export type NoticeAction = 'retry' | 'new' | 'webrtc'

export const ACTION_LABELS: Readonly<Record<NoticeAction, string>> = {
  retry: 'Try again',
  new: 'Create a new game',
  webrtc: 'Connect by WebRTC',
}

const NOTICES: Readonly<Record<Failure, Notice>> = {
  'invalid-link': {
    title: 'This link is not whole',
    text: 'Part of the invitation is missing. Ask your friend to send it once more, and open all of it.',
    actions: ['new'],
  },
  'room-not-found': {
    title: 'Nobody is at this table',
    text: 'The link is fine, but nobody is there to let you in. Ask your friend to open their tab: you come in as soon as they do.',
    actions: ['retry', 'new'],
  },
  'table-full': {
    title: 'The table is full',
    text: 'Both seats of this game are taken. If one of them was yours, go back to the tab or browser you played it in.',
    actions: ['new', 'retry'],
  },
  'no-server': {
    title: 'No signalling server answers',
    text: 'Browsers need one to find each other. Check your connection, then try again.',
    actions: ['retry'],
  },
  'no-answer': {
    title: 'Your friend does not answer',
    text: 'Somebody is at the table, but no seat was offered in time. Their tab may be asleep: ask them to look at it.',
    actions: ['retry', 'new'],
  },
  'no-link': {
    title: 'No way through to your friend',
    text: 'Your friend is there, but no connection could be made, not even through a server. One of the two networks may not allow it: try another, such as a phone’s.',
    actions: ['retry', 'new'],
  },
  'other-game': {
    title: 'Another game is played here',
    text: 'What this browser remembers of the table is not the game that is on it now.',
    actions: ['new', 'retry'],
  },
  insecure: {
    title: 'This page needs a secure address',
    text: 'Browsers allow what a game needs only over https, or on localhost. If this page is yours to serve, start it with npm run demo:https.',
    actions: [],
  },
  'unknown-fabric': {
    title: 'No such way to connect',
    text: `The address asks for one that this page does not have. It has ${FABRIC_NAMES.join(', ')}.`,
    actions: ['webrtc'],
  },
  'no-webrtc': {
    title: 'This browser cannot connect',
    text: 'It has no WebRTC, or has it switched off. Open the link in another browser.',
    actions: [],
  },
  'storage-failed': {
    title: 'This browser could not save the game',
    text: 'Its storage may be full. Your seat is kept as it was last saved: make some room, then come back to it.',
    actions: ['retry'],
  },
  'storage-corrupt': {
    title: 'The saved game cannot be read',
    text: 'What this browser kept of the table is damaged, and nothing was changed. You can play a new game.',
    actions: ['new'],
  },
  'storage-busy': {
    title: 'Another tab holds your seat',
    text: 'Close the other tabs of this game, then try again.',
    actions: ['retry', 'new'],
  },
  cut: {
    title: 'The game was cut off',
    text: 'Your seat and the board are kept in this browser. Come back to them when you like.',
    actions: ['retry', 'new'],
  },
  unknown: {
    title: 'Something went wrong',
    text: 'The page met an error that it has no words for. Trying again loses nothing.',
    actions: ['retry', 'new'],
  },
}

export function noticeOf(failure: Failure): Notice {
  return NOTICES[failure]
}

/** What becomes of a failure by itself; `null` where nothing does. */
export function lookingOf({ looking }: Facts): string | null {
  if (looking === null) return null
  if (looking === 'now') return 'Looking again …'
  if (looking === 'over') return 'No longer looking by itself.'
  return `Looking again in ${looking} s`
}

export function cellLabelOf(facts: Facts, cell: number): string {
  const { game, pending, mine } = facts
  const mark = game.cells[cell] ?? null
  const place = placeOf(cell)
  if (pending === cell && mark === null) return `${place}: ${mine ?? ''}, waiting to be agreed`
  if (mark === null) return `${place}: empty`
  const winning = game.result.kind === 'won' && game.result.line.includes(cell) ? ', in the winning line' : ''
  return `${place}: ${mark}, ${mark === mine ? 'yours' : 'your friend’s'}${winning}`
}

/** What a screen reader is to say after a change; empty when nothing needs saying. */
export function announcementOf(before: Facts, after: Facts): string {
  if (after.looking === 'over' && before.looking !== 'over') return lookingOf(after) ?? ''
  if (after.stage !== 'seated' || after.seatsTaken < 2) return ''
  const parts: string[] = []
  const { game, mine } = after
  const seated = before.stage !== 'seated' || before.seatsTaken < 2
  if (seated && mine !== null) parts.push(`You are ${mine}, your friend is ${otherMark(mine)}.`)
  if (game.round !== before.game.round) parts.push(`Round ${game.round + 1}.`)
  if (game.last !== null && game !== before.game)
    parts.push(`${nameOf(otherMark(game.turn), mine)} marked ${placeOf(game.last)}.`)
  if (seated || game !== before.game) parts.push(`${headlineOf(after)}.`)
  return parts.join(' ')
}

/** What the button for another round says; `null` while there is nothing to ask. */
export function nextRoundOf(facts: Facts): string | null {
  if (facts.stage !== 'seated' || facts.game.result.kind === 'open') return null
  return facts.asked && !isPresent(facts) ? 'Waiting for your friend …' : 'Play another round'
}

export function tallyOf(facts: Facts): string | null {
  const { game, mine } = facts
  if (mine === null || game.round === 0) return null
  return `Round ${game.round + 1} · you ${game.wins[mine]}, your friend ${game.wins[otherMark(mine)]}`
}

function isPresent(facts: Facts): boolean {
  return facts.friend === 'here' || facts.friend === 'away'
}

function nameOf(mark: Mark, mine: Mark | null): string {
  return mark === mine ? 'You' : 'Your friend'
}

function placeOf(cell: number): string {
  return `row ${Math.floor(cell / 3) + 1}, column ${(cell % 3) + 1}`
}

function say(state: ConnectionState, text: string): Connection {
  return { state, text }
}

function reaching(facts: Facts): Connection {
  if (facts.fabric === 'broadcast-channel') return say('looking-for-server', 'Looking in the other tabs …')
  if (facts.errand === 'create') return say('looking-for-server', 'Looking for a signalling server …')
  if (facts.errand === 'return')
    return say('looking-for-server', 'Looking for a signalling server, and for your friend …')
  return say('looking-for-server', 'Looking for your friend’s table …')
}

function awaiting(facts: Facts): Connection {
  if (facts.mine === null) return say('connecting', 'Connected to your friend. Taking your seat …')
  if (facts.signalling === 'searching') {
    return say(
      'looking-for-server',
      'The signalling server is lost. Looking for another, so that your friend can come in …',
    )
  }
  if (isLinking(facts)) return say('connecting', 'Your friend is coming in …')
  if (facts.fabric === 'broadcast-channel')
    return say('waiting', 'Waiting for the link to be opened in another tab of this browser.')
  return say('waiting', 'Waiting for your friend to open the link.')
}

function playing(facts: Facts): Connection {
  if (!isPresent(facts)) return apart(facts)
  if (facts.link.state === 'interrupted')
    return say('interrupted', 'The connection to your friend is interrupted. Mending it …')
  if (!facts.settled) {
    if (facts.friend === 'away') return say('settling', 'Your friend is away. The game goes on when they are back.')
    return say('settling', 'Your friend is here. Picking the game up again …')
  }
  if (facts.signalling === 'searching') {
    return say('connected', 'Connected. The signalling server is lost, but the game goes on without it.')
  }
  if (facts.friend === 'away') return say('connected', 'Connected. Your friend is looking at something else.')
  if (facts.link.route !== 'relayed' || facts.fabric === 'websocket')
    return say('connected', `Connected, ${CARRIED[facts.fabric]}.`)
  const by = facts.link.via === null ? 'a server' : THIRD
  return say('connected', `Connected, relayed by ${by}, sealed from end to end: no direct way was found yet.`)
}

function isLinking({ link }: Facts): boolean {
  return link.state === 'connecting' || link.state === 'connected'
}

const THIRD = 'a third player'

const CARRIED: Readonly<Record<Facts['fabric'], string>> = {
  webrtc: 'browser to browser',
  'simple-peer': 'browser to browser over simple-peer',
  peerjs: 'browser to browser over peerjs',
  websocket: 'through the signalling server, sealed from end to end',
  'broadcast-channel': 'tab to tab of this browser',
}

function apart(facts: Facts): Connection {
  if (isLinking(facts)) {
    return say('reconnecting', 'Your friend is on the way back. Reconnecting …')
  }
  if (facts.signalling === 'searching') {
    return say('cut-off', 'Neither your friend nor a signalling server answers. It may be your own connection.')
  }
  if (facts.link.state === 'lost')
    return say('gone', 'The connection to your friend is lost. The board is kept, and they are still looked for.')
  return say('gone', 'Your friend is gone. The board is kept: waiting for them to open the link again.')
}
