import { throwIfAborted } from '../../base/abort.ts'
import { RoomNotFoundError } from '../../base/errors.ts'
import type { Seam } from '../../seam/contract.ts'
import { type SeamMutant, wrapRooms } from './mutant.ts'

export const loomMutants: readonly SeamMutant[] = [
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
