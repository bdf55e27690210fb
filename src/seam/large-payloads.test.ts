import { describe, expect, it, vi } from 'vitest'
import { concatBytes } from '../base/bytes.ts'
import { macrotask } from '../base/macrotask.ts'
import { ArrivalBudgets } from './arrival-budgets.ts'
import { MAX_UNOPENED_BYTES } from './channel-mux.ts'
import { type Seam, VIEW_CREDIT_BYTES } from './contract.ts'
import type { SeamLink } from './lane.ts'
import { MuxSeam } from './mux-seam.ts'
import { MAX_PART_BYTES } from './parts.ts'
import { SeamCore, type SeamCoreOptions } from './seam-core.ts'

const LIMIT = 4_194_304
const MAX_FRAME_BYTES = 262_144

const first = (totalBytes: number, piece: number): Uint8Array => {
  const varint: number[] = []
  for (let left = totalBytes; ; left = Math.floor(left / 128)) {
    varint.push(left < 128 ? left : (left % 128) | 128)
    if (left < 128) break
  }
  return Uint8Array.of(0, ...varint, ...new Uint8Array(piece).fill(7))
}
const next = (piece: number): Uint8Array => Uint8Array.of(1, ...new Uint8Array(piece).fill(8))
const CALLED_OFF = Uint8Array.of(2)

/** A core, what was granted over its link to `b`, and what it did to `b`. */
class Bench {
  readonly core: SeamCore
  granted = 0
  malformed = 0
  cutOff = 0

  constructor(options: Partial<SeamCoreOptions> = {}) {
    this.core = new SeamCore({
      selfId: 'a',
      maxPayloadBytes: () => LIMIT,
      maxFrameBytes: () => MAX_FRAME_BYTES,
      budgets: new ArrivalBudgets(LIMIT),
      onMalformed: () => void this.malformed++,
      onCutOff: () => void this.cutOff++,
      ...options,
    })
    this.core.link('b', { send: () => {}, grant: (bytes) => void (this.granted += bytes) })
  }

  hear(...parts: Uint8Array[]): void {
    for (const part of parts) this.core.received('b', part, 'reliable', true)
  }

  get arriving(): unknown {
    return this.core.arriving.get().get('b')
  }
}

/** A link that takes a frame when the test says so. */
class SlowLink implements SeamLink {
  readonly frames: Uint8Array[] = []
  #takers: (() => void)[] = []

