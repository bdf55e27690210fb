import { describe, expect, it } from 'vitest'
import { equalBytes, toBase64Url, utf8 } from '../../base/bytes.ts'
import { VirtualClock } from '../../sim/virtual-clock.ts'
import type { Link } from '../link/link-driver.ts'
import { newSealKey } from '../seal/seal-keys.ts'
import { sealedLinks, WINDOW_BYTES } from './sealed-links.ts'
import { PipePair } from '../test-support/pipe-pair.ts'

class End {
  link!: Link
  readonly log: string[] = []
  readonly messages: Uint8Array[] = []
  drains = 0
}

/** Two sealed links over one pipe, each told what the other signals. */
class Scene {
  readonly clock = new VirtualClock()
  readonly pair = new PipePair(this.clock)
  readonly ends: [End, End] = [new End(), new End()]
  /** What becomes of a key on its way. */
  swap: (body: string) => string = (body) => body

  open(): this {
    this.pair.ends.forEach((pipe, index) => this.#openEnd(index, pipe.open))
    return this
  }

  async opened(): Promise<this> {
    this.open()
    await this.clock.advance(50)
    return this
  }

  #openEnd(index: number, pipe: Parameters<typeof sealedLinks>[0]): void {
    const [end, other] = [this.ends[index] as End, this.ends[1 - index] as End]
    end.link = sealedLinks(pipe).open({
      link: 'AAAAAAAAAAAAAAAA',
      at: { peer: 'other', session: 'other' },
      initiator: index === 0,
      polite: index === 1,
      iceServers: [],
      renewIceServers: async () => {},
      iceTransportPolicy: 'all',
      clock: this.clock,
      events: {
        onSignal: (body) => void this.clock.setTimeout(() => other.link.signal(this.swap(body)), 5),
        onOpen: () => end.log.push('open'),
        onMessage: (bytes) => end.messages.push(bytes),
        onLossy: () => end.log.push('lossy'),
        onDrain: () => void end.drains++,
        onPath: (path) => end.log.push(path),
        onTrouble: () => {},
        onClosed: (why) => end.log.push(why),
      },
    })
  }
}

const bytes = (length: number, fill: number): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(fill)
const contains = (packet: Uint8Array, text: string): boolean => new TextDecoder('latin1').decode(packet).includes(text)

