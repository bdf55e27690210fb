import { describe, expect, it } from 'vitest'
import { macrotask } from '../base/macrotask.ts'
import type { Random } from '../base/random.ts'
import { seededRandom } from '../sim/seeded-random.ts'
import { ArrivalBudgets } from './arrival-budgets.ts'
import type { SeamLink } from './lane.ts'
import { SeamCore } from './seam-core.ts'

const MAX_FRAME_BYTES = 16_384
const FIRST_SEED = Date.now() % 1_000_000
const TRIALS = 12

/** Takes frames in order, each after a while, and hands them to the other end. */
class LateLink implements SeamLink {
  readonly #to: SeamCore
  readonly #from: string
  readonly #random: Random
  #line: Promise<void> = Promise.resolve()
  grants: (bytes: number) => void = () => {}

  constructor(to: SeamCore, from: string, random: Random) {
    this.#to = to
    this.#from = from
    this.#random = random
  }

  send(frame: Uint8Array, delivery: 'reliable' | 'lossy', _signal: unknown, isPart: boolean): Promise<void> {
    const turns = Math.floor(this.#random() * 3)
    this.#line = this.#line.then(async () => {
      for (let turn = 0; turn < turns; turn++) await macrotask()
      this.#to.received(this.#from, frame.slice(), delivery, isPart)
    })
    return this.#line
  }

  grant(bytes: number): void {
    this.grants(bytes)
  }
}

function core(selfId: string, faults: string[]): SeamCore {
  return new SeamCore({
    selfId,
    maxPayloadBytes: () => 4_194_304,
    maxFrameBytes: () => MAX_FRAME_BYTES,
    budgets: new ArrivalBudgets(4_194_304),
    onMalformed: () => void faults.push('malformed'),
    onCutOff: () => void faults.push('cut off'),
  })
}

function pair(random: Random, faults: string[]): [SeamCore, SeamCore] {
  const [a, b] = [core('a', faults), core('b', faults)]
  const [down, up] = [new LateLink(b, 'a', random), new LateLink(a, 'b', random)]
  down.grants = (bytes) => b.granted('a', bytes)
  up.grants = (bytes) => a.granted('b', bytes)
  a.link('b', down)
  b.link('a', up)
  return [a, b]
}

describe('large sends that are called off', { timeout: 30_000 }, () => {
  it(`[SEAM-48] at any step: the others arrive whole and in order, none is malformed (from seed ${FIRST_SEED})`, async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + TRIALS; seed++) {
      const random = seededRandom(seed)
      const faults: string[] = []
      const [a, b] = pair(random, faults)
      const read: number[] = []
      const reading = (async () => {
        for await (const { payload } of b.incoming) {
          if (payload.at(-1) !== payload[0]) faults.push('torn')
          read.push(payload[0] as number)
        }
      })()
      const sent: number[] = []
      const sends = Array.from({ length: 12 }, async (_, index) => {
        const controller = new AbortController()
        const bytes = random() < 0.3 ? 100 : Math.floor(random() * 12 * MAX_FRAME_BYTES) + 1
        const stopAt = random() < 0.5 ? random() * bytes : Number.POSITIVE_INFINITY
        if (random() < 0.2) void macrotask().then(() => controller.abort())
        const onProgress = (done: number): void => {
          if (done >= stopAt && done < bytes) controller.abort()
        }
        const payload = new Uint8Array(bytes).fill(index)
        await a.sendTo('b', payload, { signal: controller.signal, onProgress }).then(
          () => sent.push(index),
          () => {},
        )
      })
      await Promise.all(sends)
      for (let turn = 0; turn < 10; turn++) await macrotask()
      expect([faults, b.arriving.get().size], `seed ${seed}`).toEqual([[], 0])
      // One whose last part was on its way may arrive although its sender gave it up.
      expect(
        read.filter((index) => sent.includes(index)),
        `seed ${seed}`,
      ).toEqual(sent.toSorted((x, y) => x - y))
      await a.close()
      await b.close()
      await reading
    }
  })
})
