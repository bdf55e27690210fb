import { beforeEach, describe, expect, it } from 'vitest'
import { SignalingUnavailableError } from '../base/errors.ts'
import { VirtualClock } from '../sim/index.ts'
import {
  ATTACH_TIMEOUT_MS,
  MAX_UNSENT_BYTES,
  openAttachment,
  PING_INTERVAL_MS,
  PONG_TIMEOUT_MS,
  PROBE_TIMEOUT_MS,
  type Attachment,
  type AttachmentHandlers,
} from './signal-client.ts'
import { SIGNAL_CLOSE } from './protocol.ts'
import type { SignalSocket } from './signal-socket.ts'

const ATTACHED = '{"type":"attached","version":1,"created":true,"maxPeers":8,"maxMessageBytes":65536,"peers":[]}'

/** The socket a test opened last. It does what it is told to, and never closes by itself. */
let socket: FakeSocket

const remember = (latest: FakeSocket): void => void (socket = latest)

class FakeSocket implements SignalSocket {
  binaryType = 'blob'
  bufferedAmount = 0
  closed = false
  closeCode: number | undefined
  readonly sent: { type: string }[] = []
  readonly #listeners = new Map<string, ((event: never) => void)[]>()

  constructor() {
    remember(this)
  }

  send(text: string): void {
    if (this.closed) throw new Error('sent after close')
    this.sent.push(JSON.parse(text) as { type: string })
  }

  close(code?: number): void {
    this.closed = true
    this.closeCode = code
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener])
  }

  emit(type: string, event: object = {}): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as never)
  }

  hear(data: string): void {
    this.emit('message', { data })
  }

  pings(): number {
    return this.sent.filter(({ type }) => type === 'ping').length
  }
}

let clock: VirtualClock
let lost: SignalingUnavailableError[]
beforeEach(() => {
  clock = new VirtualClock()
  lost = []
})

function open(handlers: AttachmentHandlers = { onLost: (reason) => lost.push(reason) }): Promise<Attachment> {
  return openAttachment({
    url: 'ws://signal.example',
    room: 'oak',
    peer: 'ann',
    session: '1',
    sessionSecret: 'sixteen characters',
    create: 'new',
    handlers,
    clock,
    WebSocket: FakeSocket,
  })
}

async function attached(): Promise<Attachment> {
  const opening = open()
  socket.emit('open')
  socket.hear(ATTACHED)
  return await opening
}

