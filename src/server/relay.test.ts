import { expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { openAttachment, type Attachment } from '../signal/signal-client.ts'
import type { SignalSocketConstructor } from '../signal/signal-socket.ts'
import { startSignalServer, type SignalServer, type SignalServerOptions } from './index.ts'

vi.setConfig({ testTimeout: 30_000 })

const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 15_000, interval: 5 })

class Guest {
  readonly heard: string[] = []
  attachment!: Attachment

  static async enter(server: SignalServer, peer: string, Socket: SignalSocketConstructor = WebSocket): Promise<Guest> {
    const guest = new Guest()
    guest.attachment = await openAttachment({
      url: server.url,
      room: 'oak',
      peer,
      session: '1',
      sessionSecret: 'sixteen characters',
      create: 'if-missing',
      handlers: {
        onSignal: (_from, body) => guest.heard.push(body),
        onRelayed: (from, payload) => guest.heard.push(`${from.peer} ${payload.length} ${payload[0]}`),
      },
      WebSocket: Socket,
    })
    onTestFinished(() => guest.attachment.close())
    return guest
  }
}

async function serving(options: SignalServerOptions = {}): Promise<SignalServer> {
  const server = await startSignalServer(options)
  onTestFinished(() => server.close())
  return server
}

const toBob = { peer: 'bob', session: '1' }

it('[RELAY-1] [RELAY-5] bytes go through a real server, in order with signals', async () => {
  const server = await serving()
  const [ann, bob] = [await Guest.enter(server, 'ann'), await Guest.enter(server, 'bob')]
  expect(ann.attachment.maxRelayBytes).toBeGreaterThan(60_000)
  ann.attachment.relay(toBob, Uint8Array.of(7, 7))
  ann.attachment.send(toBob, 'hello')
  ann.attachment.relay(toBob, new Uint8Array(ann.attachment.maxRelayBytes).fill(8))
  await eventually(() => expect(bob.heard).toEqual(['ann 2 7', 'hello', `ann ${ann.attachment.maxRelayBytes} 8`]))
  expect(server.relayed).toMatchObject({ frames: 2, dropped: 0 })
})

it('[RELAY-5] a server that does not relay says so', async () => {
  const server = await serving({ relay: false })
  const ann = await Guest.enter(server, 'ann')
  expect(ann.attachment.maxRelayBytes).toBe(0)
})

it('[RELAY-3] over its rate a sender is held back, nothing is lost, and others go on meanwhile', async () => {
  const server = await serving({ limits: { relayBytesPerSecond: 400_000, relayBurstBytes: 50_000 } })
  const [ann, bob] = [await Guest.enter(server, 'ann'), await Guest.enter(server, 'bob')]
  const cyd = await Guest.enter(server, 'cyd')
  const started = performance.now()
  for (let i = 0; i < 6; i++) ann.attachment.relay(toBob, new Uint8Array(50_000).fill(i))
  ann.attachment.send(toBob, 'last')
  cyd.attachment.send(toBob, 'meanwhile')
  await eventually(() => expect(bob.heard).toContain('last'))
  // 300,000 bytes, less the burst and what one read of a socket may bring beyond it.
  expect(performance.now() - started).toBeGreaterThan(350)
  expect(bob.heard.filter((line) => line !== 'meanwhile')).toEqual([
    ...[0, 1, 2, 3, 4, 5].map((i) => `ann 50000 ${i}`),
    'last',
  ])
  expect(bob.heard.indexOf('meanwhile')).toBeLessThan(6)
})

it('[RELAY-4] who does not read loses what is relayed to it, and keeps its place', async () => {
  const server = await serving({ limits: { maxRelayUnreadBytes: 65_536, relayBurstBytes: 268_435_456 } })
  const opened: WebSocket[] = []
  class Kept extends WebSocket {
    constructor(url: string) {
      super(url)
      opened.push(this)
    }
  }
  const [ann, bob] = [await Guest.enter(server, 'ann'), await Guest.enter(server, 'bob', Kept)]
  opened[0]?.pause()
  const flood = setInterval(() => {
    for (let i = 0; i < 8; i++) ann.attachment.relay(toBob, new Uint8Array(60_000))
  }, 1)
  onTestFinished(() => clearInterval(flood))
  await eventually(() => expect(server.relayed.dropped).toBeGreaterThan(0))
  clearInterval(flood)
  opened[0]?.resume()
  ann.attachment.send(toBob, 'still here')
  await eventually(() => expect(bob.heard).toContain('still here'))
  expect(server.size.connections).toBe(2)
})
