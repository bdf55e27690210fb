import { observable } from '../../base/observable.ts'
import type { ResumeResult, Room, RoomFrame } from '../../room/contract.ts'
import type { PeerId } from '../../seam/contract.ts'
import { DelegateSeam } from '../delegate-seam.ts'
import { channelMutants } from './channel-mutants.ts'
import { DelegateRoom } from './delegate-room.ts'
import { never } from './mutant.ts'
import { memberMutant, optionMutant, roomMutant, type RoomMutant, sessionMutant } from './room-mutant.ts'

const DAY_MS = 86_400_000

const membershipMutants: readonly RoomMutant[] = [
  optionMutant('gives every room one id', ['ROOM-1'], (options) => ({ ...options, roomId: 'room' }), 'host'),
  roomMutant('issues no token', ['ROOM-2', 'RESUME-1'], (room) => {
    return new (class extends DelegateRoom {
      override get resumeToken(): null {
        return null
      }
    })(room)
  }),
  roomMutant('stamps itself as sender', ['ROOM-3'], (room) => {
    return new (class extends DelegateRoom {
      override get incoming(): AsyncIterable<RoomFrame> {
        const { incoming, selfId } = this.inner
        return {
          async *[Symbol.asyncIterator]() {
            for await (const { payload } of incoming) yield { payload, sender: selfId }
          },
        }
      }
    })(room)
  }),
  roomMutant('leaves without a word', ['ROOM-4', 'SUCC-1'], (room, { name, session }) => {
    return new (class extends DelegateRoom {
      override async leave(): Promise<void> {
        await session.vanish(name)
        await super.leave()
      }
    })(room)
  }),
  memberMutant('shows nobody’s metadata', ['ROOM-20'], (member) => ({ ...member, metadata: new Uint8Array(0) })),
  roomMutant('leaves once only', ['ROOM-21'], (room) => {
    return new (class extends DelegateRoom {
      override leave(): Promise<void> {
        const hasEnded = this.status.get().kind === 'ended'
        return hasEnded ? Promise.reject(new Error('it has left already')) : super.leave()
      }
    })(room)
  }),
  sessionMutant('leaves an adopted seam open', ['ROOM-22'], (session) => ({
    adopt: (name, seam, options) => {
      const kept = new (class extends DelegateSeam {
        override close(): Promise<void> {
          return Promise.resolve()
        }
      })(seam)
      return session.adopt(name, kept, options)
    },
  })),
  roomMutant('publishes its roster late', ['ROOM-23'], (room, { harness }) => {
    const late = observable(room.roster.get())
    room.roster.listen((roster) => void harness.clock.setTimeout(() => late.set(roster), 50))
    return new (class extends DelegateRoom {
      override get roster(): Room['roster'] {
        return late
      }
    })(room)
  }),
  roomMutant('never ends its stream', ['ROOM-24'], (room) => {
    return new (class extends DelegateRoom {
      override get incoming(): AsyncIterable<RoomFrame> {
        const { incoming } = this.inner
        return {
          async *[Symbol.asyncIterator]() {
            yield* incoming
            await never()
          },
        }
      }
    })(room)
  }),
  roomMutant('swallows what it cannot send', ['ROOM-25'], (room) => {
    return new (class extends DelegateRoom {
      override sendTo(...args: Parameters<Room['sendTo']>): Promise<void> {
        return super.sendTo(...args).catch(() => {})
      }
    })(room)
  }),
]

const admissionMutants: readonly RoomMutant[] = [
  optionMutant('takes in any number', ['ADMIT-1'], ({ policy, ...options }) => {
    return { ...options, policy: { ...policy, maxMembers: 32, maxSpectators: 32 } }
  }),
  optionMutant('asks for no password', ['ADMIT-2'], ({ policy, ...options }) => {
    return { ...options, policy: { ...policy, password: null } }
  }),
  roomMutant('cannot change its rules', ['ADMIT-3', 'SUCC-2'], (room) => {
    return new (class extends DelegateRoom {
      override setPolicy(): void {}
    })(room)
  }),
  optionMutant('never asks the application', ['ADMIT-4'], ({ admit: _asked, ...options }) => options),
  roomMutant('keeps whom it kicks', ['ADMIT-5'], (room) => {
    return new (class extends DelegateRoom {
      override kick(): void {}
    })(room)
  }),
  optionMutant('cannot be aborted', ['ADMIT-6'], ({ signal: _ignored, ...options }) => options),
  optionMutant('says hello once', ['ADMIT-7'], (options) => {
    return { ...options, intervalMs: DAY_MS, maxTimeoutMs: 2 * DAY_MS }
  }),
  optionMutant('cuts what is too long', ['ADMIT-8'], (options) => {
    return { ...options, memberName: options.memberName?.slice(0, 60) }
  }),
]