describe('sealed links', () => {
  it('[RELAY-10] carry messages of any size to 256 KiB, in order, both ways, and show nothing of them', async () => {
    const { clock, pair, ends } = await new Scene().opened()
    const secret = 'the secret move is e2 to e4'
    const sizes = [0, 1, 7_000, 8_000, 50_000, 262_144]
    ends[0].link.send(utf8(secret))
    for (const size of sizes) {
      ends[0].link.send(bytes(size, size % 251))
      ends[1].link.send(bytes(size, size % 241))
    }
    await clock.advance(1_000)
    expect(ends[1].messages.map((message) => message.length)).toEqual([secret.length, ...sizes])
    const whole = (messages: readonly Uint8Array[], fill: number): boolean[] =>
      messages.map((message) => equalBytes(message, bytes(message.length, message.length % fill)))
    expect(whole(ends[1].messages.slice(1), 251)).toEqual(sizes.map(() => true))
    expect(ends[0].messages.map((message) => message.length)).toEqual(sizes)
    expect(whole(ends[0].messages, 241)).toEqual(sizes.map(() => true))
    expect(pair.seen.every((packet) => packet.length <= 8_000)).toBe(true)
    expect(pair.seen.some((packet) => contains(packet, 'secret') || contains(packet, '\u0007'.repeat(20)))).toBe(false)
    expect(ends.map(({ log }) => log)).toEqual([['open'], ['open']])
  })

  it('[RELAY-11] both ends read the same fingerprints, crosswise; who sits between shows others', async () => {
    const { ends } = await new Scene().opened()
    const [one, two] = ends.map(({ link }) => link.fingerprints())
    expect(one?.local).toEqual(two?.remote)
    expect(one?.remote).toEqual(two?.local)
    expect(one?.local[0]).toMatch(/^sealed-link-sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
    expect(one?.local).not.toEqual(one?.remote)

    const between = new Scene()
    const stolen: string[] = []
    const { publicKey } = await newSealKey()
    between.swap = (body) => {
      stolen.push(body)
      return `sealed ${toBase64Url(publicKey)}`
    }
    await between.opened()
    const [left, right] = between.ends.map(({ link }) => link.fingerprints())
    expect(stolen).toHaveLength(2)
    expect(left?.remote).not.toEqual(right?.local)
    expect(right?.remote).not.toEqual(left?.local)
  })

  it.each([
    ['lost', (packet: Uint8Array, index: number) => (index === 3 ? [] : [packet])],
    ['repeated', (packet: Uint8Array, index: number) => (index === 3 ? [packet, packet] : [packet])],
    ['made up', (packet: Uint8Array, index: number) => (index === 3 ? [bytes(packet.length, 9)] : [packet])],
    [
      'changed',
      (packet: Uint8Array, index: number) => (index === 3 ? [packet.map((b, i) => b ^ +(i === 5))] : [packet]),
    ],
    ['cut short', (packet: Uint8Array, index: number) => (index === 3 ? [packet.subarray(1)] : [packet])],
    ['empty', (packet: Uint8Array, index: number) => (index === 3 ? [new Uint8Array()] : [packet])],
  ])('[RELAY-12] a packet that is %s ends the link there, after what came before it', async (_how, tamper) => {
    const { clock, pair, ends } = await new Scene().opened()
    pair.tamper = tamper
    for (let i = 0; i < 6; i++) ends[0].link.send(bytes(10, i))
    await clock.advance(100)
    const came = ends[1].messages.map((message) => message[0])
    expect(came).toEqual(_how === 'repeated' ? [0, 1, 2, 3] : [0, 1, 2])
    expect(ends[1].log).toEqual(['open', 'a packet was lost, repeated or made up on its way'])
    expect(pair.ends[1].isOpen).toBe(false)
  })

  it('[RELAY-12] a packet sent back to its maker ends the link', async () => {
    const { clock, pair, ends } = await new Scene().opened()
    ends[0].link.send(bytes(10, 1))
    await clock.advance(20)
    const own = pair.seen.at(-1) as Uint8Array
    pair.ends[1].send(own)
    await clock.advance(20)
    expect(ends[0].log.at(-1)).toBe('a packet was lost, repeated or made up on its way')
  })

  it('[RELAY-13] no more than the window is on its way; the rest waits here, and its draining is told', async () => {
    const { clock, pair, ends } = await new Scene().opened()
    const { link } = ends[0]
    link.drainMarkBytes = 10_000
    pair.tamper = () => []
    for (let i = 0; i < 50; i++) link.send(bytes(7_000, i))
    await clock.advance(1_000)
    const sent = pair.seen.reduce((sum, packet) => sum + packet.length, 0)
    expect(sent).toBeLessThanOrEqual(WINDOW_BYTES)
    expect(sent).toBeGreaterThan(WINDOW_BYTES - 8_000)
    expect(link.bufferedAmount).toBeGreaterThan(50 * 7_000 - sent)
    expect(ends[0].drains).toBe(0)
    await clock.run(link.close(), { limitMs: 2_000 })
    expect(clock.pendingTimers).toBe(0)
  })

  it('[RELAY-13] all of it goes as it is acknowledged, and falling to the mark is told once', async () => {
    const { clock, pair, ends } = await new Scene().opened()
    const { link } = ends[0]
    link.drainMarkBytes = 10_000
    for (let i = 0; i < 50; i++) link.send(bytes(7_000, i))
    expect(link.bufferedAmount).toBeGreaterThan(200_000)
    await clock.advance(1_000)
    expect(ends[1].messages.map((message) => message[0])).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(link.bufferedAmount).toBe(0)
    expect(ends[0].drains).toBe(1)
    pair.hasRoom = false
    link.send(bytes(20_000, 1))
    await clock.advance(500)
    expect(link.bufferedAmount).toBeGreaterThan(20_000)
    pair.hasRoom = true
    await clock.advance(50)
    expect(ends[1].messages).toHaveLength(51)
    expect(ends[0].drains).toBe(2)
  })

  it('[RELAY-14] what was sent before a close arrives, and the other end hears of it', async () => {
    const { clock, pair, ends } = await new Scene().opened()
    for (let i = 0; i < 40; i++) ends[0].link.send(bytes(7_000, i))
    await clock.run(ends[0].link.close(), { limitMs: 2_000 })
    await clock.advance(100)
    expect(ends[1].messages).toHaveLength(40)
    expect(ends.map(({ log }) => log)).toEqual([['open'], ['open', 'the other end closed it']])
    expect(pair.ends.map(({ isOpen }) => isOpen)).toEqual([false, false])
    expect(clock.pendingTimers).toBe(0)
  })

  it('[RELAY-14] a close through a pipe that takes nothing is over within its bound', async () => {
    const { clock, pair, ends } = await new Scene().opened()
    pair.hasRoom = false
    ends[0].link.send(bytes(10, 1))
    await clock.run(ends[0].link.close(), { limitMs: 1_001 })
    expect(pair.ends[0].isOpen).toBe(false)
    expect(clock.pendingTimers).toBe(0)
  })

  it('[RELAY-15] what came before the pipe broke still surfaces', async () => {
    const { clock, pair, ends } = await new Scene().opened()
    for (let i = 0; i < 5; i++) ends[0].link.send(bytes(10, i))
    await clock.advance(4)
    clock.setTimeout(() => pair.ends[1].break(), 1)
    await clock.advance(50)
    expect(ends[1].messages.map((message) => message[0])).toEqual([0, 1, 2, 3, 4])
    expect(ends[1].log).toEqual(['open', 'the pipe broke'])
  })

  it('[RELAY-15] without a pipe, or when it breaks, the link ends and says why; nothing comes after', async () => {
    const { clock, pair, ends } = await new Scene().opened()
    pair.ends[0].break()
    ends[0].link.send(bytes(10, 1))
    await clock.advance(100)
    expect(ends[0].log).toEqual(['open', 'the pipe broke'])
    expect(ends[1].messages).toEqual([])
  })

  it('[RELAY-16] keys that are none are dropped or end the link; a second one changes nothing', async () => {
    const scene = new Scene().open()
    for (const body of ['', 'sealed', 'sealed ***', '{"type":"offer"}']) scene.ends[1].link.signal(body)
    await scene.clock.advance(50)
    expect(scene.ends[1].log).toEqual(['open'])
    const before = scene.ends[1].link.fingerprints()
    scene.ends[1].link.signal(`sealed ${'A'.repeat(87)}`)
    await scene.clock.advance(50)
    expect(scene.ends[1].link.fingerprints()).toEqual(before)

    const other = new Scene().open()
    other.ends[1].link.signal(`sealed ${'A'.repeat(87)}`)
    await other.clock.advance(50)
    expect(other.ends[1].log).toHaveLength(1)
    expect(other.ends[1].log[0]).toMatch(/could not be sealed/)
  })
})
