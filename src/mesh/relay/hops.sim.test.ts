import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../../base/observable.ts'
import type { PeerId, Seam } from '../../seam/contract.ts'
import { HELD_MS } from './hop-pipes.ts'
import { BATCH, unpackBatch } from '../link/link-batch.ts'
import type { LinkDriver } from '../link/link-driver.ts'
import { HOP } from '../link/link-frames.ts'
import type { LinkStatus } from '../link/link-status.ts'
import type { MeshLoom } from '../mesh-loom.ts'
import type { RelayPolicy } from '../mesh-steps.ts'
import { LOST_AFTER_MS, RELAY_AFTER_MS } from '../mesh.ts'
import { MeshWorld, ONE, ROOM, TWO, type WorldLoomOptions } from '../test-support/mesh-world.ts'

/** Members by name, in a room whose servers relay nothing unless told otherwise. */
class Room {
  readonly world: MeshWorld = new MeshWorld()
  readonly seams: Map<string, Seam> = new Map()
  readonly looms: Map<string, MeshLoom> = new Map()

  constructor(serverRelays = false) {
    if (!serverRelays) for (const url of [ONE, TWO]) this.world.servers.forbidRelay(url)
  }

  async come(name: string, relay: RelayPolicy = 'fallback', options: WorldLoomOptions = {}): Promise<Seam> {
    const { world } = this
    const loom = world.loom({ links: world.links.driver(name), relay, ...options })
    const seam = await world.run(loom.reopen(ROOM))
    this.looms.set(name, loom)
    this.seams.set(name, seam)
    return seam
  }

  /** Ada and Ben, whom nothing links directly, and others who are linked with both. */
  async pairAnd(...others: string[]): Promise<[Seam, Seam]> {
    this.world.links.deny('ada', 'ben')
    for (const name of [...others, 'ada', 'ben']) await this.come(name)
    const [ada, ben] = [this.of('ada'), this.of('ben')]
    await this.world.listing(this.seams.size, ...this.seams.values())
    return [ada, ben]
  }

  of(name: string): Seam {
    return this.seams.get(name) as Seam
  }

  loom(name: string): MeshLoom {
    return this.looms.get(name) as MeshLoom
  }

  status(name: string, of: string): LinkStatus | undefined {
    return this.loom(name).links(this.of(name)).get().get(this.of(of).selfId)
  }

  refusals(name: string): [string, number][] {
    return [...this.loom(name).diagnostics(this.of(name)).refusedHops]
  }

  until(name: string, of: string, holds: (status: LinkStatus | undefined) => boolean): Promise<unknown> {
    const { selfId } = this.of(of)
    const links = this.loom(name).links(this.of(name))
    return this.world.run(until(links, (statuses) => holds(statuses.get(selfId))))
  }
}

/** Links of one who carries for others as it likes. */
function hostile(driver: LinkDriver, tamper: (hop: Frame) => readonly Frame[]): LinkDriver {
  return {
    open: (options) => {
      const link = driver.open(options)
      const send = link.send.bind(link)
      link.send = (message) => {
        const frames: Frame[] = []
        if (message[0] !== BATCH) frames.push(message)
        else unpackBatch(message, (frame) => frames.push(frame as Frame) > 0)
        for (const frame of frames) for (const passed of frame[0] === HOP ? tamper(frame) : [frame]) send(passed)
      }
      return link
    },
  }
}

type Frame = Uint8Array<ArrayBuffer>

/** What a carrier does to packets, for a time. */
const MISDEEDS: readonly [what: string, made: () => (hop: Frame) => readonly Frame[]][] = [
  ['alters', () => (hop) => [hop.map((byte, i) => (i === hop.length - 3 ? byte ^ 1 : byte))]],
  ['makes up', () => (hop) => [hop, hop.map((byte, i) => (i > 80 ? i : byte))]],
  ['repeats', () => (hop) => [hop, hop.slice()]],
  [
    'leaves out',
    (i = 0) =>
      (hop) =>
        ++i % 4 === 0 ? [] : [hop],
  ],
  [
    'reorders',
    (held: Frame[] = []) =>
      (hop) =>
        held.length === 0 ? (held.push(hop), []) : [hop, ...held.splice(0)],
  ],
  ['swallows', () => () => []],
]

