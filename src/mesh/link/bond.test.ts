import { describe, expect, it } from 'vitest'
import { ACK_STEP_BYTES, ACK_STEP_FRAMES, Bond, MAX_KEPT_BYTES, MAX_KEPT_FRAMES, type Carrier } from './bond.ts'
import { decodeLinkFrame, type LinkFrame } from './link-frames.ts'
import { BondTrial, type Bend } from '../test-support/bond-trial.ts'

const FIRST_SEED = Date.now() % 1_000_000
const SEEDS = 60
const STEPS = 500

/** A carrier that a test fills and reads. */
class Wire implements Carrier {
  readonly sent: LinkFrame[] = []
  full = false
  held = 0

  hasRoom(): boolean {
    return !this.full
  }

  send(frame: Uint8Array): void {
    this.sent.push(decodeLinkFrame(frame))
  }

  hold(frame: Uint8Array): void {
    this.held++
    this.send(frame)
  }

  get payloads(): number[] {
    return this.sent.flatMap((frame) => (frame.kind === 'data' ? [frame.payload[0] as number] : []))
  }
}

const data = (first: number, bytes = 1): Uint8Array => {
  const frame = new Uint8Array(1 + bytes)
  frame.set([3, first])
  return frame
}

function bondOn(wire: Wire, link = 'first', received = 0): Bond {
  const bond = new Bond(link, () => {})
  bond.attach(wire, link)
  bond.resume({ bond: link, received })
  return bond
}

describe('bonds under simulation', { timeout: 60_000 }, () => {
  it(`[BOND-1] whatever breaks, and whenever, frames arrive once and in order (from seed ${FIRST_SEED})`, () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const trial = new BondTrial(seed)
      trial.run(STEPS)
      expect(trial.faults, `seed ${seed}`).toEqual([])
    }
  })

  it.each<[string, Bend]>([
    ['asks for too little', { resume: ({ bond, received }) => ({ bond, received: received + 1 }) }],
    ['asks for too much', { resume: ({ bond, received }) => ({ bond, received: Math.max(0, received - 1) }) }],
    ['asks for nothing', { resume: ({ received }) => ({ bond: 'forgotten', received }) }],
    ['heeds links that it has left', { heedsOldLinks: true }],
  ])('[BOND-1] an end that %s is found out', (_what, bend) => {
    let found = 0
    for (let seed = 1; seed <= 20; seed++) {
      const trial = new BondTrial(seed, bend)
      trial.run(STEPS)
      if (trial.faults.length > 0) found++
    }
    expect(found).toBeGreaterThan(4)
  })
})

