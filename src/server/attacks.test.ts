import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { startSignalServer, type SignalServer, type SignalServerOptions } from './index.ts'

vi.setConfig({ testTimeout: 60_000 })
const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 30_000, interval: 10 })

const UPGRADE =
  'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n'

async function serve(options: SignalServerOptions = {}): Promise<SignalServer> {
  const server = await startSignalServer(options)
  onTestFinished(() => server.close({ abrupt: true }))
  return server
}

/** A socket that says what it is told to, and whether the server has let go of it. */
async function raw(server: SignalServer): Promise<{ socket: Socket; said: () => string; gone: () => boolean }> {
  const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  let said = ''
  let gone = false
  socket.on('data', (bytes) => (said += bytes.toString('latin1')))
  socket.on('error', () => {})
  for (const event of ['end', 'close']) socket.on(event, () => (gone = true))
  await new Promise((resolve) => socket.once('connect', resolve))
  return { socket, said: () => said, gone: () => gone }
}

/** The header of a masked text frame under the mask 0, as a client sends it. */
function header(length: number, { last = true, opcode = 1, compressed = false } = {}): Buffer {
  const first = (last ? 0x80 : 0) | (compressed ? 0x40 : 0) | opcode
  const head = Buffer.alloc(14)
  head.writeUInt8(first, 0)
  head.writeUInt8(0x80 | 127, 1)
  head.writeBigUInt64BE(BigInt(length), 2)
  return head
}

async function guest(server: SignalServer, address = '127.0.0.1'): Promise<{ socket: WebSocket; codes: string[] }> {
  const socket = new WebSocket(server.url, { headers: { 'x-forwarded-for': address } })
  const codes: string[] = []
  socket.on('error', () => {})
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as { type: string; code?: string }
    codes.push(message.code ?? message.type)
  })
  onTestFinished(() => socket.terminate())
  await new Promise((resolve) => socket.once('open', resolve))
  return { socket, codes }
}

async function stillServes(server: SignalServer): Promise<void> {
  const { socket, codes } = await guest(server, '192.0.2.200')
  socket.send(JSON.stringify(attach('oak')))
  await eventually(() => expect(codes).toEqual(['attached']))
}

function attach(room: string, create = 'if-missing'): object {
  return { type: 'attach', version: 1, room, peer: 'eve', session: '1', sessionSecret: 'sixteen characters', create }
}

describe('a server under attack', () => {
  it('[ATTACK-1] half a handshake, byte by byte or left lying, is cut off', async () => {
    const server = await serve({ handshakeTimeoutMs: 300 })
    const silent = await raw(server)
    const half = await raw(server)
    half.socket.write(UPGRADE)
    const slow = await raw(server)
    slow.socket.write('GET / HTTP/1.1\r\n')
    const drip = setInterval(() => slow.socket.write('x: y\r\n'), 50)
    onTestFinished(() => clearInterval(drip))
    await eventually(() => expect([silent.gone(), half.gone(), slow.gone()]).toEqual([true, true, true]))
    await stillServes(server)
  })

  it('[ATTACK-2] half a frame left lying is cut off like any silence', async () => {
    const server = await serve({ limits: { attachTimeoutMs: 300 } })
    const half = await raw(server)
    half.socket.write(`${UPGRADE}\r\n`)
    half.socket.write(header(1_000))
    half.socket.write('{"type":')
    await eventually(() => expect(half.said()).toMatch(/attach-timeout/))
    await eventually(() => expect(half.gone()).toBe(true))
    await eventually(() => expect(server.size.connections).toBe(0))
  })

  it('[ATTACK-3] a giant frame is refused by its header, whole or in pieces', async () => {
    const server = await serve()
    const giant = await raw(server)
    giant.socket.write(`${UPGRADE}\r\n`)
    giant.socket.write(header(2 ** 40))
    await eventually(() => expect(giant.gone()).toBe(true))
    // 1009, big-endian, in a close frame.
    expect(giant.said()).toContain('\u0003\u00f1')
    const pieces = await raw(server)
    pieces.socket.write(`${UPGRADE}\r\n`)
    for (let i = 0; i < 5; i++) {
      pieces.socket.write(
        Buffer.concat([header(60_000, { last: false, opcode: i === 0 ? 1 : 0 }), Buffer.alloc(60_000)]),
      )
    }
    await eventually(() => expect(pieces.said()).toContain('\u0003\u00f1'))
    await stillServes(server)
  })

  it('[ATTACK-4] nothing compressed is agreed to, or taken', async () => {
    const server = await serve()
    const bomb = await raw(server)
    bomb.socket.write(`${UPGRADE}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n`)
    await eventually(() => expect(bomb.said()).toMatch(/101 Switching/))
    expect(bomb.said()).not.toMatch(/extensions/i)
    bomb.socket.write(Buffer.concat([header(4, { compressed: true }), Buffer.alloc(4)]))
    await eventually(() => expect(bomb.gone()).toBe(true))
    await stillServes(server)
  })

  it('[ATTACK-5] many sockets of one address are turned away, and another address gets in', async () => {
    const server = await serve({ trustedHops: 1, limits: { maxConnectionsPerAddress: 5 } })
    const many = await Promise.all(Array.from({ length: 20 }, () => guest(server, '192.0.2.1')))
    await eventually(() => expect(many.filter(({ codes }) => codes.includes('too-many-connections'))).toHaveLength(15))
    await eventually(() => expect(server.size.connections).toBe(5))
    await stillServes(server)
  })

  it('[ATTACK-6] who guesses rooms is slowed down, whether they are there or not', async () => {
    const server = await serve({ trustedHops: 1, limits: { burstAttaches: 10, attachesPerSecond: 1 } })
    const { socket, codes } = await guest(server, '192.0.2.1')
    for (let i = 0; i < 50; i++) socket.send(JSON.stringify(attach(`guess ${i}`, 'no')))
    await eventually(() => expect(codes).toHaveLength(50))
    const guesses = codes.filter((code) => code === 'room-not-found').length
    expect(guesses).toBeGreaterThanOrEqual(10)
    expect(guesses).toBeLessThan(20)
    await stillServes(server)
  })

  it('[ATTACK-7] a half-open socket does not outlive its silence', async () => {
    const server = await serve({ limits: { idleTimeoutMs: 600 } })
    const half = await raw(server)
    const text = Buffer.from(JSON.stringify(attach('oak')))
    half.socket.write(Buffer.concat([Buffer.from(`${UPGRADE}\r\n`), header(text.length), text]))
    await eventually(() => expect(half.said()).toMatch(/attached/))
    half.socket.pause()
    await eventually(() => expect(server.size).toEqual({ connections: 0, rooms: 0 }))
  })

  it('[ATTACK-8] deep and wide JSON is an error like any other', async () => {
    const server = await serve({ limits: { maxMessageBytes: 1_048_576 } })
    const { socket, codes } = await guest(server)
    socket.send('['.repeat(1_000_000))
    socket.send(`{"type":"ping","x":${'['.repeat(400_000)}${']'.repeat(400_000)}}`)
    socket.send(`{${Array.from({ length: 50_000 }, (_, i) => `"k${i}":1`).join(',')}}`)
    socket.send('{"type":"ping"}')
    await eventually(() => expect(codes.at(-1)).toBe('pong'))
    expect(codes[0]).toBe('malformed')
    await stillServes(server)
  })
})