const resumeMutants: readonly RoomMutant[] = [
  sessionMutant(
    'takes who returns for a stranger',
    ['RESUME-1', 'RESUME-2', 'RESUME-5', 'RESUME-8', 'KEPT-2'],
    (session) => ({ join: (name, { token: _lost, ...options } = {}) => session.join(name, options) }),
  ),
  optionMutant('believes every signature', ['RESUME-3', 'RESUME-4'], (options) => {
    return { ...options, verify: () => Promise.resolve(true) }
  }),
  optionMutant(
    'holds a place for ever',
    ['PART-3', 'RESUME-6', 'RESUME-13', 'SUCC-2', 'SUCC-3', 'SUCC-4'],
    (options) => ({ ...options, windowMs: DAY_MS }),
  ),
  roomMutant('sends everybody home when its host leaves', ['SUCC-1', 'RESUME-7'], (room) => {
    return new (class extends DelegateRoom {
      override leave(): Promise<void> {
        if (this.role.get() === 'host') for (const peer of this.roster.get().keys()) this.kick(peer)
        return super.leave()
      }
    })(room)
  }),
  roomMutant('reattaches once only', ['RESUME-9'], (room) => {
    let isUsed = false
    return new (class extends DelegateRoom {
      override reattach(...args: Parameters<Room['reattach']>): void {
        if (!isUsed) super.reattach(...args)
        isUsed = true
      }
    })(room)
  }),
  roomMutant('waits for ever for an answer', ['RESUME-10'], (room) => {
    return new (class extends DelegateRoom {
      override async resume(...args: Parameters<Room['resume']>): Promise<ResumeResult> {
        const result = await super.resume(...args)
        return result.kind === 'timed-out' ? never() : result
      }
    })(room)
  }),
  roomMutant('takes any token for its own', ['RESUME-11', 'RESUME-13'], (room) => {
    return new (class extends DelegateRoom {
      override resume(): Promise<ResumeResult> {
        return Promise.resolve({ kind: 'success' })
      }
    })(room)
  }),
  roomMutant('never reattaches as host', ['RESUME-12'], (room) => {
    return new (class extends DelegateRoom {
      override reattach(...args: Parameters<Room['reattach']>): void {
        if (this.role.get() !== 'host') super.reattach(...args)
      }
    })(room)
  }),
]

const partitionMutants: readonly RoomMutant[] = [
  memberMutant('shows everybody as here', ['PART-1', 'ROOM-10', 'RESUME-12'], (member) => {
    return { ...member, liveness: { kind: 'connected' } }
  }),
  roomMutant('evicts by a window that recovery should have ended', ['PART-2'], (room, { harness }) => {
    const { clock, timing } = harness
    room.roster.listen((roster) => {
      for (const { id, liveness } of roster.values()) {
        if (liveness.kind === 'connected' || room.role.get() !== 'host') continue
        clock.setTimeout(() => {
          if (room.role.get() === 'host') room.kick(id)
        }, timing.windowMs)
      }
    })
    return room
  }),
  optionMutant('never finds silence too long', ['PART-4'], (options) => {
    return { ...options, minTimeoutMs: DAY_MS, maxTimeoutMs: DAY_MS }
  }),
  sessionMutant('believes its own link alone', ['PART-5', 'SUCC-5'], (session) => {
    const names = new Set<string>()
    return {
      idOf: (name) => {
        names.add(name)
        return session.idOf(name)
      },
      cut: async (a) => {
        for (const other of names) if (other !== a) await session.cut(a, other)
      },
    }
  }),
  roomMutant('does not say that it goes', ['PART-6'], (room) => {
    return new (class extends DelegateRoom {
      override announce(): void {}
    })(room)
  }),
  roomMutant('never doubts its own network', ['PART-7'], (room) => {
    return new (class extends DelegateRoom {
      override get localFabric(): Room['localFabric'] {
        return observable('up')
      }
    })(room)
  }),
  optionMutant('never compares rosters', ['ROOM-9', 'ROOM-26'], (options) => {
    return { ...options, intervalMs: DAY_MS, maxTimeoutMs: 2 * DAY_MS }
  }),
]

const successionMutants: readonly RoomMutant[] = [
  roomMutant('forgets its rules with its host', ['SUCC-2'], (room) => {
    room.role.listen((role) => {
      if (role === 'host') room.setPolicy({ password: null, locked: false })
    })
    return room
  }),
  optionMutant('cannot wait for its host', ['SUCC-8'], (options) => ({ ...options, windowMs: 1 })),
  roomMutant('goes home when another hosts', ['SUCC-6'], (room) => {
    room.role.listen((role) => {
      if (role === 'joiner') void room.leave()
    })
    return room
  }),
  sessionMutant('follows whoever says that it hosts', ['SUCC-7'], (session) => {
    let usurper: PeerId | null = null
    return {
      host: async (name, options) => new Gullible(await session.host(name, options), () => usurper),
      join: async (name, options) => new Gullible(await session.join(name, options), () => usurper),
      adopt: (name, seam, options) => {
        usurper = seam.selfId
        return session.adopt(name, seam, options)
      },
    }
  }),
]

class Gullible extends DelegateRoom {
  readonly #usurper: () => PeerId | null

  constructor(inner: Room, usurper: () => PeerId | null) {
    super(inner)
    this.#usurper = usurper
  }

  override get host(): Room['host'] {
    return observable(this.#usurper() ?? super.host.get())
  }
}

export const roomMutants: readonly RoomMutant[] = [
  ...membershipMutants,
  ...admissionMutants,
  ...resumeMutants,
  ...partitionMutants,
  ...successionMutants,
  ...channelMutants,
]
