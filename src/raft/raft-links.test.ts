import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { seededRandom } from '../sim/index.ts'
import { decodeRaftMessage, encodeRaftMessage } from './codec.ts'
import type { NodeId, StoredEntry } from './contract.ts'
import type { RaftMessage } from './core/message.ts'
import { type Heard, MAX_HEARD_NAMES, RaftLinks } from './raft-links.ts'

// Many cases a test: seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const [a, b] = ['a'.repeat(43), 'b'.repeat(43)] as const

/** As a receiver of the plain frame has it. */
const append = (...clientIds: string[]): RaftMessage =>
  decodeRaftMessage(
    encodeRaftMessage({
      kind: 'append',
      term: 1,
      prevIndex: 0,
      prevTerm: 0,
      commit: 0,
      entries: clientIds.map((clientId, i): StoredEntry => ({
        kind: 'command',
        index: i + 1,
        term: 1,
        command: utf8('x'),
        dedupKey: { clientId, requestId: 1 },
        proposer: a,
        timeMs: 1,
      })),
    }),
  ) as RaftMessage

const vote: RaftMessage = { kind: 'vote', term: 1, lastIndex: 1, lastTerm: 1 }

function linksTo(peer: NodeId, seed = 1): RaftLinks {
  const links = new RaftLinks(seededRandom(seed))
  links.keep(new Set([peer]))
  return links
}

/** The two ends of a link, `a`'s and `b`'s. */
const ends = (): { atA: RaftLinks; atB: RaftLinks } => ({ atA: linksTo(b, 1), atB: linksTo(a, 2) })

/** Sends from `a` to `b`, and the answer back. */
function pass(atA: RaftLinks, atB: RaftLinks, message: RaftMessage): Heard & { readonly bytes: number } {
  const frame = atA.encode(b, message)
  const heard = atB.hear(a, frame)
  if (heard.answer !== null) expect(atA.hear(b, heard.answer)).toEqual({ message: null, refusal: null, answer: null })
  return { ...heard, bytes: frame.length }
}

describe('names on a link', () => {
  it('[RWIRE-6] an id is sent in full until the far end has said that it knows its token, and then as the token', () => {
    const { atA, atB } = ends()
    const first = atA.encode(b, append('client-of-a'))
    const second = atA.encode(b, append('client-of-a'))
    expect(second).toEqual(first)
    expect(pass(atA, atB, append('client-of-a')).message).toEqual(append('client-of-a'))
    const later = pass(atA, atB, append('client-of-a'))
    expect(later.message).toEqual(append('client-of-a'))
    expect(later.bytes).toBe(first.length - (1 + 43) - (1 + 11))
    expect(later.answer).toBeNull()
  })

  it('[RWIRE-6] messages without ids, and ids that are shorter than a token, need no tokens', () => {
    const { atA, atB } = ends()
    expect(pass(atA, atB, vote).answer).toBeNull()
    const config = { voters: ['n1', 'n2'], learners: [], old: null }
    const voters: RaftMessage = { kind: 'voters', term: 1, index: 1, config }
    expect(pass(atA, atB, voters)).toMatchObject({ message: voters, answer: null })
  })

  it('[RWIRE-10] a message for several is encoded once, as soon as they know its names; who does not is told them', () => {
    const c = 'c'.repeat(43)
    const [atA, atB, atC] = [linksTo(b, 1), linksTo(a, 2), linksTo(a, 3)]
    atA.keep(new Set([b, c]))
    const message = append('client-of-a')
    pass(atA, atB, message)
    expect(atA.encode(b, message)).toBe(atA.encode(b, message))
    // b's frame would tell c nothing.
    const first = atA.encode(c, message)
    const heard = atC.hear(a, first)
    expect(heard.message).toEqual(message)
    atA.hear(c, heard.answer as Uint8Array)
    const shared = atA.encode(b, message)
    expect(atA.encode(c, message)).toBe(shared)
    expect([atB, atC].map((links) => links.hear(a, shared).message)).toEqual([message, message])
    // c comes back with nothing.
    atA.keep(new Set([b]))
    atA.keep(new Set([b, c]))
    expect(atA.encode(b, message)).toBe(shared)
    expect(linksTo(a, 4).hear(a, atA.encode(c, message)).message).toEqual(message)
  })

  it('[RWIRE-7] an end that started anew is told the names again, at the price of one frame', () => {
    const { atA, atB } = ends()
    pass(atA, atB, append('client-of-a'))
    const anew = linksTo(a, 3)
    expect(pass(atA, anew, append('client-of-a'))).toMatchObject({ message: null, refusal: 'frame-unknown-name' })
    expect(pass(atA, anew, append('client-of-a')).message).toEqual(append('client-of-a'))
    const bytes = encodeRaftMessage(append('client-of-a')).length
    expect(pass(atA, anew, append('client-of-a')).bytes).toBeLessThan(bytes)
  })

  it('[RWIRE-7] a token keeps its meaning, whatever a frame says of it later', () => {
    const { atA, atB } = ends()
    pass(atA, atB, append('victim', 'other'))
    // The same process once more, as it were: the same tokens, for other names.
    const forger = linksTo(b, 1)
    expect(pass(forger, atB, append('attacker'))).toMatchObject({ message: append('attacker') })
    expect(pass(atA, atB, append('victim')).message).toEqual(append('victim'))
  })

  it('[RWIRE-7] whatever is lost, doubled, late or forgotten, a frame is understood rightly or refused, and calm heals', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const), clients: someClients() }) },
      {
        weight: 8,
        arbitrary: fc.record({ do: fc.constant('deliver' as const), which: fc.nat(), again: fc.boolean() }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('lose' as const), which: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), end: fc.nat({ max: 1 }) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), end: fc.nat({ max: 1 }) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), someClients(), (steps, last) => {
        const link = new HostileLink()
        for (const each of steps) {
          if (each.do === 'send') link.send(each.clients)
          else if (each.do === 'deliver') link.deliver(each.which, each.again)
          else if (each.do === 'lose') link.lose(each.which)
          else if (each.do === 'restart') link.restart(each.end)
          else link.forget(each.end)
        }
        link.calm(last)
      }),
      { numRuns: 400 },
    )
  })

  it('[RWIRE-8] of the tokens of one peer only the newest are remembered', () => {
    const atB = linksTo(a)
    const flood = linksTo(b, 5)
    const first = flood.encode(b, append('name 0'))
    for (let i = 0; i <= MAX_HEARD_NAMES; i++) atB.hear(a, flood.encode(b, append(`name ${i}`)))
    // What was forgotten is not known any more, and can be learned again.
    expect(atB.hear(a, first).answer).not.toBeNull()
  })

  it('[RWIRE-8] what a stranger defines is read, and neither kept nor answered', () => {
    const atB = linksTo(a)
    const stranger = linksTo(b, 7)
    const heard = atB.hear('stranger', stranger.encode(b, append('client')))
    expect(heard).toEqual({ message: append('client'), refusal: null, answer: null })
  })

  it('[RWIRE-8] a token that was never said is not known by saying so', () => {
    const atA = linksTo(b)
    const whole = atA.encode(b, append('client-of-a'))
    expect(atA.hear(b, Uint8Array.of(1, 126, 1, 9, 9, 9, 9))).toMatchObject({ message: null, refusal: null })
    expect(atA.encode(b, append('client-of-a'))).toEqual(whole)
  })

  it('[RWIRE-2] frames about tokens that are malformed are refused', () => {
    const atA = linksTo(b)
    for (const bytes of [
      [],
      [1],
      [2, 126, 0],
      [1, 126],
      [1, 126, 1],
      [1, 127, 1, 0, 0, 0],
      [1, 126, 0, 1],
      [1, 99, 0],
    ]) {
      expect(atA.hear(b, Uint8Array.from(bytes))).toEqual({ message: null, refusal: 'frame-malformed', answer: null })
    }
  })

  it('[RWIRE-2] no changed frame of a link makes it throw, or changes what its tokens mean', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }), cut: fc.nat({ max: 3 }) })
    fc.assert(
      fc.property(fc.array(fc.tuple(someClients(), change), { maxLength: 8 }), (frames) => {
        const { atA, atB } = ends()
        pass(atA, atB, append('victim'))
        for (const [names, { at, byte, cut }] of frames) {
          const frame = atA.encode(b, append(...names))
          frame[at % frame.length] = byte
          atB.hear(a, frame.subarray(0, frame.length - cut))
        }
        expect(pass(atA, atB, append('victim')).message).toEqual(append('victim'))
      }),
      { numRuns: 600 },
    )
  })
})

