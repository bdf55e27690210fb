import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { attachSignalling, startSignalServer, type SignalServer, type SignalServerOptions } from './index.ts'

// Real sockets on a machine that may be busy: what is waited for comes soon, or the test is wrong.
vi.setConfig({ testTimeout: 30_000 })
const eventually = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 15_000, interval: 10 })

async function server(options: SignalServerOptions = {}): Promise<SignalServer> {
  const started = await startSignalServer(options)
  onTestFinished(() => started.close())
  return started
}

interface Client {
  socket: WebSocket
  heard: { type: string; code?: string; [field: string]: unknown }[]
  /** The close code, once closed. */
  closed: Promise<number>
  say(message: object | string | Buffer): void
}

/** A bare `ws` client that writes down what it hears. */
async function client(url: string): Promise<Client> {
  const socket = new WebSocket(url)
  const heard: Client['heard'] = []
  socket.on('error', () => {})
  socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as Client['heard'][number]))
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  onTestFinished(() => socket.terminate())
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  const say = (message: object | string | Buffer): void => {
    socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message))
  }
  return { socket, heard, closed, say }
}

function attach(peer: string, room = 'oak'): object {
  return {
    type: 'attach',
    version: 1,
    room,
    peer,
    session: '1',
    sessionSecret: 'sixteen characters',
    create: 'if-missing',
  }
}

async function attached(url: string, peer: string, room?: string): Promise<Client> {
  const made = await client(url)
  made.say(attach(peer, room))
  await new Promise((resolve) => made.socket.once('message', resolve))
  expect(made.heard.map(({ type }) => type)).toContain('attached')
  return made
}

const codes = ({ heard }: Client): unknown[] => heard.flatMap(({ type, code }) => (type === 'error' ? [code] : []))

async function answersPing(one: Client): Promise<void> {
  const before = one.heard.filter(({ type }) => type === 'pong').length
  one.say({ type: 'ping' })
  await eventually(() => expect(one.heard.filter(({ type }) => type === 'pong')).toHaveLength(before + 1))
}

/** An upgrade to WebSocket as it stands on the wire, and what completes it. */
const UPGRADE = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
const UPGRADE_KEY = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n\r\n'

