import { describe, expect, it } from 'vitest'
import { type Facts, failureOf, initialFacts, isMyTurn, isPassing } from './facts.ts'
import { type Link, noLink } from './link-watch.ts'
import { newGame, play } from './tic-tac-toe.ts'
import {
  announcementOf,
  cellLabelOf,
  connectionOf,
  countdownOf,
  friendOf,
  headlineOf,
  lookingOf,
  nextRoundOf,
  noticeOf,
  storageNoteOf,
  tallyOf,
  wiringOf,
} from './words.ts'

const link = (state: Link['state'], how: Partial<Link> = {}): Link => ({ ...noLink, state, ...how })

const seated: Facts = {
  ...initialFacts,
  stage: 'seated',
  signalling: 'attached',
  mine: 'X',
  seatsTaken: 2,
  friend: 'here',
  link: link('connected', { route: 'direct' }),
  settled: true,
  storage: 'persistent',
}

const afterMoves = (...cells: number[]): Facts['game'] =>
  cells.reduce((game, cell) => play(game, { kind: 'mark', round: game.round, cell }, game.turn), newGame)

describe('connection in words', () => {
  const cases: [string, Partial<Facts>, string, RegExp][] = [
    ['opening the place', { stage: 'opening' }, 'opening', /place/],
    ['creating', { stage: 'reaching', errand: 'create' }, 'looking-for-server', /signalling server/],
    ['joining', { stage: 'reaching', errand: 'join' }, 'looking-for-server', /friend’s table/],
    [
      'waiting',
      { stage: 'entering', seatsTaken: 1, friend: 'awaited', link: link('none') },
      'waiting',
      /Waiting for your friend/,
    ],
    ['a friend at the door', { stage: 'entering', seatsTaken: 1, link: link('connecting') }, 'connecting', /coming in/],
    [
      'being admitted',
      { stage: 'entering', errand: 'join', mine: null, seatsTaken: 0 },
      'connecting',
      /Taking your seat/,
    ],
    ['waiting without a server', { seatsTaken: 1, signalling: 'searching' }, 'looking-for-server', /lost/],
    [
      'waiting in another tab',
      { stage: 'entering', fabric: 'broadcast-channel', seatsTaken: 1, friend: 'awaited', link: link('none') },
      'waiting',
      /another tab/,
    ],
    ['connected', {}, 'connected', /browser to browser\.$/],
    [
      'connected by way of the server',
      { link: link('connected', { route: 'relayed' }) },
      'connected',
      /relayed by a server, sealed/,
    ],
    [
      'connected by way of another player',
      { link: link('connected', { route: 'relayed', via: 'cleo' }) },
      'connected',
      /relayed by a third player, sealed/,
    ],
    [
      'connected through the server alone',
      { fabric: 'websocket', link: link('connected', { route: 'relayed' }) },
      'connected',
      /^Connected, through the signalling server, sealed/,
    ],
    ['connected over peerjs', { fabric: 'peerjs' }, 'connected', /over peerjs/],
    ['connected by tabs', { fabric: 'broadcast-channel' }, 'connected', /tab to tab of this browser/],
    ['connected, friend away', { friend: 'away' }, 'connected', /something else/],
    ['connected, server lost', { signalling: 'searching' }, 'connected', /goes on without it/],
    ['interrupted', { link: link('interrupted') }, 'interrupted', /interrupted/],
    ['gone', { friend: 'gone', link: link('none') }, 'gone', /waiting for them/],
    ['lost', { friend: 'gone', link: link('lost', { why: 'no path' }) }, 'gone', /is lost\. The board is kept/],
    ['coming back', { friend: 'gone', link: link('connecting') }, 'reconnecting', /Reconnecting/],
    ['back, no leader yet', { settled: false }, 'settling', /again/],
    ['away, and not answering', { settled: false, friend: 'away' }, 'settling', /^Your friend is away/],
    ['cut off', { friend: 'gone', link: link('none'), signalling: 'searching' }, 'cut-off', /your own connection/],
    ['failed', { stage: 'failed', failure: 'cut' }, 'idle', /^$/],
  ]
  it.each(cases)('%s', (_name, facts, state, text) => {
    const connection = connectionOf({ ...seated, ...facts })
    expect(connection.state).toBe(state)
    expect(connection.text).toMatch(text)
  })
})

