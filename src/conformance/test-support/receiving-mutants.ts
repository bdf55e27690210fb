import type { CloseReason, Seam, Swatch } from '../../seam/contract.ts'
import { DelegateSeam } from '../delegate-seam.ts'
import { never, seamMutant, type SeamMutant, wrapSeams } from './mutant.ts'
import { TappedSeam } from './tapped-seam.ts'

export const receivingMutants: readonly SeamMutant[] = [
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

/** Changes each frame that arrives. */
function arrivalMutant(
  name: string,
  breaks: readonly string[],
  change: (swatch: Swatch) => readonly Swatch[],
): SeamMutant {
  return { name, breaks, spoil: (harness) => wrapSeams(harness, (seam) => new TappedSeam(seam, change)) }
}

function copy({ payload, sender, sequence, delivery }: Swatch): Swatch {
  return { payload, sender, sequence, delivery }
}