describe('startSignalServer', () => {
  it('[SERVER-1] names the address clients connect to, on the port asked for or any free one', async () => {
    const first = await server()
    expect(first.url).toBe(`ws://127.0.0.1:${first.port}`)
    expect(first.port).toBeGreaterThan(0)
    await first.close()
    const second = await server({ port: first.port, host: '0.0.0.0' })
    expect(second.url).toBe(`ws://localhost:${first.port}`)
    await attached(second.url, 'ann')
  })

  it('[SERVER-2] rejects where the port cannot be had', async () => {
    const { port } = await server()
    await expect(startSignalServer({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await expect(startSignalServer({ host: '203.0.113.1' })).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
    await expect(startSignalServer({ limits: { maxRooms: 0 } })).rejects.toThrow(RangeError)
  })

  it('[SERVER-3] close says goodbye to everybody, frees the port and resolves with nothing left', async () => {
    const home = await startSignalServer()
    const ann = await attached(home.url, 'ann')
    const bob = await attached(home.url, 'bob')
    const keptAlive = await fetch(home.url.replace('ws', 'http'))
    expect(keptAlive.status).toBe(426)
    await Promise.all([home.close(), home.close()])
    expect([await ann.closed, await bob.closed]).toEqual([1001, 1001])
    expect([codes(ann), codes(bob)]).toEqual([['shutting-down'], ['shutting-down']])
    expect(bob.heard.map(({ type }) => type)).not.toContain('left')
    await expect(client(home.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(home.size).toEqual({ connections: 0, rooms: 0 })
  })

  it('[SERVER-3] a client that never answers the close does not hold it up', async () => {
    const home = await startSignalServer()
    const mute = await client(home.url)
    mute.socket.pause()
    await home.close()
  })

  it('[SERVER-3] an abrupt close does not wait for one that is under way', async () => {
    const home = await startSignalServer()
    const mute = await client(home.url)
    mute.socket.pause()
    // The moment that a close grants its clients never passes.
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const closing = home.close()
    await home.close({ abrupt: true })
    await closing
    expect(home.size).toEqual({ connections: 0, rooms: 0 })
  })

  it('[SERVER-3] who comes while it closes is refused, and cannot hold it up by staying', async () => {
    const home = await startSignalServer()
    const late = connect({ port: home.port, host: '127.0.0.1', allowHalfOpen: true })
    onTestFinished(() => void late.destroy())
    let answer = ''
    late.on('error', () => {}).on('data', (bytes) => (answer += String(bytes)))
    await new Promise((resolve) => late.once('connect', resolve))
    const mute = await client(home.url)
    mute.socket.pause()
    const closing = home.close()
    late.write(`${UPGRADE}${UPGRADE_KEY}`)
    await closing
    expect(answer).toMatch(/^HTTP\/1\.1 503 /)
  })

  it('[SERVER-3] an abrupt close cuts every connection without a word', async () => {
    const home = await startSignalServer()
    const ann = await attached(home.url, 'ann')
    await home.close({ abrupt: true })
    expect(await ann.closed).toBe(1006)
    expect(codes(ann)).toEqual([])
  })

  it('[SERVER-4] garbage of every kind gets an error or a close, and others notice nothing', async () => {
    const { url, port } = await server()
    const ann = await attached(url, 'ann')
    const vandal = await client(url)
    for (const junk of ['', 'hello', '{"type":"sudo"}', '\u0000', Buffer.from([0xff, 0xfe])]) vandal.say(junk)
    await eventually(() => expect(codes(vandal)).toEqual(Array(5).fill('malformed')))
    await answersPing(vandal)

    // Below WebSocket: not HTTP, an upgrade to something else, a frame that breaks RFC 6455, a torn handshake.
    const torn = ['\u0000\u0001\u0002', `${UPGRADE}\r\n`, UPGRADE, `${UPGRADE}${UPGRADE_KEY}\u00ff\u00ff\u00ff\u00ff`]
    for (const bytes of torn) {
      const raw = connect(port, '127.0.0.1')
      raw.on('error', () => {}).resume()
      raw.end(Buffer.from(bytes, 'latin1'))
      await new Promise((resolve) => raw.once('close', resolve))
    }
    await answersPing(ann)
  })

  it('[SERVER-4] who breaks WebSocket and stays on the line is soon gone for the room', async () => {
    const { url, port } = await server()
    const ann = await attached(url, 'ann')
    const vandal = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    onTestFinished(() => void vandal.destroy())
    vandal.on('error', () => {}).resume()
    const masked = (opcode: number, text: string): Buffer => {
      const payload = Buffer.from(text)
      return Buffer.concat([Buffer.from([0x80 | opcode, 0xfe, 0, payload.length, 0, 0, 0, 0]), payload])
    }
    vandal.write(`${UPGRADE}${UPGRADE_KEY}`)
    vandal.write(masked(1, JSON.stringify(attach('bob'))))
    await eventually(() => expect(ann.heard.at(-1)).toMatchObject({ type: 'joined' }))
    vandal.write(masked(7, 'no such opcode'.repeat(10)))
    await eventually(() => expect(ann.heard.at(-1)).toEqual({ type: 'left', peer: 'bob', session: '1', why: 'lost' }))
  })

  it('[SERVER-5] a frame over maxMessageBytes gets an error and the connection goes on', async () => {
    const { url } = await server({ limits: { maxMessageBytes: 1_000 } })
    const ann = await attached(url, 'ann')
    ann.say('x'.repeat(1_001))
    await eventually(() => expect(codes(ann)).toEqual(['message-too-large']))
    await answersPing(ann)
  })

  it('[SERVER-5] one that is far over it is not even read: the connection is closed with 1009', async () => {
    const { url } = await server({ limits: { maxMessageBytes: 1_000 } })
    const ann = await attached(url, 'ann')
    const bob = await attached(url, 'bob')
    ann.say('x'.repeat(1_000_000))
    expect(await ann.closed).toBe(1009)
    await eventually(() => expect(bob.heard.at(-1)).toEqual({ type: 'left', peer: 'ann', session: '1', why: 'lost' }))
  })

  it('[SERVER-6] a flood is refused and then cut off, and others go on', async () => {
    const { url } = await server({ limits: { maxMessagesPerSecond: 1, burstMessages: 50 } })
    const ann = await attached(url, 'ann')
    const flooder = await client(url)
    for (let i = 0; i < 200; i++) flooder.say({ type: 'ping' })
    expect(await flooder.closed).toBe(1008)
    expect(codes(flooder)).toContain('rate-exceeded')
    await answersPing(ann)
  })

  it('[SERVER-7] connections, rooms and peers over their limits are told which', async () => {
    const { url } = await server({ limits: { maxConnections: 4, maxRooms: 1, maxPeersPerRoom: 2 } })
    const ann = await attached(url, 'ann')
    await attached(url, 'bob')
    const cyd = await client(url)
    cyd.say(attach('cyd'))
    cyd.say(attach('cyd', 'ash'))
    await eventually(() => expect(codes(cyd)).toEqual(['room-full', 'too-many-rooms']))
    await client(url)
    const fifth = await client(url)
    expect(await fifth.closed).toBe(1013)
    expect(codes(fifth)).toEqual(['too-many-connections'])
    await answersPing(ann)
  })

  it('[SERVER-8] who answers pings stays, however quiet; whose answers stop is let go, and the room hears it', async () => {
    const { url } = await server({ limits: { idleTimeoutMs: 900 } })
    const quiet = await attached(url, 'ann')
    const frozen = await attached(url, 'bob')
    frozen.socket.pause()
    await eventually(() => expect(quiet.heard.at(-1)).toEqual({ type: 'left', peer: 'bob', session: '1', why: 'lost' }))
    expect(quiet.socket.readyState).toBe(WebSocket.OPEN)
  })

  it('[SERVER-9] who does not read is cut off rather than buffered for', async () => {
    const { url } = await server({ limits: { maxUnreadBytes: 100_000, burstMessages: 100_000 } })
    const ann = await attached(url, 'ann')
    const deaf = await attached(url, 'bob')
    deaf.socket.pause()
    const signal = { type: 'signal', to: { peer: 'bob', session: '1' }, body: 'x'.repeat(60_000) }
    await eventually(() => {
      for (let i = 0; i < 50; i++) ann.say(signal)
      expect(ann.heard.at(-1)).toEqual({ type: 'left', peer: 'bob', session: '1', why: 'lost' })
    })
  })

  it('[SERVER-10] holds many rooms, and forgets them all', async () => {
    const home = await server()
    const rooms = Array.from({ length: 50 }, (_, i) => `room ${i}`)
    const pairs = await Promise.all(
      rooms.map(
        async (room) => [await attached(home.url, 'ann', room), await attached(home.url, 'bob', room)] as const,
      ),
    )
    expect(home.size).toEqual({ connections: 100, rooms: 50 })
    pairs.forEach(([, bob], i) => bob.say({ type: 'signal', to: { peer: 'ann', session: '1' }, body: `for room ${i}` }))
    await eventually(() => {
      pairs.forEach(([ann], i) => {
        expect(ann.heard.filter(({ type }) => type === 'signal')).toEqual([
          { type: 'signal', from: { peer: 'bob', session: '1' }, body: `for room ${i}` },
        ])
      })
    })
    for (const [ann, bob] of pairs) {
      ann.socket.close()
      bob.socket.terminate()
    }
    await eventually(() => expect(home.size).toEqual({ connections: 0, rooms: 0 }))
  })
})

describe('attachSignalling', () => {
  async function http(): Promise<{ http: Server; url: string }> {
    const made = createServer((_request, response) => response.end('the page'))
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      made.closeAllConnections()
      made.close()
    })
    return { http: made, url: `ws://127.0.0.1:${(made.address() as AddressInfo).port}` }
  }

  it('[SERVER-11] answers at its path, whatever the query, and leaves other paths to others', async () => {
    const { http: owner, url } = await http()
    const attachedTo = attachSignalling(owner, { path: '/signal' })
    const others = vi.fn()
    owner.on('upgrade', (request, socket) => {
      if (request.url?.startsWith('/signal') === true && request.url !== '/signals') return
      others(request.url)
      socket.destroy()
    })
    await attached(`${url}/signal`, 'ann')
    await attached(`${url}/signal?x=1`, 'bob')
    await expect(client(`${url}/signals`)).rejects.toThrow()
    expect(others.mock.calls).toEqual([['/signals']])
    expect(attachedTo.size).toEqual({ connections: 2, rooms: 1 })
    expect(await (await fetch(url.replace('ws', 'http'))).text()).toBe('the page')
  })

  it('[SERVER-11] where nobody else takes upgrades, one to another path is refused and its socket let go', async () => {
    const { http: owner, url } = await http()
    attachSignalling(owner, { path: '/signal' })
    await expect(client(`${url}/elsewhere`)).rejects.toThrow(/404/)
    // What is left alone would stay without anybody to hear its errors, and a reset would end the process.
    const { port } = owner.address() as AddressInfo
    const raw = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const gone = new Promise((resolve) => owner.once('connection', (socket) => socket.once('close', resolve)))
    raw.on('error', () => {}).resume()
    raw.write(`${UPGRADE}${UPGRADE_KEY}`)
    await gone
    raw.destroy()
  })

  it('[SERVER-12] close lets go of the HTTP server, which goes on', async () => {
    const { http: owner, url } = await http()
    const attachedTo = attachSignalling(owner, { path: '/signal' })
    const ann = await attached(`${url}/signal`, 'ann')
    await attachedTo.close()
    expect(await ann.closed).toBe(1001)
    expect(owner.listenerCount('upgrade')).toBe(0)
    expect(await (await fetch(url.replace('ws', 'http'))).text()).toBe('the page')
  })

  it('[SERVER-12] it ends with the HTTP server', async () => {
    const { http: owner, url } = await http()
    const attachedTo = attachSignalling(owner, { path: '/signal' })
    const ann = await attached(`${url}/signal`, 'ann')
    const closed = new Promise((resolve) => owner.close(resolve))
    ann.socket.close()
    await closed
    expect(attachedTo.size).toEqual({ connections: 0, rooms: 0 })
    expect(owner.listenerCount('upgrade')).toBe(0)
  })

  it('[SERVER-11] a path without its slash is a RangeError', async () => {
    const { http: owner } = await http()
    expect(() => attachSignalling(owner, { path: 'signal' })).toThrow(RangeError)
  })
})
