import { expect } from 'vitest'
import { PayloadTooLargeError, PeerNotConnectedError, SeamTornError } from '../base/errors.ts'
import { creditLaws } from './credit-laws.ts'
import { numbered, numbersOf, pattern, range, sameBytes } from './law-payloads.ts'
import { largeLaws } from './large-laws.ts'
import { loomLaws } from './loom-laws.ts'
import { meshLaws } from './mesh-laws.ts'
import { receivingLaws } from './receiving-laws.ts'
import { seamLaw, type SeamLaw } from './seam-harness.ts'

const NORMAL = { kind: 'normal' } as const

const rosterLaws: readonly SeamLaw[] = [
  seamLaw('SEAM-1', 'both ends have an id of their own and list themselves and each other', async (trial) => {
    const [a, b] = await trial.pair()
    expect(a.selfId).not.toBe('')
    expect(a.selfId).not.toBe(b.selfId)
    expect(a.peers.get()).toEqual(new Set([a.selfId, b.selfId]))
    expect(b.peers.get()).toEqual(new Set([a.selfId, b.selfId]))
  }),

  seamLaw('SEAM-4', 'torn, peers is exactly oneself', async (trial) => {
    const [a] = await trial.pair()
    await trial.settle(a.close())
    expect(a.peers.get()).toEqual(new Set([a.selfId]))
    await trial.quiet()
    expect(a.peers.get()).toEqual(new Set([a.selfId]))
  }),

  seamLaw('SEAM-5', 'who hears of torn reads collapsed peers already', async (trial) => {
    const [a] = await trial.pair()
    const seen: unknown[] = []
    a.state.listen((state) => {
      if (state.kind === 'torn') seen.push(new Set(a.peers.get()))
    })
    await trial.settle(a.close())
    expect(seen).toEqual([new Set([a.selfId])])
  }),

  seamLaw('SEAM-30', 'a survivor stops listing a departed peer, and stays woven', async (trial) => {
    const [a, b] = await trial.pair()
    await trial.settle(b.close())
    await trial.listing(a, [a.selfId])
    expect(a.state.get()).toEqual({ kind: 'woven' })
    await expect(trial.settle(a.sendTo(b.selfId, numbered(1)))).rejects.toBeInstanceOf(PeerNotConnectedError)
  }),

  seamLaw(
    'SEAM-42',
    'a link lost without a goodbye takes its peer off the roster of both ends',
    async (trial) => {
      const [a, b] = await trial.pair()
      await trial.harness.loseLink?.(a, b)
      await trial.listing(a, [a.selfId])
      await trial.listing(b, [b.selfId])
    },
    ['loseLink'],
  ),
]

const stateLaws: readonly SeamLaw[] = [
  seamLaw('SEAM-7', 'seams that have met are woven', async (trial) => {
    const [a, b] = await trial.pair()
    expect(a.state.get()).toEqual({ kind: 'woven' })
    expect(b.state.get()).toEqual({ kind: 'woven' })
  }),

  seamLaw('SEAM-11', 'a host alone is woven and lists itself', async (trial) => {
    const host = trial.watch(await trial.settle(trial.harness.room().host()))
    expect(host.state.get()).toEqual({ kind: 'woven' })
    expect(host.peers.get()).toEqual(new Set([host.selfId]))
  }),

  seamLaw('SEAM-9', 'the first reason of a tear stays, whatever comes later', async (trial) => {
    const [a, b] = await trial.pair()
    const states: unknown[] = []
    a.state.listen((state) => states.push(state))
    await trial.settle(a.close({ kind: 'unreachable' }))
    await trial.settle(a.close(NORMAL))
    void b.broadcast(numbered(1)).catch(() => {})
    await trial.settle(b.close())
    await trial.quiet()
    expect(states).toEqual([{ kind: 'torn', reason: { kind: 'unreachable' } }])
    expect(a.state.get()).toEqual({ kind: 'torn', reason: { kind: 'unreachable' } })
  }),

  seamLaw(
    'SEAM-29',
    'close is idempotent, torn when it resolves, and safe after the other end is gone',
    async (trial) => {
      const [a, b] = await trial.pair()
      await trial.settle(a.close())
      expect(a.state.get()).toEqual({ kind: 'torn', reason: NORMAL })
      await trial.settle(Promise.all([a.close(), a.close()]))
      await trial.listing(b, [b.selfId])
      await trial.settle(b.close())
      expect(b.state.get()).toEqual({ kind: 'torn', reason: NORMAL })
    },
  ),

  seamLaw('SEAM-41', 'disposing of a seam closes it', async (trial) => {
    const [a, b] = await trial.pair()
    await trial.settle(a[Symbol.asyncDispose]() as Promise<void>)
    expect(a.state.get()).toEqual({ kind: 'torn', reason: NORMAL })
    await trial.listing(b, [b.selfId])
  }),
]

