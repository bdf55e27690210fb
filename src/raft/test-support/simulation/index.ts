/**
 * The simulation of Raft: real cores and real nodes on machines, links and disks that fail in every way we know of,
 * under virtual time, all from one seed. `npm run sim` runs it at length, `npm test` a little of it.
 *
 * A *trial* (`core-trial.ts`, and `node-trial.ts` for whole nodes) is one seed: a while of trouble under the load of
 * clients, then calm. A *mix* (`mixes.ts`) says what trouble, `misfortune.ts` draws it, `core-simulation.ts` makes it
 * happen to the machines, links and disks; whole nodes have their own of each (`node-machine.ts`, `node-misfortune.ts`), and a
 * page that may freeze (`page.ts`). After every step `invariants.ts` looks at what the step changed; at the end
 * `linearizability.ts` judges what the clients saw. `mutants.ts` lists engines that are broken on purpose, which all of
 * this has to notice.
 */
export { runNodeTrial } from './node-trial.ts'
export { runCoreTrial, mixOf, type TrialOptions, type TrialReport } from './core-trial.ts'
export { MIXES, STEADY, type Mix } from './mixes.ts'
export { MUTANTS, type Mutant } from './mutants.ts'