describe('the link to the friend, closely', () => {
  it('is told once there is a friend, and apart from the sentence that is read out', () => {
    expect(wiringOf({ ...seated, seatsTaken: 1 })).toBeNull()
    const near = link('connected', { route: 'direct', roundTripMs: 4.2 })
    expect(wiringOf({ ...seated, link: near })).toBe('To your friend: direct, round trip 4\u{a0}ms.')
  })

  it('counts how long an interruption lasts and may last', () => {
    expect(countdownOf(seated)).toBe('')
    const cut = link('interrupted', { interruption: { forS: 4, keptForS: 11 } })
    expect(countdownOf({ ...seated, link: cut })).toMatch(/^ 4\u{a0}s by now.*another 11\u{a0}s\.$/u)
  })
})

describe('headline', () => {
  it('says whose turn it is, from either side', () => {
    expect(headlineOf(seated)).toBe('Your turn')
    expect(headlineOf({ ...seated, mine: 'O' })).toBe('Your friend’s turn')
  })

  it('says who won, and a draw', () => {
    const won: Facts = { ...seated, game: afterMoves(0, 3, 1, 4, 2) }
    expect(headlineOf(won)).toBe('You win')
    expect(headlineOf({ ...won, mine: 'O' })).toBe('Your friend wins')
    expect(headlineOf({ ...seated, game: afterMoves(0, 1, 2, 4, 3, 5, 7, 6, 8) })).toBe('A draw')
  })

  it('says that a mark waits only where it waits for somebody', () => {
    expect(headlineOf({ ...seated, pending: 4 })).toBe('Your turn')
    expect(headlineOf({ ...seated, pending: 4, friend: 'gone' })).toBe('Your mark waits')
  })

  it('invites while a seat is free, and does not while one is being taken', () => {
    expect(headlineOf({ ...seated, seatsTaken: 1 })).toBe('Invite a friend')
    expect(headlineOf({ ...seated, errand: 'join', mine: null, seatsTaken: 0 })).toBe('Taking your seat')
  })
})

describe('the turn', () => {
  it('is ours only when seated, on an open board, with nothing under way', () => {
    expect(isMyTurn(seated)).toBe(true)
    expect(isMyTurn({ ...seated, mine: 'O' })).toBe(false)
    expect(isMyTurn({ ...seated, seatsTaken: 1 })).toBe(false)
    expect(isMyTurn({ ...seated, pending: 4 })).toBe(false)
    expect(isMyTurn({ ...seated, game: afterMoves(0, 3, 1, 4, 2) })).toBe(false)
  })
})

describe('a cell', () => {
  it('names its place, its mark and whose it is', () => {
    const facts: Facts = { ...seated, game: afterMoves(0, 4) }
    expect(cellLabelOf(facts, 0)).toBe('row 1, column 1: X, yours')
    expect(cellLabelOf(facts, 4)).toBe('row 2, column 2: O, your friend’s')
    expect(cellLabelOf(facts, 8)).toBe('row 3, column 3: empty')
    expect(cellLabelOf({ ...facts, pending: 8 }, 8)).toBe('row 3, column 3: X, waiting to be agreed')
  })

  it('says that it won', () => {
    expect(cellLabelOf({ ...seated, game: afterMoves(0, 3, 1, 4, 2) }, 1)).toMatch(/in the winning line$/)
  })
})

describe('another round', () => {
  it('is offered when a round is over, and waits for who is gone', () => {
    const over: Facts = { ...seated, game: afterMoves(0, 3, 1, 4, 2) }
    expect(nextRoundOf(seated)).toBeNull()
    expect(nextRoundOf(over)).toBe('Play another round')
    expect(nextRoundOf({ ...over, asked: true })).toBe('Play another round')
    expect(nextRoundOf({ ...over, asked: true, friend: 'gone' })).toBe('Waiting for your friend …')
  })
})

