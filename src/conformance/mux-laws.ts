import { expect } from 'vitest'
import { ClosedError, IncomingTakenError, PayloadTooLargeError, SeamTornError } from '../base/errors.ts'
import { VIEW_CREDIT_BYTES, type PeerId, type Seam, type SendOptions } from '../seam/contract.ts'
import { CUT_OFF_BYTES } from '../seam/credit.ts'
import { exhaust } from './credit-laws.ts'
import { DelegateSeam } from './delegate-seam.ts'
import { numbered, numbersOf, pattern, range, sameBytes } from './law-payloads.ts'
import { muxLaw, type MuxLaw } from './mux-harness.ts'

const keyLaws: readonly MuxLaw[] = [
  muxLaw('MUX-1', "a mux is the one reader of its base, and leaves the base's own sends alone", async (trial) => {
    const { b, left } = await trial.muxPair()
    expect(() => b.incoming[Symbol.asyncIterator]()).toThrow(IncomingTakenError)
    expect(() => trial.mux(b)).toThrow(IncomingTakenError)
    await trial.settle(left.channel(0).sendTo(b.selfId, numbered(1)))
  }),

  muxLaw('MUX-2', 'a channel is the same object for as long as it is open', async (trial) => {
    const { left } = await trial.muxPair()
    expect(left.channel(1)).toBe(left.channel(1))
    expect(left.channel(1)).not.toBe(left.channel(2))
  }),

  muxLaw('MUX-3', 'a key that is none is a RangeError', async (trial) => {
    const { left } = await trial.muxPair()
    for (const open of left.badKeys) expect(open).toThrow(RangeError)
    expect(left.channel(0).state.get().kind).toBe('woven')
    expect(left.channel(255).state.get().kind).toBe('woven')
  }),

  muxLaw('MUX-4', 'frames of a channel reach that channel and no other', async (trial) => {
    const { a, left, right } = await trial.muxPair()
    const channels = [0, 1, 2, 254, 255]
    const readings = channels.map((channel) => trial.read(right.channel(channel)))
    for (const channel of channels) await trial.settle(left.channel(channel).broadcast(numbered(channel + 1)))
    for (const [i, reading] of readings.entries()) {
      const [frame] = await reading.take(1)
      expect(numbersOf([frame ?? expect.fail()])).toEqual([(channels[i] ?? 0) + 1])
      expect(frame).toMatchObject({ sender: a.selfId, sequence: 1, delivery: 'reliable' })
    }
    await trial.quiet()
    expect(readings.map(({ frames }) => frames.length)).toEqual([1, 1, 1, 1, 1])
  }),

  muxLaw('MUX-16', 'senders and their order survive, and sequence counts per view', async (trial) => {
    const { bases, muxes } = await trial.muxes(3)
    const [first, second, third] = muxes
    const to = third?.channel(5) ?? expect.fail()
    const reading = trial.read(to)
    for (const i of range(1, 10)) {
      await trial.settle(first?.channel(6).broadcast(numbered(i)) ?? expect.fail())
      await trial.settle(first?.channel(5).sendTo(to.selfId, numbered(i)) ?? expect.fail())
      await trial.settle(second?.channel(5).broadcast(numbered(i)) ?? expect.fail())
    }
    const frames = await reading.take(20)
    expect(frames.map(({ sequence }) => sequence)).toEqual(range(1, 20))
    for (const base of bases.slice(0, 2)) {
      expect(numbersOf(frames.filter(({ sender }) => sender === base.selfId))).toEqual(range(1, 10))
    }
  }),
]

