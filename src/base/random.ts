/** Chance, passed in: a number drawn evenly from [0, 1). Everything that draws takes a `random` option. */
export type Random = () => number

/** The platform's own generator. Not for secrets: those come from `crypto.getRandomValues`. */
export const systemRandom: Random = () => Math.random()

/** A whole number drawn evenly from [min, max). */
export function randomBetween(random: Random, min: number, max: number): number {
  return min + Math.floor(random() * (max - min))
}

/**
 * Delay before attempt `attempt` (0 first): drawn evenly from [0, min(capMs, baseMs * 2^attempt)).
 * "Full jitter": peers that lost the same server do not come back in step.
 */
export function fullJitterMs(random: Random, attempt: number, baseMs: number, capMs: number): number {
  return random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30))
}
