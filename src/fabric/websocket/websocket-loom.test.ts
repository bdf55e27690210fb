import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { fromUtf8, utf8 } from '../../base/bytes.ts'
import { SignalingUnavailableError } from '../../base/errors.ts'
import { until } from '../../base/observable.ts'
import type { Seam } from '../../seam/contract.ts'
import { startSignalServer, type SignalServer, type SignalServerOptions } from '../../server/index.ts'
import { seededRandom } from '../../sim/seeded-random.ts'
import { VirtualClock } from '../../sim/virtual-clock.ts'
import { VirtualSignalServers } from '../../mesh/test-support/virtual-signal-servers.ts'
import { SignalTag, WebSocketLoom } from './index.ts'

vi.setConfig({ testTimeout: 30_000 })

const ROOM = new SignalTag({ room: 'oak' })
const OAK = { sessionName: 'oak', roomKey: 'oak' }

async function serving(options: SignalServerOptions = {}): Promise<SignalServer> {
  const server = await startSignalServer(options)
  onTestFinished(() => server.close())
  return server
}

async function next(seam: Seam): Promise<string> {
  const { value } = await seam.incoming[Symbol.asyncIterator]().next()
  return fromUtf8(value?.payload ?? new Uint8Array())
}

describe('WebSocketLoom', () => {
  it('[WS-1] the server sees nothing of what peers say to each other', async () => {
    const server = await serving()
    const passed: string[] = []
    class Tapped extends WebSocket {
      override send(data: unknown): void {
        passed.push(typeof data === 'string' ? data : Buffer.from(data as Uint8Array).toString('latin1'))
        super.send(data as Uint8Array)
      }
    }
    const loom = new WebSocketLoom({ app: 'tests', servers: [server.url], WebSocket: Tapped })
    await using a = await loom.host(OAK)
    const other = new WebSocketLoom({ app: 'tests', servers: [server.url], WebSocket: Tapped })
    await using b = await other.join(ROOM)
    await until(a.peers, (peers) => peers.size === 2)
    await a.broadcast(utf8('a secret that is a secret'))
    expect(await next(b)).toBe('a secret that is a secret')
    expect(passed.length).toBeGreaterThan(6)
    expect(passed.filter((frame) => frame.includes('secret that'))).toEqual([])
    expect(server.relayed.frames).toBeGreaterThan(4)
  })

  it('[WS-2] a server that does not relay is of no use, and leaves nothing open', async () => {
    const server = await serving({ relay: false })
    const loom = new WebSocketLoom({ app: 'tests', servers: [server.url], WebSocket })
    await expect(loom.host(OAK)).rejects.toThrow(SignalingUnavailableError)
    await vi.waitFor(() => expect(server.size).toEqual({ connections: 0, rooms: 0 }), { timeout: 10_000 })
  })

  it('[WS-3] where the platform has no WebSocket it is unavailable, and says what to pass', async () => {
    vi.stubGlobal('WebSocket', undefined)
    onTestFinished(() => void vi.unstubAllGlobals())
    const loom = new WebSocketLoom({ app: 'tests', servers: ['ws://127.0.0.1:1'] })
    expect(loom.availability()).toMatchObject({ kind: 'unavailable', reason: expect.stringContaining('package ws') })
    await expect(loom.host(OAK)).rejects.toThrow(TypeError)
  })

  it('[WS-4] what a seam sent before it closed arrives, its goodbye too; then the room is left', async () => {
    const clock = new VirtualClock()
    const servers = new VirtualSignalServers(clock, ['ws://one.example/'])
    const made = (): WebSocketLoom =>
      new WebSocketLoom({
        app: 'tests',
        servers: ['ws://one.example/'],
        WebSocket: servers.WebSocket,
        clock,
        random: seededRandom(3),
      })
    const a = await clock.run(made().host(OAK))
    const b = await clock.run(made().join(ROOM))
    await clock.run(until(a.peers, (peers) => peers.size === 2))
    const heard: string[] = []
    const reading = (async () => {
      for await (const { payload } of b.incoming) heard.push(`${payload.length}`)
    })()
    let taken = 0
    const sends = Array.from({ length: 10 }, (_, i) =>
      a.sendTo(b.selfId, new Uint8Array(50_000 + i)).then(
        () => void taken++,
        () => {},
      ),
    )
    await clock.run(a.close())
    await clock.run(until(b.peers, (peers) => peers.size === 1))
    await Promise.all(sends)
    expect(taken).toBeGreaterThan(3)
    expect(heard).toEqual(Array.from({ length: taken }, (_, i) => `${50_000 + i}`))
    await clock.run(b.close())
    await reading
    await clock.advance(10)
    expect(servers.openSockets).toBe(0)
    expect(clock.pendingTimers).toBe(0)
  })
})