/** Numbers sent and heard, of one peer to another. */
class Numbers {
  readonly heard: number[] = []
  readonly #from: Seam
  readonly #to: Seam
  sent = 0

  constructor(from: Seam, to: Seam) {
    this.#from = from
    this.#to = to
    void this.#read()
  }

  async send(bytes: number): Promise<void> {
    const payload = new Uint8Array(bytes)
    new DataView(payload.buffer).setUint32(0, this.sent++)
    await this.#from.sendTo(this.#to.selfId, payload)
  }

  get isWhole(): boolean {
    return this.heard.length === this.sent && this.heard.every((number, i) => number === i)
  }

  async #read(): Promise<void> {
    for await (const { sender, payload } of this.#to.incoming)
      if (sender === this.#from.selfId) this.heard.push(new DataView(payload.slice().buffer).getUint32(0))
  }
}

let room: Room

afterEach(async () => {
  await room.world.end(...room.seams.values())
})

describe('a pair that cannot link directly, and a third peer that is linked with both', () => {
  it('[HOP-1] [HOP-9] goes through the third peer, before the server, and says so', async () => {
    room = new Room(true)
    const [ada, ben] = await room.pairAnd('cyd')
    const via = room.of('cyd').selfId
    expect(room.status('ada', 'ben')).toMatchObject({ state: 'connected', route: 'relayed', via })
    expect(room.status('ben', 'ada')).toMatchObject({ state: 'connected', route: 'relayed', via })
    expect(room.status('ada', 'cyd')).toMatchObject({ state: 'connected', route: 'direct', via: null })
    const [there, back] = [new Numbers(ada, ben), new Numbers(ben, ada)]
    for (let i = 0; i < 20; i++) await room.world.run(Promise.all([there.send(40_000), back.send(10)]))
    await room.world.clock.advance(1_000)
    expect([there.isWhole, back.isWhole]).toEqual([true, true])
  })

  it('[HOP-1] goes through it with every server dead', async () => {
    room = new Room()
    const { world } = room
    for (const name of ['ada', 'ben', 'cyd']) await room.come(name)
    await world.listing(3, ...room.seams.values())
    const rosters: number[] = []
    room.of('ada').peers.listen((peers) => rosters.push(peers.size))
    for (const url of [ONE, TWO]) world.servers.stop(url)
    world.links.deny('ada', 'ben')
    await room.until('ada', 'ben', (status) => status?.route === 'relayed')
    const numbers = new Numbers(room.of('ada'), room.of('ben'))
    for (let i = 0; i < 5; i++) await world.run(numbers.send(100_000))
    await world.clock.advance(2_000)
    expect(numbers.isWhole).toBe(true)
    expect(rosters).toEqual([])
  })

  it('[HOP-8] is linked directly as soon as it can be: no frame is lost or doubled, and nobody leaves', async () => {
    room = new Room()
    const [ada, ben] = await room.pairAnd('cyd')
    const rosters: number[] = []
    ben.peers.listen((peers) => rosters.push(peers.size))
    const numbers = new Numbers(ada, ben)
    for (let i = 0; i < 20; i++) await room.world.run(numbers.send(3_000))
    room.world.links.allow('ada', 'ben')
    for (let i = 0; i < 300; i++) {
      await room.world.run(numbers.send(3_000))
      await room.world.clock.advance(100)
    }
    expect(room.status('ada', 'ben')).toMatchObject({ route: 'direct', via: null })
    expect(room.status('ben', 'ada')).toMatchObject({ route: 'direct', via: null })
    await room.world.clock.advance(500)
    expect(numbers.isWhole).toBe(true)
    expect(rosters).toEqual([])
  })

  it('[HOP-7] goes through another third peer when the one that carried dies in the middle of a payload', async () => {
    room = new Room()
    const [ada, ben] = await room.pairAnd('cyd', 'dan')
    const [died, other] = room.status('ada', 'ben')?.via === room.of('cyd').selfId ? ['cyd', 'dan'] : ['dan', 'cyd']
    await dieMidPayload(ada, ben, died)
    expect(room.status('ada', 'ben')?.via).toBe(room.of(other).selfId)
  })

  it('[HOP-7] goes through the server where no third peer is left', async () => {
    room = new Room(true)
    const [ada, ben] = await room.pairAnd('cyd')
    await dieMidPayload(ada, ben, 'cyd')
    expect(room.status('ada', 'ben')).toMatchObject({ route: 'relayed', via: null })
  })

  /** The network of the carrier fails while a payload is on its way; it arrives, and its receiver lists the sender all the while. */
  async function dieMidPayload(ada: Seam, ben: Seam, carrier: string): Promise<void> {
    expect(room.status('ada', 'ben')?.via).toBe(room.of(carrier).selfId)
    const rosters: ReadonlySet<PeerId>[] = []
    ben.peers.listen((peers) => rosters.push(new Set(peers)))
    const numbers = new Numbers(ada, ben)
    const sending = numbers.send(3_000_000)
    await room.world.clock.advance(800)
    for (const name of room.seams.keys()) if (name !== carrier) room.world.links.deny(carrier, name)
    expect(numbers.heard).toEqual([])
    await room.world.run(sending)
    await room.world.clock.advance(LOST_AFTER_MS)
    expect(numbers.isWhole).toBe(true)
    expect(rosters.every((peers) => peers.has(ada.selfId))).toBe(true)
  }

  it.each(MISDEEDS)('[HOP-6] finds out a carrier that %s packets, and goes through the server', async (_what, made) => {
    room = new Room(true)
    const { world } = room
    let tamper: (hop: Frame) => readonly Frame[] = (hop) => [hop]
    world.links.deny('ada', 'ben')
    const links = hostile(world.links.driver('cyd'), (hop) => tamper(hop))
    await room.come('cyd', 'fallback', { links })
    const [ada, ben] = [await room.come('ada'), await room.come('ben')]
    await world.listing(3, ...room.seams.values())
    expect(room.status('ada', 'ben')?.via).toBe(room.of('cyd').selfId)
    // Long enough that it counted as one that holds.
    await world.clock.advance(HELD_MS)
    const rosters: number[] = []
    for (const seam of [ada, ben]) seam.peers.listen((peers) => rosters.push(peers.size))
    const [there, back] = [new Numbers(ada, ben), new Numbers(ben, ada)]
    tamper = made()
    for (let i = 0; i < 12; i++) await world.run(Promise.all([there.send(20_000), back.send(3_000)]))
    await room.until('ada', 'ben', (status) => status?.route === 'relayed' && status.via === null)
    await world.clock.advance(1_000)
    expect([there.isWhole, back.isWhole]).toEqual([true, true])
    expect(rosters).toEqual([])
  })

  it('[HOP-5] is not carried by who never relays, nor over a link that is relayed itself', async () => {
    room = new Room(true)
    const { links } = room.world
    for (const [a, b] of [
      ['ada', 'ben'],
      ['ada', 'dan'],
    ] as const)
      links.deny(a, b)
    await room.come('cyd', 'never')
    for (const name of ['dan', 'ada', 'ben']) await room.come(name)
    await room.world.listing(4, ...room.seams.values())
    await room.world.clock.advance(RELAY_AFTER_MS)
    // Ada is linked directly with Cyd alone, who does not carry; with Dan, who would, through the server.
    for (const other of ['ben', 'dan'])
      expect(room.status('ada', other)).toMatchObject({ state: 'connected', route: 'relayed', via: null })
    expect(room.refusals('dan')).toEqual([])
  })

  it('[HOP-9] who closes says goodbye through the third peer, and leaves at once', async () => {
    room = new Room()
    const [ada, ben] = await room.pairAnd('cyd')
    for (const url of [ONE, TWO]) room.world.servers.stop(url)
    const closed = ada.close()
    await room.world.clock.advance(500)
    await room.world.run(closed)
    expect(ben.peers.get().has(ada.selfId)).toBe(false)
  })
})
