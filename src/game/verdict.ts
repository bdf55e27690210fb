import type { PeerId } from '../seam/contract.ts'
import type { Seat } from './contract.ts'
import type { Announcement } from './presence-frame.ts'
import { isFull, seatOf, takenSeats } from './seat-table.ts'

/** What a peer on its way to the table makes of the others' announcements: pure decisions. */
export interface Room {
  readonly selfId: PeerId
  readonly peers: ReadonlySet<PeerId>
  readonly heard: ReadonlyMap<PeerId, Announcement>
}

type Player = Extract<Announcement, { role: 'player' }>

export type FoundingVerdict = { kind: 'wait' } | { kind: 'found' } | { kind: 'duplicate'; host: PeerId }

/** May this peer found a game here? A game that runs comes first, then the lowest id of those about to found. */
export function judgeFounding(room: Room, timeIsUp: boolean): FoundingVerdict {
  const [running] = players(room)
  if (running !== undefined) return { kind: 'duplicate', host: hostOf(running) }
  const founders = [...room.heard].flatMap(([peer, { role }]) => (role === 'founder' ? [peer] : []))
  const [lowest] = founders.sort()
  if (lowest !== undefined && lowest < room.selfId) return { kind: 'duplicate', host: lowest }
  return timeIsUp || everyoneSpoke(room) ? { kind: 'found' } : { kind: 'wait' }
}

/**
 * Two founders that did not hear of each other in time have two tables. The one with more seats taken
 * goes on, between equals the one whose host has the lower id. Returns the other host if ours yields.
 */
export function judgeRival(room: Room, ours: { gameId: string; seats: readonly Seat[] }): PeerId | null {
  for (const rival of players(room)) {
    if (rival[1].gameId === ours.gameId) continue
    const theirs = takenSeats(rival[1].seats)
    const mine = takenSeats(ours.seats)
    const host = hostOf(rival)
    if (theirs > mine || (theirs === mine && host < room.selfId)) return host
  }
  return null
}

export type TableVerdict =
  | { kind: 'wait' }
  | { kind: 'take'; gameId: string; lineage: string }
  | { kind: 'full' }
  | { kind: 'mismatch'; gameId: string }
  | { kind: 'forgotten'; gameId: string }

/**
 * Which table is there for a peer that has no vote yet, but perhaps the log of game `held`? That game's, else
 * the first that has a seat to give; `full` when none has. `forgotten` when it sits at another already: an id
 * must not come back without its votes.
 */
export function judgeTables(room: Room, held: string | null): TableVerdict {
  const isHeld = ({ gameId }: Player): boolean => gameId === held
  const tables = players(room).map(([, player]) => player)
  const own = tables.find(({ seats }) => seatOf(seats, room.selfId) !== null)
  if (own !== undefined && !isHeld(own)) return { kind: 'forgotten', gameId: own.gameId }
  const withSeats = tables.filter(({ seats }) => !isFull(seats))
  const open = own ?? withSeats.find(isHeld) ?? withSeats[0]
  if (open !== undefined) return { kind: 'take', gameId: open.gameId, lineage: open.lineage }
  return tables.length > 0 ? { kind: 'full' } : { kind: 'wait' }
}

/** Is the game that this peer has in its log the one that is played here? `take`: yes. */
export function judgeGame(room: Room, gameId: string, timeIsUp: boolean): TableVerdict {
  const others: string[] = []
  for (const announcement of room.heard.values()) {
    if (announcement.role === 'player' && announcement.gameId === gameId) {
      const { seats, lineage } = announcement
      return isFull(seats) && seatOf(seats, room.selfId) === null ? { kind: 'full' } : { kind: 'take', gameId, lineage }
    }
    if (announcement.role === 'player') others.push(announcement.gameId)
  }
  if (!timeIsUp && !everyoneSpoke(room)) return { kind: 'wait' }
  return others[0] === undefined ? { kind: 'wait' } : { kind: 'mismatch', gameId: others[0] }
}

export function everyoneSpoke({ selfId, peers, heard }: Room): boolean {
  for (const peer of peers) if (peer !== selfId && !heard.has(peer)) return false
  return true
}

function players(room: Room): [PeerId, Player][] {
  return [...room.heard].flatMap(([peer, said]): [PeerId, Player][] => (said.role === 'player' ? [[peer, said]] : []))
}

/** Who founded the game that `announcer` plays. */
function hostOf([announcer, { seats }]: [PeerId, Player]): PeerId {
  return seats[0]?.peer ?? announcer
}
