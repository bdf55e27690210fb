import { beforeEach, describe, expect, it } from 'vitest'
import type { BytePipe } from './byte-pipe.ts'
import { AVOIDED_MS, HELD_MS, HopPipes, SILENT_MS, type HopWay } from './hop-pipes.ts'

const ben = { peer: 'ben', session: 'b1' }
const eve = { peer: 'eve', session: 'e1' }
const cyd: HopWay = { link: 'to cyd', peer: 'cyd' }
const dan: HopWay = { link: 'to dan', peer: 'dan' }

let nowMs: number
let ways: HopWay[]
let log: string[]
let pipes: HopPipes
let links: number

beforeEach(() => {
  nowMs = 0
  links = 0
  log = []
  ways = [cyd, dan]
  pipes = new HopPipes({
    now: () => nowMs,
    carriersOf: (at) => (at === ben ? ways : []),
    hasRoom: () => true,
    send: (link, frame) => void log.push(`${link} ${frame.length > 3 ? 'packet' : ''}`),
  })
})

function open(choice: { carrier?: string; avoid?: boolean } = {}): { pipe: BytePipe | null; link: string } {
  const link = `link ${++links}`
  const events = {
    onPacket: (packet: Uint8Array) => void log.push(`${link} got ${packet.length}`),
    onClosed: (why: string) => void log.push(`${link} closed: ${why}`),
  }
  return { pipe: pipes.through(link, ben, events, { avoid: true, ...choice }), link }
}

const packet = (link: string, address = ben) => ({
  kind: 'carried' as const,
  address,
  link,
  packet: new Uint8Array(5),
})

describe('pipes through third peers', () => {
  it('[HOP-6] take what comes from their own carrier, for their own link and end, and nothing else', () => {
    const { link } = open()
    expect(pipes.carried('to cyd', packet(link))).toBe(true)
    expect(pipes.carried('to dan', packet(link))).toBe(false)
    expect(pipes.carried('to cyd', packet('another'))).toBe(false)
    expect(pipes.carried('to cyd', packet(link, eve))).toBe(false)
    expect(pipes.refused('to dan', { kind: 'refused', address: ben, link })).toBe(false)
    expect(log).toEqual(['link 1 got 5'])
  })

  it('[HOP-7] end when their carrier is no longer linked with both, or refuses', () => {
    const [first, second] = [open(), open({ carrier: 'dan' })]
    ways = [dan]
    pipes.changed()
    expect(log).toEqual(['link 1 closed: the peer that carried it is no longer linked with both ends'])
    expect(pipes.refused('to dan', { kind: 'refused', address: ben, link: second.link })).toBe(true)
    expect(log.at(-1)).toBe('link 2 closed: the peer that was to carry it does not')
    expect([pipes.isIdle, first.pipe?.via, second.pipe?.via]).toEqual([true, 'cyd', 'dan'])
  })

  it('[HOP-7] take another carrier than the one that failed, for a while, and the same where there is no other', () => {
    open().pipe?.close()
    expect(open().pipe?.via).toBe('dan')
    ways = [cyd]
    expect(open().pipe).toBeNull()
    for (const choice of [{ avoid: false }, { carrier: 'cyd' }]) {
      const { pipe } = open(choice)
      expect(pipe?.via).toBe('cyd')
      pipe?.close()
    }
    nowMs = AVOIDED_MS
    expect(open().pipe?.via).toBe('cyd')
  })

  it('[HOP-7] hold nothing against a carrier whose pipe held, unless it fell silent', () => {
    const { pipe, link } = open()
    nowMs = HELD_MS
    pipes.carried('to cyd', packet(link))
    pipe?.close()
    const { pipe: next } = open()
    expect(next?.via).toBe('cyd')
    nowMs += HELD_MS + SILENT_MS
    expect(open().pipe?.via).toBe('dan')
    next?.close()
    expect(open().pipe?.via).toBe('dan')
  })

  it('[HOP-6] tell which of them are silent, whatever is queued for them', () => {
    const [first, second] = [open(), open()]
    nowMs = 1_000
    pipes.carried('to cyd', packet(first.link))
    expect(pipes.silentFor(1_000)).toEqual([second.link])
    expect(pipes.silentFor(1_001)).toEqual([])
  })

  it('[HOP-1] there is none to whom nobody carries', () => {
    ways = []
    expect(open().pipe).toBeNull()
    expect(pipes.isIdle).toBe(true)
  })
})
