import { throwIfAborted } from '../../base/abort.ts'
import { OverloadedError, PayloadTooLargeError, PeerNotConnectedError, RoomNotFoundError } from '../../base/errors.ts'
import { observable, sameMembers, type ReadableAtom } from '../../base/observable.ts'
import {
  VIEW_CREDIT_BYTES,
  type CloseReason,
  type PeerId,
  type Seam,
  type SeamState,
  type SendOptions,
  type Swatch,
} from '../../seam/contract.ts'
import { DelegateSeam } from '../delegate-seam.ts'
import type { SeamHarness } from '../seam-harness.ts'
import { type Mutant, wrapRooms, wrapSeams } from './mutant.ts'
import { TappedSeam } from './tapped-seam.ts'

type SeamMutant = Mutant<SeamHarness>
type Roster = ReadonlySet<PeerId>

/** Wraps every seam in a class that does one thing wrong. */
function seamMutant(name: string, breaks: readonly string[], Wrong: new (inner: Seam) => Seam): SeamMutant {
  return { name, breaks, spoil: (harness) => wrapSeams(harness, (seam) => new Wrong(seam)) }
}

/** Publishes what `see` makes of each roster; where it makes `null`, the last stays. */
function rosterMutant(
  name: string,
  breaks: readonly string[],
  see: (roster: Roster, seam: Seam, last: Roster) => Roster | null,
): SeamMutant {
  class WrongRoster extends DelegateSeam {
    readonly #peers

    constructor(inner: Seam) {
      super(inner)
      const first = inner.peers.get()
      this.#peers = observable<Roster>(see(first, inner, first) ?? first, sameMembers)
      inner.peers.listen((roster) => {
        const seen = see(roster, inner, this.#peers.get())
        if (seen !== null) this.#peers.set(seen)
      })
      inner.state.listen(() => {
        const seen = see(inner.peers.get(), inner, this.#peers.get())
        if (seen !== null) this.#peers.set(seen)
      })
    }

    override get peers(): ReadableAtom<Roster> {
      return this.#peers
    }
  }
  return seamMutant(name, breaks, WrongRoster)
}

const isTorn = (seam: Seam): boolean => seam.state.get().kind === 'torn'
const never = (): Promise<never> => new Promise(() => {})

const rosterMutants: readonly SeamMutant[] = [
  rosterMutant('does not list itself', ['SEAM-1'], (roster, { selfId }) => {
    return new Set([...roster].filter((peer) => peer !== selfId))
  }),
  rosterMutant('keeps its roster when it tears', ['SEAM-4', 'SEAM-5'], (roster, _seam, last) => {
    return roster.size === 1 && last.size > 1 ? null : roster
  }),
  seamMutant(
    'collapses a moment after it tears',
    ['SEAM-5'],
    class extends DelegateSeam {
      readonly #peers = observable<Roster>(new Set(), sameMembers)

      constructor(inner: Seam) {
        super(inner)
        this.#peers.set(inner.peers.get())
        inner.peers.listen((roster) => queueMicrotask(() => this.#peers.set(roster)))
      }

      override get peers(): ReadableAtom<Roster> {
        return this.#peers
      }
    },
  ),
  rosterMutant('goes on listing who left', ['SEAM-30', 'MESH-21', 'LOOM-13'], (roster, seam, last) => {
    return isTorn(seam) ? roster : new Set([...last, ...roster])
  }),
  rosterMutant('lists three at the most', ['MESH-18'], (roster, { selfId }) => {
    return new Set([selfId, ...[...roster].filter((peer) => peer !== selfId).slice(0, 2)])
  }),
  rosterMutant('hides that a superseded peer left', ['LOOM-12'], (roster, seam, last) => {
    return roster.size === 1 && !isTorn(seam) ? last : roster
  }),
]

const stateMutants: readonly SeamMutant[] = [
  seamMutant(
    'never says that it is woven',
    ['SEAM-7', 'SEAM-11'],
    class extends DelegateSeam {
      override get state(): ReadableAtom<SeamState> {
        return observable<SeamState>(isTorn(this.inner) ? this.inner.state.get() : { kind: 'weaving' })
      }
    },
  ),
  seamMutant(
    'is weaving while alone',
    ['SEAM-11'],
    class extends DelegateSeam {
      override get state(): ReadableAtom<SeamState> {
        const alone = this.inner.peers.get().size === 1 && !isTorn(this.inner)
        return alone ? observable<SeamState>({ kind: 'weaving' }) : this.inner.state
      }
    },
  ),
  seamMutant(
    'lets the last reason win',
    ['SEAM-9'],
    class extends DelegateSeam {
      #state = observable<SeamState>({ kind: 'woven' })

      override get state(): ReadableAtom<SeamState> {
        return this.#state
      }

      override close(reason: CloseReason = { kind: 'normal' }): Promise<void> {
        this.#state.set({ kind: 'torn', reason })
        return super.close(reason)
      }
    },
  ),
  seamMutant(
    'closes once only',
    ['SEAM-29'],
    class extends DelegateSeam {
      override close(reason?: CloseReason): Promise<void> {
        return isTorn(this.inner) ? Promise.reject(new Error('closed already')) : super.close(reason)
      }
    },
  ),
  seamMutant(
    'cannot be disposed of',
    ['SEAM-41'],
    class extends DelegateSeam {
      override [Symbol.asyncDispose](): Promise<void> {
        return Promise.resolve()
      }
    },
  ),
  seamMutant(
    'tears when anybody leaves',
    ['MESH-21', 'SEAM-30'],
    class extends DelegateSeam {
      constructor(inner: Seam) {
        super(inner)
        inner.peers.listen((roster, before) => {
          if (before !== undefined && roster.size < before.size) void inner.close()
        })
      }
    },
  ),
]

const sendingMutants: readonly SeamMutant[] = [
  seamMutant(
    'looks at the size first',
    ['SEAM-12'],
    class extends DelegateSeam {
      override sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
        const max = this.maxPayloadBytes ?? 0
        if (payload.length > max) return Promise.reject(new PayloadTooLargeError(payload.length, max))
        return super.sendTo(peer, payload, options)
      }
    },
  ),
  seamMutant(
    'blames the peer for a torn seam',
    ['SEAM-12', 'SEAM-13'],
    class extends DelegateSeam {
      override sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
        if (isTorn(this.inner)) return Promise.reject(new PeerNotConnectedError(peer))
        return super.sendTo(peer, payload, options)
      }
    },
  ),
  seamMutant(
    'swallows broadcasts when torn',
    ['SEAM-13'],
    class extends DelegateSeam {
      override broadcast(payload: Uint8Array, options?: SendOptions): Promise<void> {
        return isTorn(this.inner) ? Promise.resolve() : super.broadcast(payload, options)
      }
    },
  ),
  seamMutant(
    'sends to itself by sending to the others',
    ['SEAM-14'],
    class extends DelegateSeam {
      override sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
        return peer === this.selfId ? this.broadcast(payload, options) : super.sendTo(peer, payload, options)
      }
    },
  ),
  seamMutant(
    'forgets frames to absent peers',
    ['SEAM-15', 'SEAM-30'],
    class extends DelegateSeam {
      override sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
        if (!this.peers.get().has(peer) && !isTorn(this.inner)) return Promise.resolve()
        return super.sendTo(peer, payload, options)
      }
    },
  ),
  seamMutant(
    'refuses a broadcast with nobody there',
    ['SEAM-16'],
    class extends DelegateSeam {
      override broadcast(payload: Uint8Array, options?: SendOptions): Promise<void> {
        if (this.peers.get().size === 1) return Promise.reject(new PeerNotConnectedError('anybody'))
        return super.broadcast(payload, options)
      }
    },
  ),
  seamMutant(
    'hears its own broadcasts',
    ['SEAM-17', 'MESH-19'],
    class extends TappedSeam {
      override broadcast(payload: Uint8Array, options?: SendOptions): Promise<void> {
        this.inbox.push({ payload, sender: this.selfId, sequence: 1, delivery: 'reliable' })
        return super.broadcast(payload, options)
      }
    },
  ),
  seamMutant(
    'pays no attention to signals',
    ['SEAM-19', 'SEAM-37'],
    class extends DelegateSeam {
      override broadcast(payload: Uint8Array, { delivery }: SendOptions = {}): Promise<void> {
        return super.broadcast(payload, { delivery })
      }
      override sendTo(peer: PeerId, payload: Uint8Array, { delivery }: SendOptions = {}): Promise<void> {
        return super.sendTo(peer, payload, { delivery })
      }
    },
  ),
  seamMutant(
    'looks at a signal once only',
    ['SEAM-37'],
    class extends DelegateSeam {
      override async sendTo(peer: PeerId, payload: Uint8Array, { delivery, signal }: SendOptions = {}): Promise<void> {
        throwIfAborted(signal)
        return super.sendTo(peer, payload, { delivery })
      }
    },
  ),
  seamMutant(
    'publishes a budget of nothing',
    ['SEAM-20'],
    class extends DelegateSeam {
      override get maxLossyPayloadBytes(): number {
        return 0
      }
    },
  ),
  seamMutant(
    'publishes one byte more than it carries',
    ['SEAM-21', 'SEAM-22'],
    class extends DelegateSeam {
      override get maxPayloadBytes(): number {
        return (this.inner.maxPayloadBytes ?? 0) + 1
      }
    },
  ),
  seamMutant(
    'drops broadcasts over the budget in silence',
    ['SEAM-22'],
    class extends DelegateSeam {
      override broadcast(payload: Uint8Array, options?: SendOptions): Promise<void> {
        if (payload.length > (this.maxPayloadBytes ?? 0)) return Promise.resolve()
        return super.broadcast(payload, options)
      }
    },
  ),
  seamMutant(
    'lets unicasts overtake broadcasts',
    ['SEAM-26', 'MESH-23'],
    class extends DelegateSeam {
      override async broadcast(payload: Uint8Array, options?: SendOptions): Promise<void> {
        await null
        return super.broadcast(payload, options)
      }
    },
  ),
  seamMutant(
    'makes broadcasts of unicasts',
    ['MESH-20'],
    class extends DelegateSeam {
      override sendTo(_peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
        return super.broadcast(payload, options)
      }
    },
  ),
  seamMutant(
    'leaves one peer out of a broadcast to many',
    ['MESH-19'],
    class extends DelegateSeam {
      override async broadcast(payload: Uint8Array, options?: SendOptions): Promise<void> {
        const others = [...this.peers.get()].filter((peer) => peer !== this.selfId)
        const reached = others.length > 1 ? others.slice(1) : others
        await Promise.all(reached.map((peer) => super.sendTo(peer, payload, options)))
      }
    },
  ),
  seamMutant(
    'holds up third peers after a unicast',
    ['MESH-23'],
    class extends DelegateSeam {
      #last: PeerId | null = null

      override sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
        this.#last = peer
        return super.sendTo(peer, payload, options)
      }
      override broadcast(payload: Uint8Array, options?: SendOptions): Promise<void> {
        if (this.#last === null) return super.broadcast(payload, options)
        return super.sendTo(this.#last, payload, options)
      }
    },
  ),
  seamMutant(
    'broadcasts to one peer after the other',
    ['MESH-24'],
    class extends DelegateSeam {
      override async broadcast(payload: Uint8Array, options?: SendOptions): Promise<void> {
        for (const peer of this.peers.get()) if (peer !== this.selfId) await super.sendTo(peer, payload, options)
      }
    },
  ),
]

/** Changes each frame that arrives. */
function arrivalMutant(
  name: string,
  breaks: readonly string[],
  change: (swatch: Swatch) => readonly Swatch[],
): SeamMutant {
  return { name, breaks, spoil: (harness) => wrapSeams(harness, (seam) => new TappedSeam(seam, change)) }
}

const receivingMutants: readonly SeamMutant[] = [
  arrivalMutant('forgets what was lossy', ['SEAM-35'], (swatch) => [{ ...copy(swatch), delivery: 'reliable' }]),
  arrivalMutant('takes an empty frame for none', ['SEAM-39'], (swatch) =>
    swatch.payload.length === 0 ? [] : [swatch],
  ),
  arrivalMutant('delivers twice', ['SEAM-26', 'SEAM-32', 'MESH-19'], (swatch) => [swatch, swatch]),
  arrivalMutant('counts from 0', ['SEAM-33'], (swatch) => [{ ...copy(swatch), sequence: swatch.sequence - 1 }]),
  arrivalMutant('garbles what it delivers', ['SEAM-17'], (swatch) => [
    { ...copy(swatch), payload: swatch.payload.map((byte) => byte ^ 1) },
  ]),
  arrivalMutant('reads ahead of its reader', ['SEAM-36'], (swatch) => [swatch]),
  seamMutant(
    'hears nothing before it is read',
    ['SEAM-28'],
    class extends TappedSeam {
      constructor(inner: Seam) {
        let read = false
        super(inner, (swatch) => (read ? [swatch] : []))
        this.#onRead = () => {
          read = true
        }
      }
      readonly #onRead: () => void

      override get incoming(): AsyncIterable<Swatch> {
        this.#onRead()
        return super.incoming
      }
    },
  ),
  seamMutant(
    'lets any number read',
    ['SEAM-34'],
    class extends DelegateSeam {
      #shared: AsyncIterator<Swatch> | null = null

      override get incoming(): AsyncIterable<Swatch> {
        return {
          [Symbol.asyncIterator]: () => {
            const shared = (this.#shared ??= this.inner.incoming[Symbol.asyncIterator]())
            return { next: () => shared.next() }
          },
        }
      }
    },
  ),
  seamMutant(
    'never ends its stream',
    ['SEAM-27', 'SEAM-43'],
    class extends DelegateSeam {
      override get incoming(): AsyncIterable<Swatch> {
        const { inner } = this
        return {
          async *[Symbol.asyncIterator]() {
            yield* inner.incoming
            await never()
          },
        }
      }
    },
  ),
  seamMutant(
    'forgets what it has not read when it tears',
    ['SEAM-43'],
    class extends TappedSeam {
      override close(reason?: CloseReason): Promise<void> {
        this.inbox.clear()
        return super.close(reason)
      }
    },
  ),
  seamMutant(
    'forgets the frames of who left',
    ['SEAM-44'],
    class extends TappedSeam {
      constructor(inner: Seam) {
        super(inner)
        inner.peers.listen(() => this.inbox.clear())
      }
    },
  ),
]

const creditMutants: readonly SeamMutant[] = [
  seamMutant(
    'never sends a frame over the credit',
    ['SEAM-45'],
    class extends DelegateSeam {
      override sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
        return payload.length > VIEW_CREDIT_BYTES ? never() : super.sendTo(peer, payload, options)
      }
    },
  ),
  seamMutant(
    'leaves waiting sends hanging',
    ['SEAM-38'],
    class extends DelegateSeam {
      override sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
        return super.sendTo(peer, payload, options).catch(never)
      }
    },
  ),
  seamMutant(
    'loses the sends that are too many',
    ['SEAM-40'],
    class extends DelegateSeam {
      override sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
        return super.sendTo(peer, payload, options).catch((error: unknown) => {
          if (!(error instanceof OverloadedError)) throw error
        })
      }
    },
  ),
]