describe('announcements', () => {
  it('tell the seat once, each mark, and what is to be done', () => {
    expect(announcementOf({ ...seated, seatsTaken: 1 }, seated)).toBe('You are X, your friend is O. Your turn.')
    const mine: Facts = { ...seated, game: afterMoves(4) }
    expect(announcementOf(seated, mine)).toBe('You marked row 2, column 2. Your friend’s turn.')
    const theirs: Facts = { ...seated, game: play(mine.game, { kind: 'mark', round: 0, cell: 0 }, 'O') }
    expect(announcementOf(mine, theirs)).toBe('Your friend marked row 1, column 1. Your turn.')
  })

  it('tell the result and the next round', () => {
    const won: Facts = { ...seated, game: afterMoves(0, 3, 1, 4, 2) }
    expect(announcementOf({ ...seated, game: afterMoves(0, 3, 1, 4) }, won)).toMatch(/You win\.$/)
    const next: Facts = { ...seated, game: play(won.game, { kind: 'next', round: 0 }, 'O') }
    expect(announcementOf(won, next)).toBe('Round 2. Your friend’s turn.')
    expect(tallyOf(next)).toBe('Round 2 · you 1, your friend 0')
  })

  it('tell once that the page no longer looks by itself', () => {
    const failed: Facts = { ...initialFacts, stage: 'failed', failure: 'room-not-found', looking: 1 }
    const over: Facts = { ...failed, looking: 'over' }
    expect(announcementOf(failed, over)).toBe('No longer looking by itself.')
    expect(announcementOf(over, over)).toBe('')
    expect(lookingOf(failed)).toBe('Looking again in 1 s')
    expect(lookingOf(seated)).toBeNull()
  })

  it('are silent while nothing on the board changes', () => {
    expect(announcementOf(seated, { ...seated, friend: 'away' })).toBe('')
  })
})

describe('failures', () => {
  it('are told apart by the code of the error, and never by inherited names', () => {
    expect(failureOf({ code: 'RosterFullError' })).toBe('table-full')
    expect(failureOf({ code: 'RoomNotFoundError' })).toBe('room-not-found')
    expect(failureOf({ code: 'toString' })).toBe('unknown')
    expect(failureOf(new Error('?'))).toBe('unknown')
    expect(failureOf(null)).toBe('unknown')
  })

  it('of a proposal pass where asking again is all there is to do; the others close the table', () => {
    expect(['LeadershipLostError', 'OverloadedError'].map((code) => isPassing({ code }))).toEqual([true, true])
    for (const code of ['StorageFailedError', 'ClientIdTakenError', 'RequestExpiredError', 'ClosedError', undefined]) {
      expect(isPassing({ code })).toBe(false)
    }
    expect(failureOf({ code: 'ClientIdTakenError' })).toBe('cut')
    expect(failureOf({ code: 'RequestExpiredError' })).toBe('cut')
  })

  it('each have a title, a sentence, and a way on where there is one', () => {
    for (const failure of ['invalid-link', 'table-full', 'no-server', 'unknown'] as const) {
      const { title, text, actions } = noticeOf(failure)
      expect(title).not.toBe('')
      expect(text).toMatch(/\.$/)
      expect(actions.length).toBeGreaterThan(0)
    }
  })
})

describe('notes', () => {
  it('say that a reload forgets where storage is refused', () => {
    expect(storageNoteOf({ ...seated, storage: 'page' })).toMatch(/reload forgets/)
    expect(storageNoteOf({ ...seated, storage: 'best-effort' })).toMatch(/may clear/)
    expect(storageNoteOf({ ...seated, storage: 'best-effort', stage: 'opening' })).toBeNull()
    expect(storageNoteOf(seated)).toBeNull()
  })

  it('say who is here', () => {
    expect((['awaited', 'here', 'away', 'gone'] as const).map((friend) => friendOf({ ...seated, friend }))).toEqual([
      'not here yet',
      'here',
      'away',
      'gone',
    ])
  })
})
