import { describe, expect, it } from 'vitest'
import { CorruptStateError } from '../base/errors.ts'
import type { RaftState, StoredEntry } from '../raft/contract.ts'
import { SimulatedDisk, type SimulatedDiskOptions } from './simulated-disk.ts'
import { VirtualClock } from './virtual-clock.ts'

const clockOf = new WeakMap<SimulatedDisk, VirtualClock>()

async function newDisk(options: Partial<SimulatedDiskOptions> = {}): Promise<SimulatedDisk> {
  const clock = new VirtualClock()
  const disk = await SimulatedDisk.create({ clock, seed: 1, ...options })
  clockOf.set(disk, clock)
  return disk
}

function entry(index: number, term: number): StoredEntry {
  return { kind: 'command', index, term, command: Uint8Array.of(index), dedupKey: null, proposer: null, timeMs: 0 }
}

/** At what virtual time the writes were answered. */
function answers(disk: SimulatedDisk, count: number): number[] {
  const times: number[] = []
  const clock = clockOf.get(disk) as VirtualClock
  for (let term = 1; term <= count; term++) void disk.write({ term }).then(() => times.push(clock.now()))
  return times
}

describe('SimulatedDisk', () => {
  it('[DISK-1] answers a write when it is durable, in call order, after the time it takes', async () => {
    const disk = await newDisk({ syncMs: 10, jitterMs: 20 })
    const times = answers(disk, 20)
    expect(disk.pendingWrites).toBe(20)
    await clockOf.get(disk)?.advance(1000)
    expect(times).toHaveLength(20)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(times[0]).toBeGreaterThanOrEqual(10)
    expect(times.at(-1)).toBeLessThanOrEqual(30)
  })

  it('[DISK-2] a stall holds up what is under way and what comes behind it', async () => {
    const disk = await newDisk({ syncMs: 10 })
    const times = answers(disk, 2)
    disk.stall(500)
    await clockOf.get(disk)?.advance(499)
    expect(times).toEqual([])
    await clockOf.get(disk)?.advance(1)
    expect(times).toEqual([500, 500])
    const stalled = await newDisk({ stall: 1, stallMs: 70 })
    const late = answers(stalled, 1)
    await clockOf.get(stalled)?.advance(100)
    expect(late).toEqual([70])
  })

  it('[DISK-3] a crash loses what is not durable, in no other order than the end first, and answers nothing', async () => {
    const survived = new Set<number>()
    for (let seed = 1; seed <= 40; seed++) {
      const disk = await newDisk({ seed, syncMs: 10 })
      let answered = 0
      for (let index = 1; index <= 3; index++) {
        const write = disk.write({ term: index, entries: [entry(index, index)] })
        write.then(
          () => answered++,
          () => answered++,
        )
      }
      const after = disk.reopen()
      const state = await after.load()
      await clockOf.get(disk)?.advance(1000)
      expect(answered).toBe(0)
      const count = state?.entries.length ?? 0
      survived.add(count)
      expect(state?.term ?? 0).toBe(count)
      await expect(disk.write({ term: 9 })).rejects.toMatchObject({ code: 'ClosedError' })
    }
    expect(survived).toEqual(new Set([0, 1, 2, 3]))
  })

  it('[DISK-4] what was answered survives every crash', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const disk = await newDisk({ seed, syncMs: 5, torn: 1 })
      await clockOf.get(disk)?.run(disk.write({ term: 1, vote: 'ana', entries: [entry(1, 1), entry(2, 1)] }))
      void disk.write({ commit: 1 })
      const state = (await disk.reopen().load()) as RaftState
      expect(state).toMatchObject({ term: 1, vote: 'ana' })
      expect(state.entries).toHaveLength(2)
    }
  })

  it('[DISK-5] a torn batch is refused at load, or promises no more than the whole', async () => {
    const [refused, loaded] = [new Set<string>(), new Set<string>()]
    for (let seed = 1; seed <= 200; seed++) {
      const disk = await newDisk({ seed, syncMs: 5, torn: 1 })
      await clockOf.get(disk)?.run(disk.write({ term: 1, vote: 'ana', entries: [entry(1, 1), entry(2, 1)] }))
      void disk.write({ term: 2, vote: 'bob', truncateFrom: 2, entries: [entry(2, 2), entry(3, 2)], commit: 3 })
      try {
        const { term, vote, entries, commit } = (await disk.reopen().load()) as RaftState
        loaded.add(`${term} ${vote} ${entries.map((each) => each.term).join('')} ${commit}`)
      } catch (error) {
        expect(error).toBeInstanceOf(CorruptStateError)
        refused.add((error as CorruptStateError).record)
      }
    }
    expect(refused).toEqual(new Set(['entry 2']))
    expect(loaded).toEqual(
      new Set(['1 ana 11 undefined', '1 ana 1 undefined', '2 ana 122 undefined', '2 bob 122 undefined', '2 bob 122 3']),
    )
  })

  it('[DISK-6] a write that fails stores nothing, and ends the handle; the disk can be opened again', async () => {
    const disk = await newDisk({ syncMs: 5 })
    const clock = clockOf.get(disk) as VirtualClock
    await clock.run(disk.write({ term: 1 }))
    disk.setFaults({ fail: 1 })
    const failing = Promise.allSettled([disk.write({ term: 2 }), disk.write({ term: 3 })])
    const failure = { status: 'rejected', reason: { code: 'StorageFailedError' } }
    expect(await clock.run(failing)).toMatchObject([failure, failure])
    const after = disk.reopen()
    after.setFaults({ fail: 0 })
    expect(await after.load()).toMatchObject({ term: 1 })
    await clock.run(after.write({ term: 4 }))
    expect(await after.load()).toMatchObject({ term: 4 })
  })

  it('[DISK-7] refuses faults that are no durations or probabilities', async () => {
    for (const bad of [{ syncMs: -1 }, { jitterMs: Number.NaN }, { stallMs: -1 }, { torn: 1.5 }, { fail: -0.1 }]) {
      await expect(newDisk(bad)).rejects.toBeInstanceOf(RangeError)
    }
    const disk = await newDisk()
    expect(() => disk.setFaults({ stall: 2 })).toThrow(RangeError)
  })
})
