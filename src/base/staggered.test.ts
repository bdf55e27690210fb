import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { staggered } from './staggered.ts'

const HEAD_START_MS = 100

/** Attempts that settle after some milliseconds, and what became of them. */
class Attempts {
  readonly clock: VirtualClock = new VirtualClock()
  readonly begunAtMs: number[] = []
  readonly aborted: number[] = []
  readonly discarded: string[] = []

  run(plan: readonly { ms: number; fails?: string }[], signal?: AbortSignal): Promise<string> {
    const attempts = plan.map(({ ms, fails }, index) => (over: AbortSignal): Promise<string> => {
      this.begunAtMs.push(this.clock.now())
      over.addEventListener('abort', () => this.aborted.push(index))
      return new Promise((resolve, reject) => {
        this.clock.setTimeout(() => (fails === undefined ? resolve(`${index}`) : reject(new Error(fails))), ms)
      })
    })
    return staggered(attempts, {
      clock: this.clock,
      headStartMs: HEAD_START_MS,
      isFinal: (error) => (error as Error).message === 'final',
      discard: (late) => this.discarded.push(late),
      signal,
    })
  }
}

describe('staggered attempts', () => {
  it('[LIST-2] one begins when the one before has failed, or has not answered in time', async () => {
    const attempts = new Attempts()
    const outcome = attempts.run([{ ms: 30, fails: 'no' }, { ms: 500 }, { ms: 500, fails: 'no' }])
    expect(await attempts.clock.run(outcome)).toBe('1')
    expect(attempts.begunAtMs).toEqual([0, 30, 130])
    expect(attempts.clock.now()).toBe(530)
  })

  it('[LIST-2] the first success ends the others, and one that succeeds all the same is discarded', async () => {
    const attempts = new Attempts()
    expect(await attempts.clock.run(attempts.run([{ ms: 150 }, { ms: 20 }, { ms: 1 }]))).toBe('1')
    expect(attempts.aborted).toEqual([0, 1])
    await attempts.clock.advance(1_000)
    expect([attempts.discarded, attempts.begunAtMs.length, attempts.clock.pendingTimers]).toEqual([['0'], 2, 0])
  })

  it('[LIST-2] the failure of all of them names each, in their order', async () => {
    const attempts = new Attempts()
    const outcome = attempts.run([
      { ms: 300, fails: 'a' },
      { ms: 10, fails: 'b' },
      { ms: 10, fails: 'c' },
    ])
    const error: AggregateError = (await attempts.clock.run(
      outcome.catch((caught: unknown) => caught as AggregateError),
    )) as AggregateError
    expect(error.errors.map(({ message }: Error) => message)).toEqual(['a', 'b', 'c'])
    expect(attempts.begunAtMs).toEqual([0, 100, 110])
  })

  it('[LIST-2] a final failure and an abort end all at once', async () => {
    const attempts = new Attempts()
    await expect(attempts.clock.run(attempts.run([{ ms: 200 }, { ms: 5, fails: 'final' }]))).rejects.toThrow('final')
    const caller = new AbortController()
    attempts.clock.setTimeout(() => caller.abort(new Error('enough')), 50)
    await expect(attempts.clock.run(attempts.run([{ ms: 200 }], caller.signal))).rejects.toThrow('enough')
    await expect(attempts.run([{ ms: 1 }], caller.signal)).rejects.toThrow('enough')
    await attempts.clock.advance(1_000)
    expect(attempts.clock.pendingTimers).toBe(0)
  })
})
