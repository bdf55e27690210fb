import { expect } from 'vitest'
import { exhaust } from './credit-laws.ts'
import { numbered, numbersOf, range } from './law-payloads.ts'
import { seamLaw, type SeamLaw } from './seam-harness.ts'

/** What only three peers or more can show. */
export const meshLaws: readonly SeamLaw[] = [
  seamLaw('MESH-18', 'in a mesh of four everybody lists everybody, under ids that differ', async (trial) => {
    const seams = await trial.connect(4)
    const ids = new Set(seams.map((seam) => seam.selfId))
    expect(ids.size).toBe(4)
    for (const seam of seams) expect(seam.peers.get()).toEqual(ids)
  }),

  seamLaw('MESH-19', 'every broadcast reaches every other peer once, in order', async (trial) => {
    const seams = await trial.connect(4)
    const readings = seams.map((seam) => trial.read(seam))
    const sends = seams.flatMap((seam, s) => range(1, 10).map((i) => seam.broadcast(numbered(s * 100 + i))))
    await trial.settle(Promise.all(sends))
    for (const [r, reading] of readings.entries()) {
      const frames = await reading.take(30)
      for (const [s, seam] of seams.entries()) {
        const from = frames.filter(({ sender }) => sender === seam.selfId)
        expect(numbersOf(from)).toEqual(s === r ? [] : range(s * 100 + 1, s * 100 + 10))
      }
    }
    await trial.quiet()
    expect(readings.map(({ frames }) => frames.length)).toEqual([30, 30, 30, 30])
  }),

  seamLaw('MESH-20', 'sendTo reaches the one it names and nobody else', async (trial) => {
    const [a, b, c] = await trial.trio()
    const [atB, atC] = [trial.read(b), trial.read(c)]
    await trial.settle(a.sendTo(b.selfId, numbered(1)))
    await trial.settle(a.broadcast(numbered(2)))
    expect(numbersOf(await atB.take(2))).toEqual([1, 2])
    expect(numbersOf(await atC.take(1))).toEqual([2])
    await trial.quiet()
    expect([atB.frames.length, atC.frames.length]).toEqual([2, 1])
  }),

  seamLaw('MESH-21', 'when one leaves, the others drop it and go on', async (trial) => {
    const [a, b, c] = await trial.trio()
    await trial.settle(c.close())
    for (const seam of [a, b]) {
      await trial.listing(seam, [a.selfId, b.selfId])
      expect(seam.state.get()).toEqual({ kind: 'woven' })
    }
    const reading = trial.read(b)
    await trial.settle(a.broadcast(numbered(1)))
    expect(numbersOf(await reading.take(1))).toEqual([1])
  }),

  seamLaw('MESH-23', 'unicasts to one hold up nothing for a third', async (trial) => {
    const [a, b, c] = await trial.trio()
    const [atB, atC] = [trial.read(b), trial.read(c)]
    const sends = range(1, 60).map((i) => (i % 2 === 0 ? a.sendTo(b.selfId, numbered(i)) : a.broadcast(numbered(i))))
    await trial.settle(Promise.all(sends))
    expect(numbersOf(await atB.take(60))).toEqual(range(1, 60))
    expect(numbersOf(await atC.take(30))).toEqual(range(1, 60).filter((i) => i % 2 === 1))
  }),

  seamLaw('MESH-24', 'a peer that does not read delays a broadcast to nobody else', async (trial) => {
    const [a, b, c] = await trial.trio()
    const reading = trial.read(c)
    await exhaust(trial, a, b.selfId)
    const sends = range(1, 20).map((i) => a.broadcast(numbered(i)))
    for (const send of sends) send.catch(() => {})
    expect(numbersOf(await reading.take(20))).toEqual(range(1, 20))
    let settled = false
    void Promise.race(sends).finally(() => {
      settled = true
    })
    await trial.quiet()
    expect(settled, 'a broadcast counts as taken once the slow link took it too').toBe(false)
    const slow = trial.read(b)
    await trial.settle(Promise.all(sends))
    await slow.stop()
  }),
]