const sendingLaws: readonly SeamLaw[] = [
  seamLaw('SEAM-12', 'refusals come in the order torn, oneself, absent, too large', async (trial) => {
    const [a, b] = await trial.pair()
    const huge = new Uint8Array((a.maxPayloadBytes ?? 0) + 1)
    await expect(trial.settle(a.sendTo(a.selfId, huge))).rejects.toBeInstanceOf(RangeError)
    await expect(trial.settle(a.sendTo('nobody', huge))).rejects.toBeInstanceOf(PeerNotConnectedError)
    if (a.maxPayloadBytes !== null) {
      await expect(trial.settle(a.sendTo(b.selfId, huge))).rejects.toBeInstanceOf(PayloadTooLargeError)
    }
    await trial.settle(a.close())
    for (const peer of [a.selfId, 'nobody', b.selfId]) {
      await expect(trial.settle(a.sendTo(peer, huge)), `to ${peer}`).rejects.toBeInstanceOf(SeamTornError)
    }
  }),

  seamLaw('SEAM-13', 'sends on a torn seam reject with SeamTornError', async (trial) => {
    const [a, b] = await trial.pair()
    await trial.settle(Promise.all([a.broadcast(numbered(1)), a.sendTo(b.selfId, numbered(2))]))
    await trial.settle(a.close())
    await expect(trial.settle(a.broadcast(numbered(3)))).rejects.toBeInstanceOf(SeamTornError)
    await expect(trial.settle(a.sendTo(b.selfId, numbered(3)))).rejects.toBeInstanceOf(SeamTornError)
  }),

  seamLaw('SEAM-14', 'a frame to oneself is a RangeError, on both ends, and is delivered to nobody', async (trial) => {
    const [a, b] = await trial.pair()
    for (const [self, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const [own, theirs] = [trial.read(self), trial.read(other)]
      await expect(trial.settle(self.sendTo(self.selfId, numbered(9)))).rejects.toBeInstanceOf(RangeError)
      await trial.settle(self.sendTo(other.selfId, numbered(1)))
      expect(numbersOf(await theirs.take(1))).toEqual([1])
      await trial.quiet()
      expect(own.frames).toEqual([])
      await Promise.all([own.stop(), theirs.stop()])
    }
  }),

  seamLaw('SEAM-15', 'a frame to an absent peer is refused by its name, and the seam goes on', async (trial) => {
    const [a, b] = await trial.pair()
    const refused = await trial.failure(a.sendTo('nobody', numbered(1)))
    expect(refused).toBeInstanceOf(PeerNotConnectedError)
    expect(refused).toMatchObject({ peer: 'nobody', outcome: 'refused' })
    const reading = trial.read(b)
    await trial.settle(a.sendTo(b.selfId, numbered(2)))
    expect(numbersOf(await reading.take(1))).toEqual([2])
  }),

  seamLaw('SEAM-16', 'a broadcast with nobody there resolves', async (trial) => {
    const host = trial.watch(await trial.settle(trial.harness.room().host()))
    await trial.settle(host.broadcast(numbered(1)))
    expect(host.state.get()).toEqual({ kind: 'woven' })
  }),

  seamLaw('SEAM-17', 'a broadcast reaches the other end byte for byte, and never its sender', async (trial) => {
    const [a, b] = await trial.pair()
    const [own, theirs] = [trial.read(a), trial.read(b)]
    const payload = pattern(1000)
    await trial.settle(a.broadcast(payload.slice()))
    const [frame] = await theirs.take(1)
    expect(frame?.payload).toEqual(payload)
    expect(frame?.sender).toBe(a.selfId)
    await trial.settle(b.broadcast(numbered(5)))
    expect((await own.take(1)).map(({ sender }) => sender)).toEqual([b.selfId])
    await trial.quiet()
    expect([own.frames.length, theirs.frames.length]).toEqual([1, 1])
  }),

  seamLaw('SEAM-19', 'a send whose signal has fired rejects with its reason, and sends nothing', async (trial) => {
    const [a, b] = await trial.pair()
    const reason = new Error("the caller's own")
    const signal = AbortSignal.abort(reason)
    const reading = trial.read(b)
    await expect(trial.settle(a.broadcast(numbered(1), { signal }))).rejects.toBe(reason)
    await expect(trial.settle(a.sendTo(b.selfId, numbered(2), { signal }))).rejects.toBe(reason)
    await trial.settle(a.broadcast(numbered(3), { signal: new AbortController().signal }))
    expect(numbersOf(await reading.take(1))).toEqual([3])
  }),

  seamLaw('SEAM-20', 'the budgets are null or whole numbers of bytes', async (trial) => {
    const [a] = await trial.pair()
    for (const max of [a.maxPayloadBytes, a.maxLossyPayloadBytes]) {
      expect(max === null || (Number.isSafeInteger(max) && max > 0), `a budget of ${max}`).toBe(true)
    }
  }),

  seamLaw('SEAM-21', 'a payload of exactly the budget crosses whole', async (trial) => {
    const [a, b] = await trial.pair()
    const max = a.maxPayloadBytes
    expect(max, 'a published budget').not.toBeNull()
    const reading = trial.read(b)
    const payload = pattern(max ?? 0)
    await trial.settle(a.sendTo(b.selfId, payload.slice()))
    const [frame] = await reading.take(1)
    expect(sameBytes(frame?.payload ?? new Uint8Array(), payload)).toBe(true)
  }),

  seamLaw(
    'SEAM-22',
    'one byte more is refused before anything is written, to one and to all, and the link lives',
    async (trial) => {
      const [a, b] = await trial.pair()
      const max = a.maxPayloadBytes
      expect(max, 'a published budget').not.toBeNull()
      const reading = trial.read(b)
      const huge = new Uint8Array((max ?? 0) + 1)
      for (const refused of [trial.failure(a.sendTo(b.selfId, huge)), trial.failure(a.broadcast(huge))]) {
        expect(await refused).toBeInstanceOf(PayloadTooLargeError)
        expect(await refused).toMatchObject({ payloadBytes: huge.length, maxBytes: max })
      }
      await trial.settle(a.broadcast(numbered(7)))
      expect(numbersOf(await reading.take(1))).toEqual([7])
    },
  ),

  seamLaw(
    'SEAM-35',
    'lossy frames arrive whole and marked as such, and over their budget are refused',
    async (trial) => {
      const [a, b] = await trial.pair()
      const reading = trial.read(b)
      for (const i of range(1, 40)) await trial.settle(a.broadcast(numbered(i), { delivery: 'lossy' }))
      const [first] = await reading.take(1)
      expect(first).toMatchObject({ delivery: 'lossy', sender: a.selfId })
      await trial.quiet()
      expect(reading.frames.every(({ payload, delivery }) => payload.length === 4 && delivery === 'lossy')).toBe(true)
      const lossy = reading.frames.length
      await trial.settle(a.sendTo(b.selfId, numbered(100)))
      expect((await reading.take(lossy + 1)).at(-1)).toMatchObject({ delivery: 'reliable' })
      const max = a.maxLossyPayloadBytes
      if (max === null) return
      const huge = new Uint8Array(max + 1)
      await expect(trial.settle(a.broadcast(huge, { delivery: 'lossy' }))).rejects.toBeInstanceOf(PayloadTooLargeError)
    },
  ),

  seamLaw('SEAM-39', 'an empty payload is a frame', async (trial) => {
    const [a, b] = await trial.pair()
    const reading = trial.read(b)
    await trial.settle(a.broadcast(new Uint8Array()))
    await trial.settle(a.sendTo(b.selfId, numbered(1)))
    expect((await reading.take(2)).map(({ payload }) => payload.length)).toEqual([0, 4])
  }),
]

/** What every seam of every fabric keeps: rules SEAM-*, LOOM-* and MESH-* of CONTRACT.md. */
export const seamLaws: readonly SeamLaw[] = [
  ...rosterLaws,
  ...stateLaws,
  ...sendingLaws,
  ...receivingLaws,
  ...creditLaws,
  ...largeLaws,
  ...loomLaws,
  ...meshLaws,
]