const lifetimeLaws: readonly MuxLaw[] = [
  muxLaw('MUX-5', 'closing a view ends that view alone: base, siblings and the other end live on', async (trial) => {
    const { a, b, left, right } = await trial.muxPair()
    const [view, sibling] = [left.channel(1), left.channel(2)]
    const waiting = trial.read(view)
    await trial.settle(view.close())
    expect(view.state.get()).toEqual({ kind: 'torn', reason: { kind: 'normal' } })
    expect(view.peers.get()).toEqual(new Set([a.selfId]))
    await trial.settle(waiting.ended)
    await expect(trial.settle(view.broadcast(numbered(1)))).rejects.toBeInstanceOf(SeamTornError)
    await expect(trial.settle(view.sendTo(b.selfId, numbered(1)))).rejects.toBeInstanceOf(SeamTornError)

    expect(a.state.get()).toEqual({ kind: 'woven' })
    expect(right.channel(1).peers.get()).toEqual(new Set([a.selfId, b.selfId]))
    const reading = trial.read(right.channel(2))
    await trial.settle(sibling.broadcast(numbered(2)))
    expect(numbersOf(await reading.take(1))).toEqual([2])
  }),

  muxLaw('MUX-6', 'a closed key can be opened again, as a new view', async (trial) => {
    const { left, right } = await trial.muxPair()
    const old = left.channel(1)
    await trial.settle(old.close())
    const view = left.channel(1)
    expect(view).not.toBe(old)
    const [here, there] = [trial.read(view), trial.read(right.channel(1))]
    await trial.settle(view.broadcast(numbered(1)))
    expect(numbersOf(await there.take(1))).toEqual([1])
    await trial.settle(right.channel(1).broadcast(numbered(2)))
    const [frame] = await here.take(1)
    expect(frame).toMatchObject({ sequence: 1 })
    expect(old.state.get().kind).toBe('torn')
  }),

  muxLaw('MUX-9', 'when the base tears, every view tears with its reason, after what had arrived', async (trial) => {
    const { a, b, left, right } = await trial.muxPair()
    for (const i of range(1, 5)) await trial.settle(left.channel(i % 2).broadcast(numbered(i)))
    await trial.quiet()
    const views = [right.channel(0), right.channel(1), right.channel(2)]
    await trial.settle(b.close({ kind: 'unreachable' }))
    for (const view of [...views, right.channel(3)]) {
      expect(view.state.get()).toEqual({ kind: 'torn', reason: { kind: 'unreachable' } })
      expect(view.peers.get()).toEqual(new Set([b.selfId]))
    }
    const readings = views.map((view) => trial.read(view))
    for (const reading of readings) await trial.settle(reading.ended)
    expect(readings.map(({ frames }) => numbersOf(frames))).toEqual([[2, 4], [1, 3, 5], []])
    await trial.listing(left.channel(1), [a.selfId])
  }),

  muxLaw('MUX-12', 'a detached mux closes its views and gives the base back to another', async (trial) => {
    const { a, b, left, right } = await trial.muxPair()
    const view = right.channel(1)
    await trial.settle(left.channel(2).broadcast(numbered(1)))
    await trial.quiet()
    await trial.settle(right.detach())
    expect(view.state.get()).toEqual({ kind: 'torn', reason: { kind: 'normal' } })
    expect(() => right.channel(1)).toThrow(ClosedError)
    expect(b.state.get()).toEqual({ kind: 'woven' })
    const next = trial.mux(b)
    const reading = trial.read(next.channel(2))
    await trial.settle(left.channel(2).sendTo(b.selfId, numbered(2)))
    expect(numbersOf(await reading.take(1))).toEqual([2])
    const back = trial.read(left.channel(2))
    await trial.settle(next.channel(2).broadcast(numbered(3)))
    expect(await back.take(1)).toMatchObject([{ sender: b.selfId }])
    expect(a.peers.get().size).toBe(2)
  }),

  muxLaw('MUX-15', 'muxes stack: a channel is a base like any other', async (trial) => {
    const { a, left, right } = await trial.muxPair()
    const [inner, outer] = [trial.mux(left.channel(3)), trial.mux(right.channel(3))]
    const reading = trial.read(outer.channel(9))
    await trial.settle(inner.channel(9).broadcast(numbered(1)))
    expect(await reading.take(1)).toMatchObject([{ sender: a.selfId, sequence: 1 }])
    await trial.settle(left.channel(3).close())
    expect(inner.channel(9).state.get()).toEqual({ kind: 'torn', reason: { kind: 'normal' } })
    expect(a.state.get()).toEqual({ kind: 'woven' })
  }),
]

