import { observable, type ReadableAtom } from '../../base/observable.ts'
import type { CloseReason, PeerId, Seam, SeamState, SendOptions, Swatch } from '../../seam/contract.ts'
import { DelegateSeam } from '../delegate-seam.ts'
import type { LawMux, MuxHarness } from '../mux-harness.ts'
import { type Mutant, wrapSeams } from './mutant.ts'
import { TappedSeam } from './tapped-seam.ts'

type MuxMutant = Mutant<MuxHarness>

/** Wraps every mux of the harness. */
function muxMutant(
  name: string,
  breaks: readonly string[],
  wrap: (mux: LawMux, base: Seam) => Partial<LawMux>,
): MuxMutant {
  return {
    name,
    breaks,
    spoil: (harness) => ({
      ...harness,
      mux: (base) => {
        const mux = harness.mux(base)
        const sound: LawMux = {
          channel: (number) => mux.channel(number),
          badKeys: mux.badKeys,
          headerBytes: (number) => mux.headerBytes(number),
          detach: () => mux.detach(),
          get counts() {
            return mux.counts
          },
        }
        return Object.defineProperties(sound, Object.getOwnPropertyDescriptors(wrap(mux, base)))
      },
    }),
  }
}

/** Wraps every view, one wrapper per open view. */
function viewMutant(name: string, breaks: readonly string[], wrap: (view: Seam, base: Seam) => Seam): MuxMutant {
  return muxMutant(name, breaks, (mux, base) => {
    const wrapped = new Map<Seam, Seam>()
    return {
      channel: (number) => {
        const view = mux.channel(number)
        const wrapper = wrapped.get(view) ?? wrap(view, base)
        wrapped.set(view, wrapper)
        return wrapper
      },
    }
  })
}

export const muxMutants: readonly MuxMutant[] = [
  {
    name: 'shares the base with other readers',
    breaks: ['MUX-1'],
    spoil: (harness) =>
      wrapSeams(harness, (seam) => {
        const shared = seam.incoming[Symbol.asyncIterator]()
        const incoming: AsyncIterable<Swatch> = { [Symbol.asyncIterator]: () => ({ next: () => shared.next() }) }
        return new (class extends DelegateSeam {
          override get incoming(): AsyncIterable<Swatch> {
            return incoming
          }
        })(seam)
      }),
  },
  muxMutant('makes a view per call', ['MUX-2'], (mux) => ({
    channel: (number) => new DelegateSeam(mux.channel(number)),
  })),
  muxMutant('takes any key', ['MUX-3'], (mux) => ({ badKeys: mux.badKeys.map(() => () => mux.channel(0)) })),
  muxMutant('mixes channels up', ['MUX-4'], (mux) => ({ channel: (number) => mux.channel(number & ~1) })),
  viewMutant('stamps itself as sender', ['MUX-16', 'MUX-4'], (view) => {
    return new TappedSeam(view, ({ payload, sequence, delivery }) => [
      { payload, sequence, delivery, sender: view.selfId },
    ])
  }),
  viewMutant('closes the base with a view', ['MUX-5'], (view, base) => {
    return new (class extends DelegateSeam {
      override async close(reason?: CloseReason): Promise<void> {
        await base.close(reason)
      }
    })(view)
  }),
  viewMutant('goes on after it was closed', ['MUX-5', 'MUX-6', 'MUX-17'], (view) => {
    return new (class extends DelegateSeam {
      override close(): Promise<void> {
        return Promise.resolve()
      }
    })(view)
  }),
  muxMutant('opens a key once only', ['MUX-6'], (mux) => {
    const views = new Map<number, Seam>()
    return {
      channel: (number) => {
        const view = views.get(number) ?? mux.channel(number)
        views.set(number, view)
        return view
      },
    }
  }),
  viewMutant('does not see its base tear', ['MUX-9'], (view) => {
    return new (class extends DelegateSeam {
      override get state(): ReadableAtom<SeamState> {
        return observable<SeamState>({ kind: 'woven' })
      }
    })(view)
  }),
  viewMutant('drops what had arrived when the base tears', ['MUX-9'], (view) => {
    return new TappedSeam(view, (swatch) => (view.state.get().kind === 'torn' ? [] : [swatch]))
  }),
  muxMutant('keeps the base when it is detached', ['MUX-12'], () => ({ detach: () => Promise.resolve() })),
  {
    name: 'works over no view',
    breaks: ['MUX-15'],
    spoil: (harness) => {
      const views = new WeakSet<Seam>()
      return {
        ...harness,
        mux: (base) => {
          if (views.has(base)) throw new Error('no mux on a mux')
          const mux = harness.mux(base)
          return {
            ...mux,
            channel: (number) => {
              const view = mux.channel(number)
              views.add(view)
              return view
            },
          }
        },
      }
    },
  },
  muxMutant('drops frames for channels nobody has opened', ['MUX-7'], (mux) => {
    const dropping = new Map<number, AsyncIterator<Swatch>>()
    for (let number = 0; number < 16; number++) {
      const iterator = mux.channel(number).incoming[Symbol.asyncIterator]()
      dropping.set(number, iterator)
      void (async () => {
        while ((await iterator.next()).done !== true);
      })()
    }
    return {
      channel: (number) => {
        void dropping.get(number)?.return?.()
        dropping.delete(number)
        return mux.channel(number)
      },
    }
  }),
  muxMutant('lets a full view stall the others', ['MUX-8', 'MUX-21'], (mux) => {
    let last: Promise<unknown> = Promise.resolve()
    class InTurn extends DelegateSeam {
      override sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
        const sent = last.then(() => super.sendTo(peer, payload, options))
        last = sent.catch(() => {})
        return sent
      }
    }
    return { channel: (number) => new InTurn(mux.channel(number)) }
  }),
  viewMutant('publishes the budget of its base', ['MUX-10'], (view, base) => {
    return new (class extends DelegateSeam {
      override get maxPayloadBytes(): number | null {
        return base.maxPayloadBytes
      }
    })(view)
  }),
  viewMutant('makes lossy frames reliable', ['MUX-13'], (view) => {
    return new (class extends DelegateSeam {
      override broadcast(payload: Uint8Array, { signal }: SendOptions = {}): Promise<void> {
        return super.broadcast(payload, { signal })
      }
    })(view)
  }),
  viewMutant('makes lossy frames wait', ['MUX-13'], (view) => {
    return new (class extends DelegateSeam {
      override sendTo(peer: PeerId, payload: Uint8Array, { signal }: SendOptions = {}): Promise<void> {
        return super.sendTo(peer, payload, { signal })
      }
    })(view)
  }),
  viewMutant('buffers without a bound', ['MUX-11'], (view) => new TappedSeam(view)),
  muxMutant('does not count what is malformed', ['MUX-14'], (mux) => ({
    get counts() {
      return { ...mux.counts, malformedFrames: 0 }
    },
  })),
]