  send(frame: Uint8Array): Promise<void> {
    this.frames.push(frame)
    return new Promise((resolve) => this.#takers.push(resolve))
  }

  grant(): void {}

  async take(): Promise<void> {
    this.#takers.shift()?.()
    await macrotask()
  }
}

async function lengthsRead(seam: Seam, count: number): Promise<number[]> {
  const lengths: number[] = []
  for await (const { payload } of seam.incoming) if (lengths.push(payload.length) === count) break
  return lengths
}

describe('large payloads', () => {
  it('[LARGE-1] a link has one part of a view in its line', async () => {
    const { core } = new Bench()
    const link = new SlowLink()
    core.link('c', link)
    const sending = core.sendTo('c', new Uint8Array(3 * MAX_FRAME_BYTES))
    for (let taken = 0; taken < 13; taken++) {
      expect(link.frames).toHaveLength(taken + 1)
      expect(link.frames[taken]?.length).toBeLessThanOrEqual(MAX_PART_BYTES)
      await link.take()
    }
    await sending
  })

  it('[LARGE-2] a size beyond the limit cuts its sender off', () => {
    const bench = new Bench()
    bench.hear(first(LIMIT + 1, 100))
    expect([bench.cutOff, bench.arriving]).toEqual([1, undefined])
    bench.hear(first(2 ** 53 - 1, 100))
    expect(bench.cutOff).toBe(2)
  })

  it.each([
    ['is longer than it said', [first(1000, 900), next(101)]],
    ['is begun anew', [first(1000, 900), first(2000, 100), CALLED_OFF]],
    ['has a part that is none', [first(1000, 900), Uint8Array.of(9)]],
    ['has an empty part', [first(1000, 900), Uint8Array.of(1)]],
    ['is whole with its first part', [first(900, 900)]],
    ['has a last word that goes on', [first(1000, 900), Uint8Array.of(2, 2)]],
    ['has a first part that is cut short', [Uint8Array.of(0, 0x80)]],
  ])('[LARGE-3] one that %s is dropped and counted', async (_what, parts) => {
    const bench = new Bench()
    bench.hear(...parts)
    expect([bench.malformed, bench.arriving]).toEqual([1, undefined])
    bench.hear(first(2000, 1900), next(100))
    expect(await lengthsRead(bench.core, 1)).toEqual([2000])
    expect(bench.cutOff).toBe(0)
  })

  it('[LARGE-3] a frame in the middle of one drops it, and arrives', async () => {
    const bench = new Bench()
    bench.hear(first(1000, 900))
    bench.core.received('b', new Uint8Array(5), 'reliable')
    bench.hear(next(100))
    expect(bench.malformed).toBe(1)
    expect(await lengthsRead(bench.core, 1)).toEqual([5])
  })

  it('[LARGE-3] what is dropped is granted: its sender has all its credit again', () => {
    const bench = new Bench()
    let spent = 0
    for (let i = 0; i < 100; i++) {
      bench.hear(first(LIMIT, 30_000), next(20_000), CALLED_OFF)
      spent += 50_000
    }
    expect(bench.cutOff).toBe(0)
    expect(spent - bench.granted).toBeLessThan(VIEW_CREDIT_BYTES / 4)
  })

  it('[LARGE-4] payloads that are put together take turns, over all channels of a peer', () => {
    const budgets = new ArrivalBudgets(1000)
    const gone: string[] = []
    const large = budgets.reserve('b', 900, () => gone.push('large'))
    const second = budgets.reserve('b', 900, () => gone.push('second'))
    const third = budgets.reserve('b', 50, () => gone.push('third'))
    budgets.reserve('c', 1000, () => gone.push('of c'))
    const over = budgets.reserve('d', 5000, () => gone.push('over'))
    expect(gone).toEqual(['large', 'of c', 'over'])
    second.release()
    expect(gone).toEqual(['large', 'of c', 'over', 'third'])
    large.release()
    large.release()
    budgets.reserve('b', 950, () => gone.push('fourth'))
    budgets.reserve('b', 1, () => gone.push('fifth'))
    expect(gone.at(-1)).toBe('fourth')
    over.release()
    expect(gone.at(-1)).toBe('fourth')
    third.release()
    expect(gone.at(-1)).toBe('fifth')
  })

  it('[LARGE-4] views share what a peer may have put together, and a half-sent one gives way when it ends', () => {
    const budgets = new ArrivalBudgets(LIMIT)
    const [one, two] = [new Bench({ budgets }), new Bench({ budgets })]
    one.hear(first(LIMIT, 50_000))
    two.hear(first(LIMIT, 50_000), ...Array.from({ length: 8 }, () => next(60_000)))
    expect(two.granted).toBe(0)
    one.hear(CALLED_OFF)
    expect(two.granted).toBe(530_000)
    two.core.unlink('b')
  })

  it('[LARGE-4] a peer that leaves half way gives its memory back', async () => {
    const bench = new Bench()
    bench.hear(first(LIMIT, 50_000))
    expect(bench.arriving).toEqual({ receivedBytes: 50_000, totalBytes: LIMIT })
    bench.core.unlink('b')
    await macrotask()
    expect(bench.arriving).toBeUndefined()
  })

  it('[SEAM-30] of a peer that has left nothing is kept but what is to be read, whatever comes late', async () => {
    const { core } = new Bench()
    core.unlink('b')
    core.received('b', new Uint8Array(100), 'reliable')
    await macrotask()
    expect(core.giveBackCredit()).toEqual([])
    expect(await lengthsRead(core, 1)).toEqual([100])
  })

  it('[LARGE-5] a view that closes half way says so', async () => {
    const { core } = new Bench()
    const link = new SlowLink()
    core.link('c', link)
    const sending = core.sendTo('c', new Uint8Array(MAX_FRAME_BYTES + 1))
    await core.close()
    await expect(sending).rejects.toThrow()
    expect(link.frames.at(-1)).toEqual(CALLED_OFF)
  })

  it('[LARGE-6] through a mux and a link with a header a payload is copied once', async () => {
    const sent: Uint8Array[] = []
    const headers = { whole: Uint8Array.of(3), part: Uint8Array.of(8), lossy: Uint8Array.of(4) }
    const { core } = new Bench({ headers })
    core.link('c', { send: (frame) => void sent.push(frame), grant: () => {} })
    const channel = new MuxSeam(new MuxSeam(core).channel(1)).channel(2)
    const set = vi.spyOn(Uint8Array.prototype, 'set')
    await channel.sendTo('c', new Uint8Array(65_536).fill(5))
    const copied = set.mock.calls.reduce((sum, [from]) => sum + from.length, 0)
    set.mockRestore()
    expect(sent.map((frame) => [...frame.subarray(0, 6)])).toEqual([[3, 0, 1, 0, 2, 5]])
    expect(copied).toBeGreaterThanOrEqual(65_536)
    expect(copied).toBeLessThan(65_536 + 100)
  })

  it('[LARGE-6] what arrives in one piece is the very bytes that came', async () => {
    const { core } = new Bench()
    const message = new Uint8Array(65_540).fill(9)
    core.received('b', message.subarray(4), 'reliable')
    for await (const { payload } of core.incoming) {
      expect(payload.buffer).toBe(message.buffer)
      break
    }
  })

  it('[LARGE-7] a broadcast goes on to who takes it, whoever does not', async () => {
    const { core } = new Bench()
    const [stuck, live] = [new SlowLink(), new SlowLink()]
    core.link('stuck', stuck)
    core.link('live', live)
    const sending = core.broadcast(new Uint8Array(3 * MAX_FRAME_BYTES))
    for (let i = 0; i < 13; i++) await live.take()
    expect(live.frames).toHaveLength(13)
    expect(stuck.frames).toHaveLength(1)
    core.unlink('stuck')
    await sending
    expect(concatBytes(...live.frames).length).toBeGreaterThan(3 * MAX_FRAME_BYTES)
  })

  it('[MUX-22] channels that nobody has opened hold so many bytes of a peer, all together', async () => {
    const { core } = new Bench()
    const mux = new MuxSeam(core)
    const fill = async (tag: number): Promise<void> => {
      const frame = concatBytes(Uint8Array.of(0, tag), new Uint8Array(65_536))
      for (let i = 0; i < VIEW_CREDIT_BYTES / 65_536; i++) core.received('b', frame, 'reliable')
      await macrotask()
    }
    const channels = MAX_UNOPENED_BYTES / VIEW_CREDIT_BYTES
    for (let tag = 0; tag < channels; tag++) await fill(tag)
    expect(mux.counts.cutOffPeers).toBe(0)
    // Opening one makes room for another.
    const view = mux.channel(3)
    await fill(channels)
    expect(mux.counts.cutOffPeers).toBe(0)
    expect(await lengthsRead(view, 16)).toEqual(Array.from({ length: 16 }, () => 65_536))
    core.received('b', Uint8Array.of(0, channels + 1, 1), 'reliable')
    await macrotask()
    expect(mux.counts.cutOffPeers).toBe(1)
  })
})