const loomMutants: readonly SeamMutant[] = [
  {
    name: 'does not say what it is',
    breaks: ['LOOM-3'],
    spoil: (harness) => ({ ...harness, capability: () => ({ ...harness.capability(), roles: new Set() }) }),
  },
  {
    name: 'makes the room it cannot find',
    breaks: ['LOOM-8', 'LOOM-14'],
    spoil: (harness) =>
      wrapRooms(harness, (room) => ({
        ...room,
        join: (wait) =>
          room.join(wait).catch((error: unknown) => {
            if (error instanceof RoomNotFoundError) return room.host(wait)
            throw error
          }),
      })),
  },
  {
    name: 'joins where it cannot host',
    breaks: ['LOOM-9'],
    spoil: (harness) =>
      wrapRooms(harness, (room) => ({ ...room, host: (wait) => room.host(wait).catch(() => room.join(wait)) })),
  },
  {
    name: 'lets any number in',
    breaks: ['LOOM-10'],
    spoil: (harness) => ({ ...harness, room: () => harness.room() }),
  },
  {
    name: 'joins whatever the signal says',
    breaks: ['LOOM-11'],
    spoil: (harness) => wrapRooms(harness, (room) => ({ ...room, join: () => room.join() })),
  },
  {
    name: 'leaves a joined peer behind an abort',
    breaks: ['LOOM-11'],
    spoil: (harness) =>
      wrapRooms(harness, (room) => ({
        ...room,
        join: async (wait) => {
          const seam = await room.join()
          throwIfAborted(wait?.signal)
          return seam
        },
      })),
  },
  {
    name: 'hosts whatever the signal says',
    breaks: ['LOOM-14'],
    spoil: (harness) => wrapRooms(harness, (room) => ({ ...room, host: () => room.host() })),
  },
  {
    name: 'ends with its host',
    breaks: ['LOOM-13'],
    spoil: (harness) =>
      wrapRooms(harness, (room) => {
        const joined: Seam[] = []
        const hosted = async (seam: Seam): Promise<Seam> => {
          seam.state.listen(() => joined.forEach((other) => void other.close()))
          return seam
        }
        return {
          ...room,
          host: async (wait) => hosted(await room.host(wait)),
          join: async (wait) => {
            const seam = await room.join(wait)
            joined.push(seam)
            return seam
          },
        }
      }),
  },
]

export const seamMutants: readonly SeamMutant[] = [
  ...rosterMutants,
  ...stateMutants,
  ...sendingMutants,
  ...receivingMutants,
  ...creditMutants,
  ...loomMutants,
]

/** Spoils a harness that can lose links. */
export const lostLinkMutants: readonly SeamMutant[] = [
  {
    name: 'never notices a lost link',
    breaks: ['SEAM-42'],
    spoil: (harness) => ({ ...harness, loseLink: () => Promise.resolve() }),
  },
]

function copy({ payload, sender, sequence, delivery }: Swatch): Swatch {
  return { payload, sender, sequence, delivery }
}