describe('a bond', () => {
  it('[BOND-1] sends again over the next link what the other end has not received, and nothing else', () => {
    const [first, second] = [new Wire(), new Wire()]
    const bond = bondOn(first)
    for (let i = 0; i < 5; i++) bond.send(data(i), 'reliable')
    bond.detach(first)
    bond.send(data(5), 'reliable')
    bond.attach(second, 'second')
    bond.send(data(6), 'reliable')
    expect(second.sent).toEqual([{ kind: 'resume', bond: 'first', received: 0 }])
    expect(bond.resume({ bond: 'first', received: 3 })).toBe('continued')
    expect(second.payloads).toEqual([3, 4, 5, 6])
  })

  it('[BOND-2] keeps what is not acknowledged, within its bounds, and has no room beyond them', () => {
    const wire = new Wire()
    let room = 0
    const bond = new Bond('first', () => room++)
    bond.attach(wire, 'first')
    bond.resume({ bond: 'first', received: 0 })
    let sent = 0
    for (; bond.hasRoom(1_000); sent++) bond.send(data(0, 999), 'reliable')
    expect(sent).toBe(Math.floor(MAX_KEPT_BYTES / 1_000))
    expect(bond.acknowledge(sent - 1)).toBe(true)
    expect([bond.kept, bond.hasRoom(1_000), room]).toEqual([{ frames: 1, bytes: 1_000 }, true, 1])
    bond.detach(wire)
    for (let i = 0; i < MAX_KEPT_FRAMES - 1; i++) bond.send(data(0), 'reliable')
    expect(bond.hasRoom(1)).toBe(false)
  })

  it('[BOND-2] a frame larger than the bound goes when nothing else is kept', () => {
    const bond = bondOn(new Wire())
    expect(bond.hasRoom(MAX_KEPT_BYTES + 1)).toBe(true)
    bond.send(data(1), 'reliable')
    expect(bond.hasRoom(MAX_KEPT_BYTES + 1)).toBe(false)
  })

  it('[BOND-2] sends again no faster than the link takes it, except as last words', () => {
    const [first, second] = [new Wire(), new Wire()]
    const bond = bondOn(first)
    for (let i = 0; i < 5; i++) bond.send(data(i), 'reliable')
    second.full = true
    bond.attach(second, 'second')
    bond.resume({ bond: 'first', received: 1 })
    expect([second.payloads, bond.hasRoom(1)]).toEqual([[], false])
    second.full = false
    bond.writable()
    expect(second.payloads).toEqual([1, 2, 3, 4])
    bond.detach(second)
    const third = new Wire()
    third.full = true
    bond.attach(third, 'third')
    bond.resume({ bond: 'first', received: 4 })
    bond.flush()
    expect(third.payloads).toEqual([4])
  })

  it('[BOND-3] acknowledges by bytes and by frames received, and by no clock', () => {
    const wire = new Wire()
    const bond = bondOn(wire)
    const acks = (): number[] => wire.sent.flatMap((frame) => (frame.kind === 'ack' ? [frame.received] : []))
    for (let i = 0; i < ACK_STEP_FRAMES - 1; i++) bond.arrived(1)
    expect(acks()).toEqual([])
    bond.arrived(1)
    expect(acks()).toEqual([ACK_STEP_FRAMES])
    bond.arrived(ACK_STEP_BYTES)
    expect(acks()).toEqual([ACK_STEP_FRAMES, ACK_STEP_FRAMES + 1])
  })

  it('[BOND-3] a grant takes the acknowledgement along, which waits for it', () => {
    const wire = new Wire()
    const bond = bondOn(wire)
    bond.grant(5)
    for (let i = 0; i < 3; i++) bond.arrived(1)
    bond.grant(6)
    const [, ...said] = wire.sent
    expect(said).toEqual([
      { kind: 'credit', bytes: 5 },
      { kind: 'ack', received: 3 },
      { kind: 'credit', bytes: 6 },
    ])
    expect(wire.held).toBe(1)
    bond.detach(wire)
    bond.grant(7)
    expect(wire.sent).toHaveLength(4)
  })

  it('[BOND-7] frames that are acknowledged leave their memory to later ones, those that are not keep it', () => {
    const [first, second] = [new Wire(), new Wire()]
    const bond = bondOn(first)
    const buffers = new Set<ArrayBufferLike>()
    const send = (i: number): void => {
      const frame = bond.memory(60_000)
      frame?.fill(i).set([3])
      buffers.add(frame?.buffer as ArrayBufferLike)
      bond.send(frame as Uint8Array, 'reliable')
    }
    for (let i = 0; i < 200; i++) {
      send(i)
      if (i >= 6) bond.acknowledge(i - 5)
    }
    expect(buffers.size).toBe(3)
    bond.attach(second, 'second')
    bond.resume({ bond: 'first', received: 194 })
    expect(second.payloads).toEqual([194, 195, 196, 197, 198, 199])
  })

  it('[BOND-4] begins anew where the other end has forgotten it, and sends nothing of before', () => {
    const [first, second] = [new Wire(), new Wire()]
    const bond = bondOn(first)
    bond.send(data(1), 'reliable')
    bond.arrived(1)
    bond.attach(second, 'second')
    expect(bond.resume({ bond: 'second', received: 0 })).toBe('renewed')
    bond.send(data(2), 'reliable')
    expect(second.payloads).toEqual([2])
    bond.attach(new Wire(), 'third')
    expect(bond.resume({ bond: 'second', received: 1 })).toBe('continued')
    expect(bond.kept.frames).toBe(0)
  })

  it('[BOND-4] an end that has just begun keeps its beginning when it hears of an older bond', () => {
    const bond = bondOn(new Wire(), 'new')
    const again = new Bond('newer', () => {})
    again.attach(new Wire(), 'newer')
    expect(again.resume({ bond: 'older', received: 7 })).toBe('continued')
    expect(bond.kept.frames).toBe(0)
  })

  it('[BOND-5] what was said before a link was left, and comes late, is no lie', () => {
    const bond = bondOn(new Wire())
    bond.send(data(1), 'reliable')
    bond.acknowledge(1)
    bond.attach(new Wire(), 'second')
    expect(bond.resume({ bond: 'first', received: 0 })).toBe('continued')
  })

  it('[BOND-5] numbers that cannot be are refused', () => {
    const bond = bondOn(new Wire())
    bond.send(data(1), 'reliable')
    expect(bond.acknowledge(2)).toBe(false)
    expect(bond.acknowledge(1)).toBe(true)
    expect(bond.resume({ bond: 'first', received: 1 })).toBe('impossible')
    bond.attach(new Wire(), 'second')
    expect([bond.arrived(1), bond.acknowledge(1)]).toEqual([false, false])
    expect(bond.resume({ bond: 'first', received: 9 })).toBe('impossible')
  })

  it('[BOND-5] what waits for room, or for a link, has been received by nobody', () => {
    const [first, second] = [new Wire(), new Wire()]
    const bond = bondOn(first)
    bond.send(data(1), 'reliable')
    bond.detach(first)
    bond.send(data(2), 'reliable')
    bond.attach(second, 'second')
    expect(bond.resume({ bond: 'first', received: 2 })).toBe('impossible')
    bond.attach(second, 'third')
    second.full = true
    expect(bond.resume({ bond: 'first', received: 0 })).toBe('continued')
    expect([bond.acknowledge(2), bond.acknowledge(1), bond.kept.frames]).toEqual([false, true, 1])
  })

  it('[BOND-6] a lossy frame is dropped while there is no link, and counted', () => {
    const wire = new Wire()
    const bond = bondOn(wire)
    bond.send(data(1), 'lossy')
    bond.detach(wire)
    bond.send(data(2), 'lossy')
    expect([wire.payloads, bond.lossyDropped, bond.kept.frames]).toEqual([[1], 1, 0])
  })
})
