import type { Seam } from '../../seam/contract.ts'
import type { LawRoom, SeamHarness } from '../seam-harness.ts'

/** One way to be wrong, and the laws that have to notice. */
export interface Mutant<H> {
  readonly name: string
  /** Ids of laws that go red. Others may, too. */
  readonly breaks: readonly string[]
  /** The harness of a sound implementation, spoilt. */
  spoil(harness: H): H
}

/** Each seam of the harness, wrapped. */
export function wrapSeams<H extends SeamHarness>(harness: H, wrap: (seam: Seam) => Seam): H {
  return wrapRooms(harness, (room) => ({
    host: async (wait) => wrap(await room.host(wait)),
    join: async (wait) => wrap(await room.join(wait)),
    rejoin: async (seam) => wrap(await room.rejoin(seam)),
  }))
}

export function wrapRooms<H extends SeamHarness>(harness: H, wrap: (room: LawRoom) => LawRoom): H {
  return { ...harness, room: (options) => wrap(harness.room(options)) }
}

export type SeamMutant = Mutant<SeamHarness>

/** Wraps every seam in a class that does one thing wrong. */
export function seamMutant(name: string, breaks: readonly string[], Wrong: new (inner: Seam) => Seam): SeamMutant {
  return { name, breaks, spoil: (harness) => wrapSeams(harness, (seam) => new Wrong(seam)) }
}

export const isTorn = (seam: Seam): boolean => seam.state.get().kind === 'torn'
export const never = (): Promise<never> => new Promise(() => {})
