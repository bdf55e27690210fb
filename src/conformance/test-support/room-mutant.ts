import { observable } from '../../base/observable.ts'
import type { Member, Room } from '../../room/contract.ts'
import type { PeerId } from '../../seam/contract.ts'
import type { LawRoomOptions, LawSession, RoomHarness } from '../room/room-harness.ts'
import { DelegateRoom } from './delegate-room.ts'
import type { Mutant } from './mutant.ts'

export type RoomMutant = Mutant<RoomHarness>

/** Spoils every session of a harness. */
export function sessionMutant(
  name: string,
  breaks: readonly string[],
  change: (session: LawSession, harness: RoomHarness) => Partial<LawSession>,
): RoomMutant {
  return {
    name,
    breaks,
    spoil: (harness) => ({
      ...harness,
      session: () => {
        const session = harness.session()
        const sound: LawSession = {
          idOf: (peer) => session.idOf(peer),
          host: (peer, options) => session.host(peer, options),
          join: (peer, options) => session.join(peer, options),
          seam: (peer) => session.seam(peer),
          adopt: (peer, seam, options) => session.adopt(peer, seam, options),
          vanish: (peer) => session.vanish(peer),
          cut: (a, b) => session.cut(a, b),
          hush: (a, b) => session.hush(a, b),
          heal: () => session.heal(),
        }
        return { ...sound, ...change(session, harness) }
      },
    }),
  }
}

/** Makes every room with other options. */
export function optionMutant(
  name: string,
  breaks: readonly string[],
  change: (options: LawRoomOptions) => LawRoomOptions,
  only: 'host' | 'joiner' | 'both' = 'both',
): RoomMutant {
  return sessionMutant(name, breaks, (session) => ({
    host: (peer, options = {}) => session.host(peer, only === 'joiner' ? options : change(options)),
    join: (peer, options = {}) => session.join(peer, only === 'host' ? options : change(options)),
    adopt: (peer, seam, options) => {
      const isMeant = only === 'both' || only === options.role
      return session.adopt(peer, seam, isMeant ? { ...change(options), role: options.role } : options)
    },
  }))
}

export interface RoomMaking {
  readonly name: string
  readonly session: LawSession
  readonly harness: RoomHarness
}

/** Wraps every room in one that does one thing wrong. */
export function roomMutant(
  name: string,
  breaks: readonly string[],
  wrap: (room: Room, making: RoomMaking) => Room,
): RoomMutant {
  return sessionMutant(name, breaks, (session, harness) => {
    const wrapped = (peer: string, room: Room): Room => wrap(room, { name: peer, session, harness })
    return {
      host: async (peer, options) => wrapped(peer, await session.host(peer, options)),
      join: async (peer, options) => wrapped(peer, await session.join(peer, options)),
      adopt: async (peer, seam, options) => wrapped(peer, await session.adopt(peer, seam, options)),
    }
  })
}

/** Shows every member as `see` makes it. */
export function memberMutant(name: string, breaks: readonly string[], see: (member: Member) => Member): RoomMutant {
  return roomMutant(name, breaks, (room) => {
    const seen = (roster: ReadonlyMap<PeerId, Member>): ReadonlyMap<PeerId, Member> =>
      new Map([...roster].map(([peer, member]) => [peer, see(member)]))
    const wrong = observable(seen(room.roster.get()))
    room.roster.listen((roster) => wrong.set(seen(roster)))
    return new (class extends DelegateRoom {
      override get roster(): Room['roster'] {
        return wrong
      }
    })(room)
  })
}