describe('the client and a silent server', () => {
  it('[SIGNAL-5] gives up after the timeout, however far the connection came; no timer, no socket left', async () => {
    for (const opened of [false, true]) {
      const opening = open()
      if (opened) socket.emit('open')
      await Promise.all([expect(opening).rejects.toThrow(SignalingUnavailableError), clock.advance(ATTACH_TIMEOUT_MS)])
      expect([socket.closed, clock.pendingTimers]).toEqual([true, 0])
    }
  })

  it('[SIGNAL-13] asks a quiet server for a sign of life, and goes on as long as it gives one', async () => {
    await attached()
    for (let asked = 1; asked <= 5; asked++) {
      await clock.advance(PING_INTERVAL_MS)
      expect(socket.pings()).toBe(asked)
      socket.hear('{"type":"pong"}')
    }
    expect(lost).toEqual([])
  })

  it('[SIGNAL-13] any message is a sign of life: a busy server is not asked', async () => {
    await attached()
    for (let i = 0; i < 10; i++) {
      await clock.advance(PING_INTERVAL_MS - 1)
      socket.hear(`{"type":"joined","peer":"bob","session":"${i}"}`)
    }
    expect(socket.pings()).toBe(0)
  })

  it('[SIGNAL-13] a server that gives none is lost within the stated bound, once; no timer, no socket left', async () => {
    await attached()
    await clock.advance(PING_INTERVAL_MS + PONG_TIMEOUT_MS - 1)
    expect(lost).toEqual([])
    await clock.advance(1)
    expect(lost).toEqual([expect.any(SignalingUnavailableError)])
    expect([socket.closed, clock.pendingTimers]).toEqual([true, 0])
    socket.emit('close', { code: 1006 })
    socket.hear('{"type":"pong"}')
    await clock.advance(60_000)
    expect(lost).toHaveLength(1)
  })

  it('[SIGNAL-17] a server that is given up on hears that the peer moves on, however late', async () => {
    const opening = open()
    socket.emit('open')
    await Promise.all([expect(opening).rejects.toThrow(SignalingUnavailableError), clock.advance(ATTACH_TIMEOUT_MS)])
    expect(socket.closeCode).toBe(SIGNAL_CLOSE.moved)
    await attached()
    await clock.advance(PING_INTERVAL_MS + PONG_TIMEOUT_MS)
    expect(socket.closeCode).toBe(SIGNAL_CLOSE.moved)
    const attachment = await attached()
    socket.hear('{"type":"error","code":"shutting-down","message":"later"}')
    expect(socket.closeCode).toBe(SIGNAL_CLOSE.moved)
    attachment.close()
    await attached().then((last) => last.close())
    expect(socket.closeCode).toBe(SIGNAL_CLOSE.normal)
  })

  it('[SIGNAL-14] after a freeze of the page the server is asked again before it counts as lost', async () => {
    const frozen = new FreezableClock()
    clock = frozen
    await attached()
    await clock.advance(PING_INTERVAL_MS)
    frozen.frozenMs = 600_000
    await clock.advance(PONG_TIMEOUT_MS)
    expect(lost).toEqual([])
    expect(socket.pings()).toBe(2)
    await clock.advance(PONG_TIMEOUT_MS)
    expect(lost).toHaveLength(1)
  })

  it('[SIGNAL-14] where every timer is late, as in a hidden tab, a silent server is lost at the second asking', async () => {
    const hidden = new FreezableClock()
    clock = hidden
    await attached()
    await clock.advance(PING_INTERVAL_MS)
    for (let late = 0; late < 2; late++) {
      hidden.frozenMs += 60_000
      await clock.advance(PONG_TIMEOUT_MS)
    }
    expect(socket.pings()).toBe(2)
    expect(lost).toHaveLength(1)
  })

  it('[SIGNAL-15] a server that takes nothing is lost once more than the bound waits unsent', async () => {
    const attachment = await attached()
    socket.bufferedAmount = MAX_UNSENT_BYTES
    attachment.send({ peer: 'bob', session: '1' }, 'offer')
    expect(lost).toEqual([])
    socket.bufferedAmount++
    attachment.send({ peer: 'bob', session: '1' }, 'offer')
    expect(lost).toHaveLength(1)
    expect([socket.closed, clock.pendingTimers]).toEqual([true, 0])
  })

  it('[SIGNAL-8] close says detach, and leaves no timer and no socket', async () => {
    const attachment = await attached()
    attachment.close()
    expect(socket.sent.map(({ type }) => type)).toEqual(['attach', 'detach'])
    expect([socket.closed, clock.pendingTimers, lost.length]).toEqual([true, 0, 0])
  })

  it('[SIGNAL-8] close on a socket that is gone already is no loss either', async () => {
    const attachment = await attached()
    socket.send = () => {
      throw new Error('InvalidStateError')
    }
    attachment.close()
    expect([clock.pendingTimers, lost.length]).toEqual([0, 0])
  })

  it("[SIGNAL-7] a closing server's last error is the reason of the loss", async () => {
    await attached()
    socket.hear('{"type":"error","code":"replaced","message":"attached again elsewhere"}')
    expect(lost).toEqual([])
    socket.emit('close', { code: 4001 })
    expect(lost.map(({ message }) => message)).toEqual([expect.stringContaining('attached again elsewhere')])
  })

  it('[SIGNAL-7] an error that the server went on after is not the reason of a later loss', async () => {
    await attached()
    socket.hear('{"type":"error","code":"rate-exceeded","message":"slow down"}')
    socket.hear('{"type":"joined","peer":"bob","session":"1"}')
    socket.emit('close', { code: 1006 })
    expect(lost.map(({ message }) => message)).toEqual([
      expect.stringMatching(/dropped the connection \(close code 1006/),
    ])
  })
})

describe('the client and a socket that fires several events at once', () => {
  it('[SIGNAL-1] who awaits the attachment has it before any handler runs', async () => {
    const order: string[] = []
    const opening = open({ onJoined: () => order.push('joined'), onLost: () => order.push('lost') })
    const waiting = opening.then(() => order.push('resolved'))
    socket.emit('open')
    socket.hear(ATTACHED)
    socket.hear('{"type":"joined","peer":"bob","session":"1"}')
    socket.emit('close', { code: 1006 })
    await waiting
    await clock.advance(0)
    expect(order).toEqual(['resolved', 'joined', 'lost'])
  })

  it('[SIGNAL-16] a probe asks at once, and a server that is silent is lost sooner than on a ping', async () => {
    const attachment = await attached()
    await clock.advance(3_000)
    attachment.probe?.()
    expect(socket.pings()).toBe(1)
    await clock.advance(PROBE_TIMEOUT_MS - 1)
    socket.hear('{"type":"pong"}')
    await clock.advance(PROBE_TIMEOUT_MS)
    expect([lost.length, socket.pings()]).toEqual([0, 1])
    attachment.probe?.()
    await clock.advance(PROBE_TIMEOUT_MS)
    expect(lost).toHaveLength(1)
    attachment.probe?.()
    expect(clock.pendingTimers).toBe(0)
  })

  it('[SIGNAL-16] the time that an answer took is told', async () => {
    const took: number[] = []
    const attaching = open({ onAnswered: (latencyMs) => took.push(latencyMs) })
    socket.emit('open')
    socket.hear(ATTACHED)
    const attachment = await attaching
    await clock.advance(PING_INTERVAL_MS + 70)
    socket.hear('{"type":"pong"}')
    expect(took).toEqual([70])
    attachment.close()
  })
})

/** Shows more time than its timers saw, as a page's clock does after a freeze. */
class FreezableClock extends VirtualClock {
  frozenMs = 0

  override now(): number {
    return super.now() + this.frozenMs
  }
}
