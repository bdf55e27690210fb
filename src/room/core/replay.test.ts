import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../sim/index.ts'
import { Replay, REPLAY_HEADERS } from './replay.ts'

const number = (frame: Uint8Array): number => new DataView(frame.buffer, frame.byteOffset).getUint32(0)

/** One half over a link that the test owns: frames wait in `out` until they are carried over. */
class Half {
  out: Uint8Array[] = []
  /** What arrived, with every break of the session between. */
  readonly seen: (number | 'left' | 'joined' | `missed ${number}`)[] = []
  readonly replay: Replay
  joined = false

  constructor(seed: number, keepBytes: number) {
    this.replay = new Replay(
      {
        send: (frame) => this.out.push(frame.slice()),
        deliver: (payload) => this.seen.push(number(payload)),
        joined: () => this.#change(true),
        left: () => this.#change(false),
        writable: () => {},
        granted: () => {},
        missed: (frames) => this.seen.push(`missed ${frames}`),
      },
      keepBytes,
      seededRandom(seed),
    )
  }

  get numbers(): number[] {
    return this.seen.filter((item) => typeof item === 'number')
  }

  say(value: number): void {
    const frame = new Uint8Array(65)
    frame.set(REPLAY_HEADERS.whole)
    new DataView(frame.buffer).setUint32(1, value)
    this.replay.send(frame, 'reliable')
  }

  #change(joined: boolean): void {
    this.joined = joined
    this.seen.push(joined ? 'joined' : 'left')
  }
}

function carry(from: Half, to: Half, count = Number.POSITIVE_INFINITY): void {
  for (const frame of from.out.splice(0, count)) expect(to.replay.onFrame(frame, 'reliable')).toBe(true)
}

function settle(a: Half, b: Half): void {
  while (a.out.length + b.out.length > 0) {
    carry(a, b)
    carry(b, a)
  }
}

function link(...halves: Half[]): void {
  for (const half of halves) half.replay.link()
}

/** What is on the way is lost with the link. */
function cut(...halves: Half[]): void {
  for (const half of halves) {
    half.replay.unlink()
    half.out = []
  }
}

describe('Replay', () => {
  it('[KEPT-1] whenever the link dies, and however much of it arrived: once, in order, nothing missing', () => {
    const step = fc.oneof(
      fc.record({ say: fc.constantFrom('a', 'b') }),
      fc.record({ carry: fc.constantFrom('a', 'b'), count: fc.nat({ max: 6 }) }),
      fc.constant('cut' as const),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const [a, b] = [new Half(1, 1_000_000), new Half(2, 1_000_000)]
        const said = { a: 0, b: 0 }
        link(a, b)
        settle(a, b)
        for (const now of steps) {
          if (now === 'cut') {
            cut(a, b)
            link(a, b)
          } else if ('say' in now) (now.say === 'a' ? a : b).say(said[now.say]++)
          else if (now.carry === 'a') carry(a, b, now.count)
          else carry(b, a, now.count)
        }
        settle(a, b)
        expect(b.numbers).toEqual(Array.from({ length: said.a }, (_, i) => i))
        expect(a.numbers).toEqual(Array.from({ length: said.b }, (_, i) => i))
        expect([...a.seen, ...b.seen].filter((item) => item === 'left')).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  it('[KEPT-3] after frames were dropped both ends begin anew, and the receiver hears how many it missed', () => {
    const [a, b] = [new Half(1, 640), new Half(2, 640)]
    link(a, b)
    settle(a, b)
    cut(a, b)
    for (let i = 0; a.replay.hasRoom(64); i++) a.say(i)
    a.replay.overflow()
    expect(a.joined).toBe(false)
    link(a, b)
    settle(a, b)
    expect(b.seen).toEqual(['joined', 'left', 'joined', 'missed 10'])
    a.say(77)
    b.say(88)
    settle(a, b)
    expect([b.seen.at(-1), a.seen.at(-1)]).toEqual([77, 88])
  })

  it('[KEPT-3] with both ends over their bounds, too', () => {
    const [a, b] = [new Half(1, 640), new Half(2, 640)]
    link(a, b)
    settle(a, b)
    cut(a, b)
    for (const half of [a, b]) {
      half.say(1)
      half.replay.overflow()
    }
    link(a, b)
    settle(a, b)
    expect([a.joined, b.joined]).toEqual([true, true])
    a.say(5)
    settle(a, b)
    expect(b.seen.at(-1)).toBe(5)
  })

  it('[KEPT-2] another half gets what was sent while the old one was away, and nothing of before', () => {
    const [a, old] = [new Half(1, 10_000), new Half(2, 10_000)]
    link(a, old)
    settle(a, old)
    a.say(1)
    cut(a, old)
    a.say(2)
    const b = new Half(3, 10_000)
    link(a, b)
    settle(a, b)
    expect(b.numbers).toEqual([2])
    expect(a.seen).toEqual(['joined', 'left', 'joined'])
  })

  it('[KEPT-5] what is acknowledged makes room again, long before anybody waits for it', () => {
    const [a, b] = [new Half(1, 6_400), new Half(2, 6_400)]
    link(a, b)
    settle(a, b)
    for (let i = 0; i < 1_000; i++) {
      expect(a.replay.hasRoom(64)).toBe(true)
      a.say(i)
      if (i % 20 === 0) settle(a, b)
    }
    settle(a, b)
    expect(b.numbers).toHaveLength(1_000)
  })

  it('[CHAN-7] no bytes make it throw, or deliver what was not sent', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 }), (frames) => {
        const half = new Half(1, 640)
        half.replay.link()
        for (const frame of frames) half.replay.onFrame(frame, 'reliable')
        expect(half.out.length).toBeLessThanOrEqual(2 + 3 * frames.length)
      }),
      { numRuns: 300 },
    )
  })
})
