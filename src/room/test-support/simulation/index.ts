/**
 * The simulation of rooms: real cores, codec and keys on devices and a mesh that fail in every way we know of, under
 * virtual time, all from one seed. `npm run sim -- --rooms` runs it at length, `npm test` a little of it.
 *
 * A *trial* (`trial.ts`) is one seed: a while of trouble, then calm, in which everybody has to agree. A *mix*
 * (`mixes.ts`) says what trouble, `misfortune.ts` draws it. `room-world.ts` has time, the persons' devices
 * (`device.ts`), each with a process at most (`life.ts`), and the links between them (`mesh.ts`). After every step
 * `rules.ts` looks at what the step changed. `mutants.ts` lists rooms that are broken on purpose, which all of this has to notice.
 */
export { CALM_BOUND_MS, mixOf, runRoomTrial, type TrialOptions, type TrialReport } from './trial.ts'
export { MIXES, type Mix } from './mixes.ts'
export { MUTANTS, type Mutant } from './mutants.ts'
