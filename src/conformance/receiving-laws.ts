import { expect } from 'vitest'
import { IncomingTakenError } from '../base/errors.ts'
import { numbered, numbersOf, range } from './law-payloads.ts'
import { seamLaw, type SeamLaw } from './seam-harness.ts'

export const receivingLaws: readonly SeamLaw[] = [
  seamLaw('SEAM-26', 'frames of one sender arrive in order, each once, unicast among broadcasts', async (trial) => {
    const [a, b] = await trial.pair()
    const reading = trial.read(b)
    const sends = range(1, 200).map((i) => (i % 3 === 0 ? a.sendTo(b.selfId, numbered(i)) : a.broadcast(numbered(i))))
    await trial.settle(Promise.all(sends))
    expect(numbersOf(await reading.take(200))).toEqual(range(1, 200))
    await trial.quiet()
    expect(reading.frames.length).toBe(200)
  }),

  seamLaw('SEAM-32', 'both ways at once, each frame crosses once', async (trial) => {
    const [a, b] = await trial.pair()
    const [atA, atB] = [trial.read(a), trial.read(b)]
    const sends = range(1, 50).flatMap((i) => [a.broadcast(numbered(i)), b.broadcast(numbered(1000 + i))])
    await trial.settle(Promise.all(sends))
    expect(numbersOf(await atB.take(50))).toEqual(range(1, 50))
    expect(numbersOf(await atA.take(50))).toEqual(range(1001, 1050))
    await trial.quiet()
    expect([atA.frames.length, atB.frames.length]).toEqual([50, 50])
  }),

  seamLaw('SEAM-33', 'sequence counts from 1 over all that a seam receives', async (trial) => {
    const [a, b, c] = await trial.trio()
    const reading = trial.read(c)
    for (const i of range(1, 5)) {
      await trial.settle(a.broadcast(numbered(i)))
      await trial.settle(b.sendTo(c.selfId, numbered(i)))
    }
    expect((await reading.take(10)).map(({ sequence }) => sequence)).toEqual(range(1, 10))
  }),

  seamLaw('SEAM-28', 'what arrives before anybody reads is kept for the first reader', async (trial) => {
    const [a, b] = await trial.pair()
    for (const i of range(1, 20)) await trial.settle(a.broadcast(numbered(i)))
    await trial.quiet()
    expect(numbersOf(await trial.read(b).take(20))).toEqual(range(1, 20))
  }),

  seamLaw(
    'SEAM-34',
    'one reader at a time: a second is refused, the first goes on, the next takes over',
    async (trial) => {
      const [a, b] = await trial.pair()
      const first = trial.read(b)
      expect(() => b.incoming[Symbol.asyncIterator]()).toThrow(IncomingTakenError)
      await trial.settle(a.broadcast(numbered(1)))
      expect(numbersOf(await first.take(1))).toEqual([1])
      await first.stop()
      await trial.settle(a.broadcast(numbered(2)))
      await trial.settle(a.broadcast(numbered(3)))
      await trial.quiet()
      const second = trial.read(b)
      expect(numbersOf(await second.take(2))).toEqual([2, 3])
      expect(first.frames.length).toBe(1)
    },
  ),

  seamLaw('SEAM-27', 'incoming ends at torn, also for a reader who waits', async (trial) => {
    const [a, b] = await trial.pair()
    const waiting = trial.read(a)
    await trial.settle(a.close())
    await trial.settle(waiting.ended)
    const later = trial.read(a)
    await trial.settle(later.ended)
    expect(later.frames).toEqual([])
    await trial.settle(b.close())
  }),

  seamLaw('SEAM-43', 'what had arrived before a seam tore is still read, then the stream ends', async (trial) => {
    const [a, b] = await trial.pair()
    for (const i of range(1, 5)) await trial.settle(a.broadcast(numbered(i)))
    await trial.quiet()
    await trial.settle(b.close())
    const reading = trial.read(b)
    await trial.settle(reading.ended)
    expect(numbersOf(reading.frames)).toEqual(range(1, 5))
  }),

  seamLaw('SEAM-44', 'what a peer sent before it closed arrives', async (trial) => {
    const [a, b] = await trial.pair()
    for (const i of range(1, 5)) await trial.settle(a.broadcast(numbered(i)))
    await trial.settle(a.close())
    await trial.listing(b, [b.selfId])
    const reading = trial.read(b)
    expect(numbersOf(await reading.take(5))).toEqual(range(1, 5))
  }),
]
