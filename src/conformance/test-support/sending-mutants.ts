import { throwIfAborted } from '../../base/abort.ts'
import { OverloadedError, PayloadTooLargeError, PeerNotConnectedError } from '../../base/errors.ts'
import { VIEW_CREDIT_BYTES, type PeerId, type SendOptions } from '../../seam/contract.ts'
import { DelegateSeam } from '../delegate-seam.ts'
import { isTorn, never, seamMutant, type SeamMutant } from './mutant.ts'
import { TappedSeam } from './tapped-seam.ts'

export const sendingMutants: readonly SeamMutant[] = [
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
    ['SEAM-19', 'SEAM-37', 'SEAM-48'],
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

export const creditMutants: readonly SeamMutant[] = [
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
    'says nothing of how far it is',
    ['SEAM-47'],
    class extends DelegateSeam {
      override sendTo(peer: PeerId, payload: Uint8Array, { delivery, signal }: SendOptions = {}): Promise<void> {
        return super.sendTo(peer, payload, { delivery, signal })
      }
    },
  ),
  seamMutant(
    'cuts large payloads off',
    ['SEAM-47', 'SEAM-49'],
    class extends DelegateSeam {
      override sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
        return super.sendTo(peer, payload.subarray(0, this.maxFrameBytes ?? undefined), options)
      }
    },
  ),
  seamMutant(
    'sends what was called off after all',
    ['SEAM-48'],
    class extends DelegateSeam {
      override sendTo(peer: PeerId, payload: Uint8Array, options: SendOptions = {}): Promise<void> {
        const again = payload.slice()
        return super.sendTo(peer, payload, options).catch((error: unknown) => {
          if (options.signal?.aborted === true) void super.sendTo(peer, again)
          throw error
        })
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
  seamMutant(
    'refuses the thousandth send under way',
    ['SEAM-46'],
    class extends DelegateSeam {
      #underWay = 0

      override async broadcast(payload: Uint8Array, options?: SendOptions): Promise<void> {
        if (this.#underWay >= 1000) throw new OverloadedError('a thousand sends are under way')
        this.#underWay++
        await super.broadcast(payload, options).finally(() => this.#underWay--)
      }
    },
  ),
]
