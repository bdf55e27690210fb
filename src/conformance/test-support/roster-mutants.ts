import { observable, sameMembers, type ReadableAtom } from '../../base/observable.ts'
import type { CloseReason, PeerId, Seam, SeamState } from '../../seam/contract.ts'
import { DelegateSeam } from '../delegate-seam.ts'
import { isTorn, seamMutant, type SeamMutant } from './mutant.ts'

type Roster = ReadonlySet<PeerId>

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

export const rosterMutants: readonly SeamMutant[] = [
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

export const stateMutants: readonly SeamMutant[] = [
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
