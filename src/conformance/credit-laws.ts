import { expect } from 'vitest'
import { OverloadedError, PeerNotConnectedError, SeamTornError } from '../base/errors.ts'
import { VIEW_CREDIT_BYTES, type PeerId, type Seam } from '../seam/contract.ts'
import { MAX_WAITING_BYTES } from '../seam/credit.ts'
import { numbered, numbersOf, range } from './law-payloads.ts'
import { seamLaw, type SeamLaw, type SeamTrial } from './seam-harness.ts'

/** What a sender got through to a peer that does not read. */
export interface Exhausted {
  readonly frameBytes: number
  /** Frames within the credit: their sends resolved. */
  readonly sent: number
  /** The send that waits: frame number `sent + 1`. */
  readonly waiting: Promise<void>
}

/** Sends numbered frames to a peer that does not read: as many as its credit covers, which go, and one that waits. */
export async function exhaust(trial: SeamTrial, from: Seam, to: PeerId): Promise<Exhausted> {
  const frameBytes = Math.min(65_536, from.maxPayloadBytes ?? 65_536)
  const sent = Math.floor(VIEW_CREDIT_BYTES / frameBytes)
  // Each in its own time: a transport may be slow to take what the credit allows.
  for (const i of range(1, sent)) await trial.settle(from.sendTo(to, numbered(i, frameBytes)))
  let taken = false
  const waiting = from.sendTo(to, numbered(sent + 1, frameBytes)).then(() => {
    taken = true
  })
  waiting.catch(() => {})
  await Promise.race([waiting.catch(() => {}), trial.quiet()])
  expect(taken, 'whether a frame went beyond the credit of a reader who took none').toBe(false)
  return { frameBytes, sent, waiting }
}

export const creditLaws: readonly SeamLaw[] = [
  seamLaw(
    'SEAM-36',
    'a sender waits when a reader has a credit of unread bytes, and goes on as it reads',
    async (trial) => {
      const [a, b] = await trial.pair()
      const { sent, waiting } = await exhaust(trial, a, b.selfId)
      const reading = trial.read(b)
      await trial.settle(waiting)
      await trial.settle(a.broadcast(numbered(sent + 2)))
      expect(numbersOf(await reading.take(sent + 2))).toEqual(range(1, sent + 2))
    },
  ),

  seamLaw(
    'SEAM-45',
    'a frame of any size up to the budget goes, however large it is beside the credit',
    async (trial) => {
      const [a, b] = await trial.pair()
      const reading = trial.read(b)
      const max = Math.min(a.maxPayloadBytes ?? 65_536, 4 * VIEW_CREDIT_BYTES)
      for (const i of range(1, 6)) await trial.settle(a.sendTo(b.selfId, numbered(i, max - (i % 2) * 100)))
      expect(numbersOf(await reading.take(6))).toEqual(range(1, 6))
    },
  ),

  seamLaw(
    'SEAM-37',
    'a send that waits rejects with the reason of its signal, and its frame never arrives',
    async (trial) => {
      const [a, b] = await trial.pair()
      const { sent, waiting } = await exhaust(trial, a, b.selfId)
      const reason = new Error("the caller's own")
      const controller = new AbortController()
      const abandoned = trial.failure(a.sendTo(b.selfId, numbered(9999), { signal: controller.signal }))
      const abandonedToAll = trial.failure(a.broadcast(numbered(9998), { signal: controller.signal }))
      const behind = a.sendTo(b.selfId, numbered(sent + 2))
      controller.abort(reason)
      behind.catch(() => {})
      expect(await abandoned).toBe(reason)
      expect(await abandonedToAll).toBe(reason)
      const reading = trial.read(b)
      await trial.settle(Promise.all([waiting, behind]))
      expect(numbersOf(await reading.take(sent + 2))).toEqual(range(1, sent + 2))
    },
  ),

  seamLaw('SEAM-38', 'sends that wait end with their seam, and with their peer', async (trial) => {
    const [a, b] = await trial.pair()
    const { waiting } = await exhaust(trial, a, b.selfId)
    const outcomes = [trial.failure(waiting), trial.failure(a.broadcast(numbered(1)))] as const
    await trial.settle(b.close())
    expect(await outcomes[0]).toBeInstanceOf(PeerNotConnectedError)
    expect(await outcomes[1]).toBeNull()

    const [c, d] = await trial.pair()
    const again = await exhaust(trial, c, d.selfId)
    const ends = [trial.failure(again.waiting), trial.failure(c.broadcast(numbered(1)))]
    await trial.settle(c.close())
    for (const end of ends) expect(await end).toBeInstanceOf(SeamTornError)
  }),

  seamLaw(
    'SEAM-40',
    'sends that wait are bounded: one too many is refused, and nothing accepted is lost',
    async (trial) => {
      const [a, b] = await trial.pair()
      const { sent, frameBytes, waiting } = await exhaust(trial, a, b.selfId)
      const large = new Uint8Array(frameBytes)
      const tooMany = range(1, Math.ceil(MAX_WAITING_BYTES / frameBytes)).map(() => {
        const caller = new AbortController()
        const send = a.sendTo(b.selfId, large, { signal: caller.signal })
        send.catch(() => {})
        return { caller, send }
      })
      expect(await trial.failure(tooMany.at(-1)?.send ?? expect.fail())).toBeInstanceOf(OverloadedError)
      for (const { caller } of tooMany) caller.abort()
      const behind = a.sendTo(b.selfId, numbered(sent + 2))
      const reading = trial.read(b)
      await trial.settle(Promise.all([waiting, behind]))
      expect(numbersOf(await reading.take(sent + 2))).toEqual(range(1, sent + 2))
    },
  ),

  seamLaw('SEAM-46', 'twenty thousand small broadcasts that nobody awaits arrive, once and in order', async (trial) => {
    const [a, b] = await trial.pair()
    const sends = range(1, 20_000).map((i) => a.broadcast(numbered(i)))
    const reading = trial.read(b)
    await trial.settle(Promise.all(sends))
    expect(numbersOf(await reading.take(20_000))).toEqual(range(1, 20_000))
  }),
]