const flowLaws: readonly MuxLaw[] = [
  muxLaw('MUX-7', 'frames for a channel that nobody has opened wait, and are read when it is', async (trial) => {
    const { b, left, right } = await trial.muxPair()
    for (const i of range(1, 3)) await trial.settle(left.channel(4).broadcast(numbered(i)))
    const { sent, waiting } = await exhaust(trial, left.channel(9), b.selfId)
    await trial.quiet()
    expect(numbersOf(await trial.read(right.channel(4)).take(3))).toEqual(range(1, 3))
    const late = trial.read(right.channel(9))
    await trial.settle(waiting)
    expect(numbersOf(await late.take(sent + 1))).toEqual(range(1, sent + 1))
  }),

  muxLaw('MUX-8', 'a view that nobody reads keeps its own senders waiting, and no sibling', async (trial) => {
    const { b, left, right } = await trial.muxPair()
    const [stuck, live] = [right.channel(1), trial.read(right.channel(2))]
    const { sent, frameBytes, waiting } = await exhaust(trial, left.channel(1), b.selfId)
    const many = 2 * Math.ceil(VIEW_CREDIT_BYTES / frameBytes)
    for (const i of range(1, many)) await trial.settle(left.channel(2).sendTo(b.selfId, numbered(i, frameBytes)))
    expect(numbersOf(await live.take(many))).toEqual(range(1, many))
    const slow = trial.read(stuck)
    await trial.settle(waiting)
    expect(numbersOf(await slow.take(sent + 1))).toEqual(range(1, sent + 1))
  }),

  muxLaw('MUX-17', 'a view closed with frames unread gives their credit back', async (trial) => {
    const { b, left, right } = await trial.muxPair()
    const view = right.channel(1)
    const { waiting } = await exhaust(trial, left.channel(1), b.selfId)
    await trial.settle(view.close())
    await trial.settle(waiting)
    const reading = trial.read(right.channel(1))
    const [frame] = await reading.take(1)
    expect(frame).toMatchObject({ sequence: 1 })
  }),

  muxLaw(
    'MUX-10',
    'a view publishes what its base has left beside the header, and carries that much',
    async (trial) => {
      const { a, b, left, right } = await trial.muxPair()
      for (const channel of [0, 255]) {
        const view = left.channel(channel)
        const header = left.headerBytes(channel)
        expect(view.maxPayloadBytes).toBe(a.maxPayloadBytes === null ? null : a.maxPayloadBytes - header)
        expect(view.maxLossyPayloadBytes).toBe(a.maxLossyPayloadBytes === null ? null : a.maxLossyPayloadBytes - header)
        if (view.maxPayloadBytes === null) continue
        const payload = pattern(view.maxPayloadBytes)
        const reading = trial.read(right.channel(channel))
        await trial.settle(view.sendTo(b.selfId, payload.slice()))
        const [frame] = await reading.take(1)
        expect(sameBytes(frame?.payload ?? new Uint8Array(), payload)).toBe(true)
        const huge = new Uint8Array(payload.length + 1)
        await expect(trial.settle(view.broadcast(huge))).rejects.toBeInstanceOf(PayloadTooLargeError)
      }
    },
  ),

  muxLaw(
    'MUX-21',
    'a large payload on one channel delays a frame on another by a part of it at the most',
    async (trial) => {
      const { b, left, right } = await trial.muxPair()
      const view = left.channel(1)
      const bytes = Math.min(view.maxPayloadBytes ?? 65_536, 1_500_000)
      const came: string[] = []
      const first = async (seam: Seam, name: string): Promise<Uint8Array> => {
        for await (const { payload } of seam.incoming) {
          came.push(name)
          return payload.slice()
        }
        throw new Error('the stream ended')
      }
      const reading = Promise.all([first(right.channel(1), 'large'), first(right.channel(2), 'small')])
      const sends = [view.sendTo(b.selfId, pattern(bytes)), left.channel(2).sendTo(b.selfId, numbered(1))]
      const [large] = await trial.settle(reading)
      await trial.settle(Promise.all(sends))
      expect(sameBytes(large, pattern(bytes))).toBe(true)
      expect(came).toEqual(['small', 'large'])
    },
  ),

  muxLaw('MUX-13', 'lossy frames stay lossy, and are dropped rather than wait', async (trial) => {
    const { b, left, right } = await trial.muxPair()
    const reading = trial.read(right.channel(1))
    for (const i of range(1, 40)) await trial.settle(left.channel(1).broadcast(numbered(i), { delivery: 'lossy' }))
    expect(await reading.take(1)).toMatchObject([{ delivery: 'lossy' }])
    await exhaust(trial, left.channel(2), b.selfId)
    const dropped = left.counts.lossyDropped
    await trial.settle(left.channel(2).sendTo(b.selfId, numbered(99), { delivery: 'lossy' }))
    expect(left.counts.lossyDropped).toBe(dropped + 1)
  }),
]

