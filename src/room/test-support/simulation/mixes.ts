/** What can befall a room, and how often each does, as weights. What is left out does not happen. */
export interface Misfortunes {
  readonly cut?: number
  readonly cutOneWay?: number
  readonly clog?: number
  readonly isolate?: number
  readonly isolateHost?: number
  readonly split?: number
  readonly heal?: number
  readonly crash?: number
  readonly crashHost?: number
  readonly reload?: number
  readonly reloadHost?: number
  readonly tear?: number
  readonly leave?: number
  readonly leaveHost?: number
  readonly freeze?: number
  readonly hide?: number
  readonly skipClock?: number
  readonly moveWall?: number
  readonly policy?: number
  readonly kick?: number
  readonly chat?: number
  readonly steal?: number
  readonly forge?: number
}

/** One kind of trouble. A seed runs under one of them. */
export interface Mix {
  readonly name: string
  /** Members, the fewest and the most. */
  readonly sizes: readonly [number, number]
  /** Mean time between two misfortunes, milliseconds. */
  readonly everyMs: number
  readonly loss: number
  readonly latencyMs: number
  readonly peerLossMs: number
  /** The fabric gives every process another id, so that members come back under another. */
  readonly drawnIds?: boolean
  readonly misfortunes: Misfortunes
}

const ORDINARY = { everyMs: 900, loss: 0, latencyMs: 60, peerLossMs: 1200 }
const LINKS: Misfortunes = { cut: 10, cutOneWay: 5, clog: 2, isolate: 3, isolateHost: 2, heal: 9 }
const CHURN: Misfortunes = { crash: 4, crashHost: 2, reload: 4, reloadHost: 2, tear: 4, leave: 3, leaveHost: 2 }
const TIME: Misfortunes = { freeze: 6, hide: 3, skipClock: 3, moveWall: 1 }
const RULES: Misfortunes = { policy: 4, chat: 3 }

/** Seed `s` runs under mix `s` modulo their number. */
export const MIXES: readonly Mix[] = [
  { ...ORDINARY, name: 'links come and go', sizes: [2, 12], misfortunes: { ...LINKS, ...RULES } },
  { ...ORDINARY, name: 'people come and go', sizes: [2, 12], misfortunes: { ...CHURN, ...RULES } },
  {
    ...ORDINARY,
    name: 'clocks and sleep',
    sizes: [2, 8],
    misfortunes: { ...TIME, ...RULES, crash: 1, cut: 2, heal: 2 },
  },
  {
    ...ORDINARY,
    name: 'splits',
    sizes: [3, 12],
    everyMs: 2500,
    misfortunes: { ...RULES, split: 6, heal: 5, crashHost: 1, leave: 1 },
  },
  {
    ...ORDINARY,
    name: 'hosts do not last',
    sizes: [3, 8],
    misfortunes: { ...RULES, crashHost: 4, leaveHost: 4, reloadHost: 3, isolateHost: 4, heal: 5, tear: 1 },
  },
  {
    ...ORDINARY,
    name: 'a bad network',
    sizes: [2, 8],
    loss: 0.15,
    latencyMs: 300,
    misfortunes: { ...RULES, cut: 3, heal: 6, crash: 2, reload: 2, tear: 2, leave: 1 },
  },
  {
    ...ORDINARY,
    name: 'ids are drawn anew',
    sizes: [2, 8],
    drawnIds: true,
    misfortunes: { ...CHURN, ...RULES },
  },
  {
    ...ORDINARY,
    name: 'a thief',
    sizes: [2, 6],
    misfortunes: { ...RULES, crash: 3, reload: 2, tear: 2, cut: 2, heal: 4, steal: 6, forge: 14 },
  },
  {
    ...ORDINARY,
    name: 'sent away',
    sizes: [3, 8],
    misfortunes: { ...RULES, kick: 4, reload: 3, crash: 2, split: 1, heal: 3 },
  },
  {
    ...ORDINARY,
    name: 'everything',
    sizes: [3, 12],
    loss: 0.02,
    misfortunes: { ...LINKS, ...CHURN, ...TIME, ...RULES, split: 3, kick: 1 },
  },
]
