import { observable, type ReadableAtom } from '../../base/observable.ts'
import type { ChannelOptions, Room } from '../../room/contract.ts'
import type { Seam, SeamState, SendOptions } from '../../seam/contract.ts'
import { DelegateSeam } from '../delegate-seam.ts'
import { DelegateRoom } from './delegate-room.ts'
import { roomMutant, type RoomMutant } from './room-mutant.ts'

/** Opens channels as `open` does. */
function channelMutant(
  name: string,
  breaks: readonly string[],
  open: (room: Room, id: string, options: ChannelOptions) => Seam,
): RoomMutant {
  return roomMutant(name, breaks, (room) => {
    return new (class extends DelegateRoom {
      override channel(id: string, options: ChannelOptions = {}): Seam {
        return open(this.inner, id, options)
      }
    })(room)
  })
}

/** Wraps every channel, once. */
function viewMutant(name: string, breaks: readonly string[], wrap: (view: Seam, room: Room) => Seam): RoomMutant {
  const wrapped = new WeakMap<Seam, Seam>()
  return channelMutant(name, breaks, (room, id, options) => {
    const view = room.channel(id, options)
    const wrapper = wrapped.get(view) ?? wrap(view, room)
    wrapped.set(view, wrapper)
    return wrapper
  })
}

export const channelMutants: readonly RoomMutant[] = [
  channelMutant('mixes channels up', ['CHAN-1'], (room, _id, options) => room.channel('one', options)),
  viewMutant('closes every channel with one', ['CHAN-2'], (view, room) => {
    return new (class extends DelegateSeam {
      override async close(): Promise<void> {
        for (const id of ['one', 'other']) await room.channel(id).close()
      }
    })(view)
  }),
  viewMutant('does not end its channels', ['CHAN-3'], (view) => {
    return new (class extends DelegateSeam {
      override get state(): ReadableAtom<SeamState> {
        return observable<SeamState>({ kind: 'woven' })
      }
    })(view)
  }),
  channelMutant('takes any name', ['CHAN-4'], (room, id, options) => {
    return room.channel(id.slice(0, 100) || 'none', options)
  }),
  channelMutant('keeps what is to be lost', ['CHAN-5'], (room, id) => room.channel(id)),
  channelMutant('keeps nothing', ['KEPT-1', 'KEPT-3'], (room, id) => room.channel(id, { whileAway: 'present' })),
  channelMutant('keeps more than it may', ['KEPT-3'], (room, id, { whileAway }) => room.channel(id, { whileAway })),
  viewMutant('tells who comes what was said before', ['KEPT-4'], (view) => {
    let last: Uint8Array | null = null
    view.peers.listen((peers, before) => {
      if (last !== null && peers.size > (before?.size ?? 0)) void view.broadcast(last)
    })
    return new (class extends DelegateSeam {
      override broadcast(payload: Uint8Array, options?: SendOptions): Promise<void> {
        last = payload
        return super.broadcast(payload, options)
      }
    })(view)
  }),
  viewMutant('never waits for a slow reader', ['KEPT-5'], (view) => {
    return new (class extends DelegateSeam {
      override sendTo(...args: Parameters<Seam['sendTo']>): Promise<void> {
        super.sendTo(...args).catch(() => {})
        return Promise.resolve()
      }
    })(view)
  }),
]