function someClients(): fc.Arbitrary<string[]> {
  return fc.array(fc.constantFrom('client-1', 'client-2', 'client-3', 'client-4'), { minLength: 1, maxLength: 3 })
}

interface InFlight {
  readonly toB: boolean
  readonly frame: Uint8Array
  /** `null`: about tokens. */
  readonly message: RaftMessage | null
}

/** Frames from `a` to `b` and answers back, on a network that keeps no promise. */
class HostileLink {
  readonly #ends: [RaftLinks, RaftLinks] = [linksTo(b, 1), linksTo(a, 2)]
  #inFlight: InFlight[] = []
  #seed = 3

  send(names: string[]): void {
    const message = append(...names)
    this.#inFlight.push({ toB: true, frame: this.#ends[0].encode(b, message), message })
  }

  deliver(which: number, again: boolean): void {
    const sent = this.#inFlight[which % Math.max(1, this.#inFlight.length)]
    if (sent === undefined) return
    if (!again) this.#inFlight = this.#inFlight.filter((each) => each !== sent)
    this.#hear(sent)
  }

  lose(which: number): void {
    this.#inFlight.splice(which % Math.max(1, this.#inFlight.length), 1)
  }

  restart(end: number): void {
    this.#ends[end] = linksTo(end === 0 ? b : a, ++this.#seed)
  }

  /** One end sees the other leave and come back. */
  forget(end: number): void {
    this.#ends[end]?.keep(new Set())
    this.#ends[end]?.keep(new Set([end === 0 ? b : a]))
  }

  /** In order and whole, the second frame at the latest is understood. */
  calm(names: string[]): void {
    while (this.#inFlight.length > 0) this.deliver(0, false)
    this.send(names)
    while (this.#inFlight.length > 0) this.deliver(0, false)
    const message = append(...names)
    expect(this.#ends[1].hear(a, this.#ends[0].encode(b, message)).message).toEqual(message)
  }

  #hear({ toB, frame, message }: InFlight): void {
    const heard = this.#ends[toB ? 1 : 0].hear(toB ? a : b, frame)
    if (heard.answer !== null) this.#inFlight.push({ toB: !toB, frame: heard.answer, message: null })
    if (heard.refusal === null) expect(heard.message).toEqual(message)
    else expect(heard).toMatchObject({ message: null, refusal: 'frame-unknown-name' })
  }
}
