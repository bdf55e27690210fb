import type { Random } from '../../../base/random.ts'
import type { LinkFaults } from './links.ts'

/** What can befall a cluster, and how often each does, as weights. What is left out does not happen. */
export interface Misfortunes {
  readonly crash?: number
  readonly start?: number
  readonly cut?: number
  readonly isolate?: number
  readonly isolateLeader?: number
  readonly crashLeader?: number
  readonly heal?: number
  readonly stallPeer?: number
  readonly stallDisk?: number
  readonly freeze?: number
  readonly thaw?: number
  readonly hide?: number
  readonly skipClock?: number
  readonly driftClock?: number
  readonly moveWall?: number
  readonly change?: number
  readonly transfer?: number
  readonly compact?: number
}

/** One kind of trouble. A seed runs under one of them. */
export interface Mix extends LinkFaults {
  readonly name: string
  readonly voters: number
  /** Machines that start outside the cluster and may be taken in. */
  readonly others: number
  readonly clients: number
  /** Mean time between two requests of one client, milliseconds. */
  readonly thinkMs: number
  /** Mean time between two misfortunes, milliseconds. */
  readonly everyMs: number
  /** Longest time a write takes to become durable, milliseconds. */
  readonly diskMs: number
  /** Largest frame, bytes. */
  readonly frameBytes: number
  /** Share of steps whose round comes later, so that several inputs share one. */
  readonly shared: number
  /** The batch under way at a crash may be stored in part. */
  readonly torn?: boolean
  readonly misfortunes: Misfortunes
}

const ORDINARY: Omit<Mix, 'name' | 'voters' | 'others' | 'misfortunes'> = {
  clients: 4,
  thinkMs: 1500,
  everyMs: 1500,
  loss: 0.02,
  duplicate: 0.02,
  latencyMs: 60,
  diskMs: 10,
  frameBytes: 262_144,
  shared: 0.1,
}

const FAULTS: Misfortunes = {
  crash: 5,
  crashLeader: 2,
  start: 12,
  cut: 6,
  isolate: 2,
  isolateLeader: 2,
  heal: 7,
  stallPeer: 2,
  stallDisk: 2,
}
const TIME: Misfortunes = { freeze: 3, thaw: 4, hide: 3, skipClock: 2, driftClock: 2, moveWall: 2 }
const MEMBERS: Misfortunes = { change: 8, transfer: 4 }
const LOGS: Misfortunes = { compact: 4 }

/** Seed `s` runs under mix `s` modulo their number. */
export const MIXES: readonly Mix[] = [
  { ...ORDINARY, name: 'three voters', voters: 3, others: 0, misfortunes: FAULTS },
  { ...ORDINARY, name: 'five voters', voters: 5, others: 0, misfortunes: { ...FAULTS, ...TIME } },
  { ...ORDINARY, name: 'members come and go', voters: 3, others: 2, misfortunes: { ...FAULTS, ...MEMBERS } },
  {
    ...ORDINARY,
    name: 'grown from one',
    voters: 1,
    others: 3,
    misfortunes: { ...FAULTS, ...MEMBERS, ...LOGS, ...TIME },
  },
  {
    ...ORDINARY,
    name: 'a bad network',
    voters: 3,
    others: 1,
    loss: 0.25,
    duplicate: 0.2,
    latencyMs: 400,
    misfortunes: { ...FAULTS, ...MEMBERS },
  },
  {
    ...ORDINARY,
    name: 'clocks and sleep',
    voters: 3,
    others: 0,
    misfortunes: { ...TIME, crash: 2, start: 6, transfer: 2 },
  },
  {
    ...ORDINARY,
    name: 'slow disks',
    voters: 3,
    others: 1,
    diskMs: 400,
    torn: true,
    misfortunes: { ...FAULTS, ...LOGS, change: 3, stallDisk: 8 },
  },
  {
    ...ORDINARY,
    name: 'small frames',
    voters: 5,
    others: 0,
    frameBytes: 250,
    clients: 10,
    thinkMs: 300,
    loss: 0.1,
    latencyMs: 300,
    shorten: 0.3,
    misfortunes: { ...FAULTS, isolateLeader: 8, heal: 10, transfer: 4 },
  },
  {
    ...ORDINARY,
    name: 'seven voters, everything',
    voters: 7,
    others: 2,
    shared: 0.4,
    misfortunes: { ...FAULTS, ...TIME, ...MEMBERS, ...LOGS },
  },
  { ...ORDINARY, name: 'two voters', voters: 2, others: 1, misfortunes: { ...FAULTS, ...TIME, ...MEMBERS } },
  {
    ...ORDINARY,
    name: 'contested',
    voters: 5,
    others: 0,
    clients: 10,
    thinkMs: 400,
    everyMs: 700,
    latencyMs: 120,
    misfortunes: { isolateLeader: 8, crashLeader: 2, start: 8, heal: 8, transfer: 1, compact: 1 },
  },
  {
    ...ORDINARY,
    name: 'hurried',
    voters: 3,
    others: 2,
    clients: 6,
    thinkMs: 120,
    everyMs: 150,
    shared: 0.3,
    misfortunes: { ...FAULTS, ...MEMBERS, ...LOGS },
  },
]

/** Three nodes, up and linked most of the time: what the speed of the simulation is measured on. */
export const STEADY: Mix = {
  ...ORDINARY,
  name: 'steady',
  voters: 3,
  others: 0,
  everyMs: 5000,
  thinkMs: 10_000,
  misfortunes: { crash: 1, start: 20, cut: 1, heal: 20 },
}

/** What happens next, by the weights of the mix. */
export function drawMisfortune({ misfortunes }: Mix, random: Random): keyof Misfortunes {
  const weights = Object.entries(misfortunes) as [keyof Misfortunes, number][]
  let roll = random() * weights.reduce((sum, [, weight]) => sum + weight, 0)
  let drawn: keyof Misfortunes = 'heal'
  for (const [name, weight] of weights) {
    drawn = name
    roll -= weight
    if (roll < 0) break
  }
  return drawn
}
