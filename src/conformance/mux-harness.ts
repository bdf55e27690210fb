import type { CloseReason, Seam } from '../seam/contract.ts'
import { MuxSeam } from '../seam/mux-seam.ts'
import { NamedMux } from '../seam/named-mux.ts'
import { DelegateSeam } from './delegate-seam.ts'
import type { Law } from './law.ts'
import { SeamTrial, type LawRoom, type SeamHarness } from './seam-harness.ts'

/** A mux whose channels have the numbers 0 to 255, whatever it calls them. */
export interface LawMux {
  channel(number: number): Seam
  /** Opens a channel under each key that is none; all of these throw. */
  readonly badKeys: readonly (() => unknown)[]
  /** What it adds to a payload of channel `number`, bytes. */
  headerBytes(number: number): number
  detach(): Promise<void>
  readonly counts: { readonly malformedFrames: number; readonly lossyDropped: number; readonly cutOffPeers: number }
}

/** A fabric, and a mux to lay over its seams. */
export interface MuxHarness extends SeamHarness {
  mux(base: Seam): LawMux
}

export type MuxLaw = Law<MuxHarness>

/** A law of muxes, told with a {@link MuxTrial}. */
export function muxLaw(id: string, title: string, tell: (trial: MuxTrial) => Promise<void>): MuxLaw {
  return {
    id,
    title,
    run: async (harness) => {
      const trial = new MuxTrial(harness)
      await tell(trial)
      trial.check()
    },
  }
}

export class MuxTrial extends SeamTrial {
  readonly #harness: MuxHarness

  constructor(harness: MuxHarness) {
    super(harness)
    this.#harness = harness
  }

  mux(base: Seam): LawMux {
    return this.#harness.mux(base)
  }

  /** `count` bases that have met, each with a mux. */
  async muxes(count: number): Promise<{ bases: Seam[]; muxes: LawMux[] }> {
    const bases = await this.connect(count)
    return { bases, muxes: bases.map((base) => this.mux(base)) }
  }

  async muxPair(): Promise<{ a: Seam; b: Seam; left: LawMux; right: LawMux }> {
    const [a, b] = await this.pair()
    return { a, b, left: this.mux(a), right: this.mux(b) }
  }
}

export function withTagMux(harness: SeamHarness): MuxHarness {
  return {
    ...harness,
    mux: (base) => {
      const mux = new MuxSeam(base)
      return {
        channel: (number) => mux.channel(number),
        badKeys: [-1, 256, 1.5, Number.NaN].map((tag) => () => mux.channel(tag)),
        headerBytes: () => 2,
        detach: () => mux.detach(),
        get counts() {
          return mux.counts
        },
      }
    },
  }
}

/** Its channel names are each a prefix of the next, up to the longest there may be. */
export function withNamedMux(harness: SeamHarness): MuxHarness {
  const nameOf = (number: number): string => (number < 255 ? 'n'.repeat(number + 1) : 'ß'.repeat(127))
  return {
    ...harness,
    mux: (base) => {
      const mux = new NamedMux(base)
      return {
        channel: (number) => mux.channel(nameOf(number)),
        badKeys: ['', 'n'.repeat(256), 'ß'.repeat(128), 'lone \ud800'].map((name) => () => mux.channel(name)),
        headerBytes: (number) => (number < 255 ? number + 3 : 256),
        detach: () => mux.detach(),
        get counts() {
          return mux.counts
        },
      }
    },
  }
}

/** The harness's seams, seen through one channel of a mux: a view is a seam, and keeps every law of seams. */
export function throughChannel(harness: MuxHarness): SeamHarness {
  const view = async (joining: Promise<Seam>): Promise<Seam> => {
    const base = await joining
    return new OwningView(base, harness.mux(base).channel(7))
  }
  const room = (options?: { maxPeers?: number }): LawRoom => {
    const inner = harness.room(options)
    return {
      host: (wait) => view(inner.host(wait)),
      join: (wait) => view(inner.join(wait)),
      rejoin: (seam) => view(inner.rejoin(seam)),
    }
  }
  return { ...harness, room }
}

/** Closing a view leaves its base open, and the laws of seams want the peer gone: this closes the base, and the view with it. */
class OwningView extends DelegateSeam {
  readonly #base: Seam

  constructor(base: Seam, view: Seam) {
    super(view)
    this.#base = base
  }

  override async close(reason?: CloseReason): Promise<void> {
    await this.#base.close(reason)
  }
}
