import { beforeEach, describe, expect, it } from 'vitest'
import type { SignalAddress } from '../../signal/protocol.ts'
import {
  HOP_BURST_BYTES,
  HOP_BYTES_PER_SECOND,
  HOP_CARRIER_BYTES,
  HOP_PAIR_BYTES,
  HOP_POLL_MS,
  HopCarrier,
  type HopGate,
} from './hop-carrier.ts'
import { decodeHop, MAX_HOP_PACKET_BYTES } from '../link/hop-frames.ts'

/** Names of links are those of the peers that they are with. */
let sent: string[]
let gates: HopGate[]
let linked: Set<string>
let relayed: Set<string>
let full: Set<string>
let carrier: HopCarrier

const LINK = 'AAAAAAAAAAAAAAAA'
const at = (peer: string): SignalAddress => ({ peer, session: `${peer}1` })

beforeEach(() => {
  sent = []
  gates = []
  linked = new Set(['ada', 'ben', 'cyd', 'dan', 'eve', 'fay'])
  relayed = new Set()
  full = new Set()
  carrier = new HopCarrier(
    {
      wayOn: (from, to) => {
        if (!linked.has(from) || !linked.has(to.peer) || from === to.peer) return 'not-linked'
        return relayed.has(from) || relayed.has(to.peer) ? 'not-direct' : { link: to.peer, sender: at(from) }
      },
      hasRoom: (link) => !full.has(link),
      send: (link, bytes) => {
        const frame = decodeHop(bytes.subarray(1))
        const content = frame.kind === 'refused' ? '' : ` ${frame.packet[0] ?? '-'}`
        sent.push(`${link}: ${frame.kind} ${frame.address.session}${content}`)
      },
      refused: (gate) => void gates.push(gate),
    },
    0,
  )
})

function take(from: string, to: string, content: number, bytes = MAX_HOP_PACKET_BYTES): void {
  carrier.take(from, { kind: 'carry', address: at(to), link: LINK, packet: new Uint8Array(bytes).fill(content) })
}

/** Until it takes no more of the pair; how many it took. */
function fill(from: string, to: string): number {
  const before = gates.length
  let taken = 0
  while (gates.length === before && taken < 1_000) {
    take(from, to, taken % 256)
    taken++
  }
  return taken - 1
}

describe('a peer that carries for two others', () => {
  it('[HOP-2] puts the address that the sender’s link proves', () => {
    take('ada', 'ben', 1)
    take('ben', 'ada', 2, 1)
    expect(carrier.pump(0)).toBeNull()
    expect(sent).toEqual(['ben: carried ada1 1', 'ada: carried ben1 2'])
  })

  it('[HOP-2] [HOP-5] refuses what is for nobody it is linked with, for the sender, or not between two direct links', () => {
    take('ada', 'zoe', 1)
    take('ada', 'ada', 1)
    relayed.add('cyd')
    take('ada', 'cyd', 1)
    take('cyd', 'ada', 1)
    expect(carrier.pump(0)).toBeNull()
    expect(gates).toEqual(['not-linked', 'not-linked', 'not-direct', 'not-direct'])
    expect(sent).toEqual(['ada: refused zoe1', 'ada: refused ada1', 'ada: refused cyd1', 'cyd: refused ada1'])
  })

  it('[HOP-2] tells who does not read nothing', () => {
    full.add('ada')
    for (let i = 0; i < 100; i++) take('ada', 'zoe', 1)
    expect(gates).toHaveLength(100)
    expect(sent).toEqual([])
  })

  it('[HOP-3] holds no more than a bound for one pair, and for all together', () => {
    for (const peer of linked) full.add(peer)
    expect(fill('ada', 'ben')).toBe(Math.floor(HOP_PAIR_BYTES / (MAX_HOP_PACKET_BYTES + 24)))
    expect(carrier.queuedBytes).toBeLessThanOrEqual(HOP_PAIR_BYTES)
    for (const to of ['cyd', 'dan', 'eve', 'fay']) fill('ada', to)
    expect(fill('ben', 'ada')).toBe(0)
    expect(carrier.queuedBytes).toBeLessThanOrEqual(HOP_CARRIER_BYTES)
    expect(new Set(gates)).toEqual(new Set(['congested']))
  })

  it('[HOP-3] carries at a rate that all pairs share', () => {
    let carriedBytes = 0
    let owes = 0
    for (let i = 0; i < 400; i++) {
      take('ada', i % 2 === 0 ? 'ben' : 'cyd', 1)
      owes = carrier.pump(0) ?? 0
      if (owes > 0) break
      carriedBytes = sent.length * MAX_HOP_PACKET_BYTES
    }
    expect(carriedBytes).toBeGreaterThan(HOP_BURST_BYTES - 2 * MAX_HOP_PACKET_BYTES)
    expect(carriedBytes).toBeLessThanOrEqual(HOP_BURST_BYTES + MAX_HOP_PACKET_BYTES)
    const before = sent.length
    const end = 2_000
    for (let nowMs = 0; nowMs < end; nowMs += 10) {
      take('ada', 'ben', 1)
      carrier.pump(nowMs)
    }
    const rate = ((sent.filter((line) => line.includes('carried')).length - before) * MAX_HOP_PACKET_BYTES) / 2
    expect(rate).toBeGreaterThan(0.9 * HOP_BYTES_PER_SECOND)
    expect(rate).toBeLessThanOrEqual(HOP_BYTES_PER_SECOND)
  })

  it('[HOP-3] lets pairs take turns', () => {
    full.add('ben')
    for (let i = 0; i < 3; i++) take('ada', 'ben', i)
    take('cyd', 'ben', 7)
    full.clear()
    carrier.pump(0)
    expect(sent.map((line) => line.at(-1))).toEqual(['0', '7', '1', '2'])
  })

  it('[HOP-4] puts nothing on a link that holds more than a little, and holds up no other pair for it', () => {
    full.add('ben')
    take('ada', 'ben', 1)
    take('ada', 'cyd', 2)
    expect(carrier.pump(0)).toBe(HOP_POLL_MS)
    expect(sent).toEqual(['cyd: carried ada1 2'])
    full.clear()
    expect(carrier.pump(10)).toBeNull()
    expect(sent).toHaveLength(2)
  })

  it('[HOP-3] forgets what waits for a link that is no more', () => {
    full.add('ben')
    take('ada', 'ben', 1)
    take('ada', 'cyd', 2)
    carrier.unlinked((link) => link !== 'ben')
    expect(carrier.pump(0)).toBeNull()
    expect([carrier.queuedBytes, sent]).toEqual([0, ['cyd: carried ada1 2']])
  })
})
