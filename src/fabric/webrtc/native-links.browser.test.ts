import { afterEach, describe, expect, it, vi } from 'vitest'
import { sleep } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { IceServers } from '../../mesh/link/ice-servers.ts'
import { HIGH_WATER_BYTES, nativeLinks, type Link, type LinkEvents } from './index.ts'

/** One end of a link under a test's thumb. */
class End {
  readonly link: Link
  readonly received: Uint8Array[] = []
  readonly lossy: Uint8Array[] = []
  readonly paths: string[] = []
  readonly opened: Promise<void>
  readonly closed: Promise<string>
  /** What signalling carries to the other end; the test may hold it back or reorder it. */
  carry: (body: string) => void = (body) => this.held.push(body)
  readonly held: string[] = []
  /** What a restart is told when it asks. */
  iceServers: RTCIceServer[] = []
  restartsWithOld = 0
  onDrain: () => void = () => {}

  constructor(role: { initiator: boolean; polite: boolean }) {
    let opened: () => void = () => {}
    let closed: (why: string) => void = () => {}
    this.opened = new Promise((resolve) => (opened = resolve))
    this.closed = new Promise((resolve) => (closed = resolve))
    const servers = new IceServers({
      own: async () => this.iceServers,
      given: async () => [],
      clock: systemClock,
      onKept: () => void this.restartsWithOld++,
    })
    const events: LinkEvents = {
      onSignal: (body) => this.carry(body),
      onOpen: () => opened(),
      onMessage: (bytes) => void this.received.push(bytes),
      onLossy: (bytes) => void this.lossy.push(bytes),
      onDrain: () => this.onDrain(),
      onPath: (path) => void this.paths.push(path),
      onTrouble: () => {},
      onClosed: (why) => closed(why),
    }
    this.link = nativeLinks().open({
      ...role,
      link: 'AAAAAAAAAAAAAAAA',
      at: { peer: 'other', session: 'other' },
      iceServers: [],
      renewIceServers: (use) => servers.renew(use),
      iceTransportPolicy: 'all',
      clock: systemClock,
      events,
    })
    ends.push(this)
  }
}

const ends: End[] = []

function pair(): [End, End] {
  return [new End({ initiator: true, polite: true }), new End({ initiator: false, polite: false })]
}

function wire(a: End, b: End): void {
  a.carry = (body) => b.link.signal(body)
  b.carry = (body) => a.link.signal(body)
}

/** Every connection made during the test, oldest first. */
function observedConnections(): RTCPeerConnection[] {
  const made: RTCPeerConnection[] = []
  const Native = globalThis.RTCPeerConnection
  vi.stubGlobal(
    'RTCPeerConnection',
    class extends Native {
      constructor(configuration?: RTCConfiguration) {
        super(configuration)
        made.push(this)
      }
    },
  )
  return made
}

async function eventually(holds: () => boolean): Promise<void> {
  for (const start = systemClock.now(); !holds();) {
    if (systemClock.now() - start > 10_000) throw new Error('it did not come to pass within 10 s')
    await sleep(systemClock, 5)
  }
}

/** The second channel may open a little after the first. */
async function lossyOpen(from: End, to: End): Promise<void> {
  await eventually(() => from.link.sendLossy?.(Uint8Array.of(0)) === true)
  await eventually(() => to.lossy.length > 0)
  to.lossy.length = 0
}