const hostileLaws: readonly MuxLaw[] = [
  muxLaw('MUX-11', 'a peer that sends beyond its credit is cut off from every view, and counted', async (trial) => {
    const [a, b, c] = await trial.trio()
    const spy = new SentFrames(a)
    const [left, right, other] = [trial.mux(spy), trial.mux(b), trial.mux(c)]
    const [stuck, sibling] = [right.channel(1), right.channel(2)]
    const size = Math.min(65_536, left.channel(1).maxPayloadBytes ?? 65_536)
    await trial.settle(left.channel(1).sendTo(b.selfId, new Uint8Array(size)))
    const [frame] = spy.frames
    if (frame === undefined) throw new Error('the mux sent nothing over its base')
    for (let bytes = 0; bytes <= CUT_OFF_BYTES + 2 * size; bytes += size) {
      await trial.settle(a.sendTo(b.selfId, frame.slice()))
    }
    await trial.listing(stuck, [b.selfId, c.selfId])
    await trial.listing(sibling, [b.selfId, c.selfId])
    expect(right.counts.cutOffPeers).toBe(1)
    const reading = trial.read(sibling)
    await trial.settle(left.channel(2).sendTo(b.selfId, numbered(1)))
    await trial.quiet()
    await trial.settle(other.channel(2).broadcast(numbered(2)))
    expect(numbersOf(await reading.take(1))).toEqual([2])
  }),

  muxLaw('MUX-14', 'frames that are none are dropped and counted, and disturb nothing', async (trial) => {
    const { a, left, right } = await trial.muxPair()
    const reading = trial.read(right.channel(1))
    for (const garbage of [[], [0], [7], [255, 1, 0, 0], [1, 1, 110], [1, 1, 110, 0, 0, 0, 0, 9, 9]]) {
      await trial.settle(a.broadcast(Uint8Array.from(garbage)))
    }
    await trial.settle(left.channel(1).broadcast(numbered(5)))
    expect(numbersOf(await reading.take(1))).toEqual([5])
    expect(right.counts.malformedFrames).toBeGreaterThanOrEqual(4)
    expect(right.counts.cutOffPeers).toBe(0)
  }),
]

/** Remembers what is sent over a seam. */
class SentFrames extends DelegateSeam {
  readonly frames: Uint8Array[] = []

  override sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
    this.frames.push(payload.slice())
    return super.sendTo(peer, payload, options)
  }

  override broadcast(payload: Uint8Array, options?: SendOptions): Promise<void> {
    this.frames.push(payload.slice())
    return super.broadcast(payload, options)
  }
}

/** What a mux keeps, over any fabric: rules MUX-* of CONTRACT.md. */
export const muxLaws: readonly MuxLaw[] = [...keyLaws, ...lifetimeLaws, ...flowLaws, ...hostileLaws]
