import { expect } from 'vitest'
import type { Seam } from '../seam/contract.ts'
import { numbered, numbersOf, pattern, sameBytes } from './law-payloads.ts'
import { seamLaw, type SeamLaw } from './seam-harness.ts'

/** Larger than goes in one piece, where the seam takes such; beyond the credit, where it takes that. */
function largeFor(seam: Seam): { bytes: number; isInParts: boolean } {
  const frame = seam.maxFrameBytes ?? seam.maxPayloadBytes ?? 65_536
  const bytes = Math.min(seam.maxPayloadBytes ?? frame, 1_500_000)
  return { bytes, isInParts: bytes > frame }
}

export const largeLaws: readonly SeamLaw[] = [
  seamLaw(
    'SEAM-47',
    'a large payload crosses whole, in its order, and both ends can tell how far it is',
    async (trial) => {
      const [a, b] = await trial.pair()
      const { bytes, isInParts } = largeFor(a)
      const sent: number[] = []
      const came: number[] = []
      b.arriving?.listen((arriving) => came.push(arriving.get(a.selfId)?.receivedBytes ?? bytes))
      const totals = new Set<number>()
      const onProgress = (sentBytes: number, totalBytes: number): void => {
        totals.add(totalBytes)
        sent.push(sentBytes)
      }
      const sends = [
        a.sendTo(b.selfId, numbered(1)),
        a.sendTo(b.selfId, pattern(bytes), { onProgress }),
        a.broadcast(pattern(bytes, 2), { onProgress }),
        a.broadcast(numbered(4)),
      ]
      const frames = await trial.read(b).take(4)
      await trial.settle(Promise.all(sends))
      expect(frames.map(({ payload }) => payload.length)).toEqual([4, bytes, bytes, 4])
      for (const seed of [1, 2])
        expect(sameBytes(frames[seed]?.payload ?? numbered(0), pattern(bytes, seed))).toBe(true)
      expect(totals).toEqual(new Set([bytes]))
      expect(sent.filter((amount) => amount === bytes)).toHaveLength(2)
      const first = sent.slice(0, sent.indexOf(bytes) + 1)
      expect(first).toEqual([...new Set(first)].toSorted((x, y) => x - y))
      if (!isInParts) return
      expect(first.length).toBeGreaterThan(1)
      if (b.arriving === undefined) return
      expect(came.length).toBeGreaterThan(1)
      expect(b.arriving.get().size).toBe(0)
    },
  ),

  seamLaw('SEAM-48', 'a large payload called off half sent never arrives, and nothing waits for it', async (trial) => {
    const [a, b] = await trial.pair()
    const { bytes, isInParts } = largeFor(a)
    if (!isInParts) return
    const reading = trial.read(b)
    const reason = new Error("the caller's own")
    const caller = new AbortController()
    const sending = a.sendTo(b.selfId, pattern(bytes), {
      signal: caller.signal,
      onProgress: () => caller.abort(reason),
    })
    expect(await trial.failure(sending)).toBe(reason)
    await trial.settle(a.sendTo(b.selfId, numbered(2)))
    expect(numbersOf(await reading.take(1))).toEqual([2])
    await trial.quiet()
    expect(reading.frames.length).toBe(1)
    expect(b.arriving?.get().size ?? 0).toBe(0)
  }),

  seamLaw('SEAM-49', 'of large payloads that nobody reads one arrives, and the next one waits', async (trial) => {
    const [a, b] = await trial.pair()
    const { bytes } = largeFor(a)
    let taken = 0
    const sends = [1, 2, 3, 4].map((seed) => a.sendTo(b.selfId, pattern(bytes, seed)).then(() => ++taken))
    for (let i = 0; i < 8; i++) await trial.quiet()
    expect(taken).toBeLessThan(4)
    const frames = await trial.read(b).take(4)
    await trial.settle(Promise.all(sends))
    for (const [i, { payload }] of frames.entries()) expect(sameBytes(payload, pattern(bytes, i + 1))).toBe(true)
  }),
]