describe('native links', () => {
  afterEach(async () => {
    vi.unstubAllGlobals()
    await Promise.all(ends.splice(0).map(({ link }) => link.close()))
  })

  it('[RTC-30] both ends open one channel and see the same certificates', async () => {
    const [a, b] = pair()
    wire(a, b)
    await Promise.all([a.opened, b.opened])
    expect(a.link.fingerprints().local).toEqual(b.link.fingerprints().remote)
    expect(a.link.fingerprints().remote).toEqual(b.link.fingerprints().local)
    expect(a.link.fingerprints().local[0]).toMatch(/^sha-256 [0-9A-F:]{95}$/)
    expect(a.link.fingerprints().local).not.toEqual(a.link.fingerprints().remote)
  })

  it('[RTC-31] candidates that come before the description are kept until it is there', async () => {
    const [a, b] = pair()
    await eventually(() => a.held.some((body) => body.includes('"end"')))
    const isDescription = (body: string): boolean => /"type":"(offer|answer)"/.test(body)
    for (const body of a.held.filter((text) => !isDescription(text))) b.link.signal(body)
    await sleep(systemClock, 50)
    for (const body of a.held.filter(isDescription)) b.link.signal(body)
    await eventually(() => b.held.some((body) => body.includes('"end"')))
    // Without its candidates the answering end has only those of the other to go by.
    for (const body of b.held.filter(isDescription)) {
      expect(body).not.toContain('a=candidate')
      a.link.signal(body)
    }
    await Promise.all([a.opened, b.opened])
  })

  it('[RTC-32] when both ends offer at once, one yields and the link stands', async () => {
    const [a, b] = [new End({ initiator: true, polite: true }), new End({ initiator: true, polite: false })]
    await eventually(() => a.held.length > 0 && b.held.length > 0)
    const [fromA, fromB] = [a.held.slice(), b.held.slice()]
    wire(a, b)
    for (const body of fromA) b.link.signal(body)
    for (const body of fromB) a.link.signal(body)
    await Promise.all([a.opened, b.opened])
  })

  it('[RTC-33] a restart, even from both ends at once, loses and doubles nothing', async () => {
    const [a, b] = pair()
    wire(a, b)
    await Promise.all([a.opened, b.opened])
    const offers = { a: 0, b: 0 }
    a.carry = (body) => {
      if (body.includes('"offer"')) offers.a++
      b.link.signal(body)
    }
    b.carry = (body) => {
      if (body.includes('"offer"')) offers.b++
      a.link.signal(body)
    }
    for (let i = 0; i < 100; i++) {
      a.link.send(Uint8Array.of(i))
      if (i === 20) a.link.restart?.()
      if (i === 20) b.link.restart?.()
      await sleep(systemClock, 2)
    }
    await eventually(() => b.received.length >= 100)
    expect(b.received.map(([i]) => i)).toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect(offers.a + offers.b).toBeGreaterThan(0)
  })

  it('[RTC-60] ICE servers are asked for again at both ends of a restart, before either looks for a path', async () => {
    const connections = observedConnections()
    const [a, b] = pair()
    wire(a, b)
    await Promise.all([a.opened, b.opened])
    const said: string[] = []
    const note = (index: number, body: string): void => {
      const [, type] = /"type":"(offer|answer)"/.exec(body) ?? []
      const servers = connections[index]?.getConfiguration().iceServers ?? []
      if (type !== undefined) said.push(`${type} with ${servers.map(({ urls }) => String(urls)).join()}`)
    }
    a.carry = (body) => {
      note(0, body)
      b.link.signal(body)
    }
    b.carry = (body) => {
      note(1, body)
      a.link.signal(body)
    }
    a.iceServers = [{ urls: 'stun:127.0.0.1:49152' }]
    b.iceServers = [{ urls: 'stun:127.0.0.1:49153' }]
    a.link.restart?.()
    a.link.restart?.()
    await eventually(() => said.length >= 2)
    expect(said).toEqual(['offer with stun:127.0.0.1:49152', 'answer with stun:127.0.0.1:49153'])
    expect([a.restartsWithOld, b.restartsWithOld]).toEqual([0, 0])
    a.link.send(Uint8Array.of(1))
    await eventually(() => b.received.length === 1)
  })

  it('[RTC-60] a restart goes on with the former servers where the engine does not take the new ones', async () => {
    const connections = observedConnections()
    const [a, b] = pair()
    wire(a, b)
    await Promise.all([a.opened, b.opened])
    const offered = new Promise<void>((resolve) => {
      a.carry = (body) => {
        if (body.includes('"offer"')) resolve()
        b.link.signal(body)
      }
    })
    a.iceServers = [{ urls: 'turn:turn.example' }]
    a.link.restart?.()
    await offered
    expect(a.restartsWithOld).toBe(1)
    expect(connections[0]?.getConfiguration().iceServers).toEqual([])
  })

  it('[RTC-27] an open link whose path has failed is interrupted, and goes on where a restart finds another', async () => {
    const connections = observedConnections()
    const [a, b] = pair()
    wire(a, b)
    await Promise.all([a.opened, b.opened])
    await eventually(() => connections[0]?.connectionState === 'connected')
    const connection = connections[0] as RTCPeerConnection
    let state: RTCPeerConnectionState = 'failed'
    Object.defineProperty(connection, 'connectionState', { get: () => state })
    // Firefox does not deliver this event where a page dispatches it.
    const tell = (): void => connection.onconnectionstatechange?.(new Event('connectionstatechange'))
    tell()
    a.link.restart?.()
    state = 'connected'
    tell()
    expect(a.paths).toEqual(['interrupted', 'connected'])
    a.link.send(Uint8Array.of(1))
    await eventually(() => b.received.length === 1)
  })

  it('[RTC-34] a later description with another certificate is not taken', async () => {
    const [a, b] = pair()
    wire(a, b)
    await Promise.all([a.opened, b.opened])
    const before = b.link.fingerprints()
    const stranger = new End({ initiator: true, polite: true })
    await eventually(() => stranger.held.length > 0)
    for (const body of stranger.held) b.link.signal(body)
    await sleep(systemClock, 100)
    expect(b.link.fingerprints()).toEqual(before)
    a.link.send(Uint8Array.of(1))
    await eventually(() => b.received.length === 1)
  })

  it('[RTC-35] signals that are none are dropped', async () => {
    const [a, b] = pair()
    await eventually(() => a.held.length > 0)
    for (const body of [
      '',
      '{',
      'null',
      '[]',
      '{"type":"rollback"}',
      '{"type":"candidate"}',
      '{"type":"candidate","candidate":"x"}',
    ]) {
      a.link.signal(body)
    }
    const early = a.held.slice()
    wire(a, b)
    for (const body of early) b.link.signal(body)
    await Promise.all([a.opened, b.opened])
    a.link.signal('{"type":"answer","sdp":"v=0"}')
    a.link.signal('{"type":"offer","sdp":"v=0"}')
    a.link.send(Uint8Array.of(1))
    await eventually(() => b.received.length === 1)
  })

  it('[RTC-35] a description that cannot be used ends a link that is being made, at once', async () => {
    const [a] = pair()
    await eventually(() => a.held.length > 0)
    a.link.signal('{"type":"answer","sdp":"v=0"}')
    expect(await a.closed).toContain('cannot be used')
  })

  it('[RTC-36] what was sent before a close arrives, and the other end learns of it', async () => {
    const [a, b] = pair()
    wire(a, b)
    await Promise.all([a.opened, b.opened])
    const message = new Uint8Array(65_536)
    for (let i = 0; i < 16; i++) a.link.send(message)
    await a.link.close()
    await b.closed
    expect(b.received.length).toBe(16)
  })

  it('[RTC-50] a lossy message passes what the first channel has queued', async () => {
    const [a, b] = pair()
    wire(a, b)
    await Promise.all([a.opened, b.opened])
    await lossyOpen(a, b)
    const message = new Uint8Array(65_536)
    for (let i = 0; i < 64; i++) a.link.send(message)
    expect(a.link.sendLossy?.(Uint8Array.of(7))).toBe(true)
    await eventually(() => b.lossy.length > 0)
    expect(b.received.length).toBeLessThan(64)
    expect(b.lossy).toEqual([Uint8Array.of(7)])
    await eventually(() => b.received.length === 64)
  })

  it('[RTC-50] both channels close together, and nothing comes or goes afterwards', async () => {
    const [a, b] = pair()
    wire(a, b)
    await Promise.all([a.opened, b.opened])
    await a.link.close()
    await b.closed
    for (const { link } of [a, b]) expect(link.sendLossy?.(Uint8Array.of(1))).toBe(false)
  })

  it('[RTC-52] more than the mark is not queued for the lossy channel', async () => {
    const [a, b] = pair()
    wire(a, b)
    await Promise.all([a.opened, b.opened])
    await lossyOpen(a, b)
    const taken = Array.from({ length: 200 }, () => a.link.sendLossy?.(new Uint8Array(16_384)))
    expect(taken.slice(0, 2)).toEqual([true, true])
    expect(taken).toContain(false)
  })

  it('[RTC-37] falling under the mark is reported, whatever the mark', async () => {
    const [a, b] = pair()
    wire(a, b)
    await Promise.all([a.opened, b.opened])
    for (const mark of [65_536, 0]) {
      a.link.drainMarkBytes = mark
      const drained = new Promise<void>((resolve) => (a.onDrain = resolve))
      a.link.send(new Uint8Array(HIGH_WATER_BYTES / 2))
      a.link.send(new Uint8Array(HIGH_WATER_BYTES / 2))
      await drained
      expect(a.link.bufferedAmount).toBeLessThanOrEqual(mark)
    }
  })
})
