import { createServer } from 'node:net'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import {
  PayloadTooLargeError,
  RoomFullError,
  RoomNotFoundError,
  RoomTakenError,
  SignalingUnavailableError,
} from '../base/errors.ts'
import { startSignalServer, type SignalServer, type SignalServerOptions } from '../server/index.ts'
import { openAttachment, type Attachment, type AttachmentHandlers, type AttachOptions } from './signal-client.ts'
import type { SignalAddress } from './protocol.ts'

// Real sockets on a machine that may be busy: what is waited for comes soon, or the test is wrong.
vi.setConfig({ testTimeout: 30_000 })
const eventually = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 15_000, interval: 10 })

/** Every socket a test opens, so that it can show that none is left. */
const sockets = new Set<WebSocket>()

class CountedWebSocket extends WebSocket {
  constructor(url: string) {
    super(url)
    sockets.add(this)
    this.addEventListener('close', () => sockets.delete(this))
  }
}

// Registered first, so it runs last: after the test's own clean-up no socket may be left.
beforeEach(() => {
  onTestFinished(() => eventually(() => expect(sockets.size).toBe(0)))
})

async function server(options: SignalServerOptions = {}): Promise<SignalServer> {
  const started = await startSignalServer(options)
  onTestFinished(() => started.close())
  return started
}

interface Watched {
  attachment: Attachment
  log: string[]
  lost: SignalingUnavailableError[]
}

const name = ({ peer, session }: SignalAddress): string => `${peer}/${session}`

async function attach(url: string, options: Partial<AttachOptions> & { peer: string }): Promise<Watched> {
  const log: string[] = []
  const lost: SignalingUnavailableError[] = []
  const handlers: AttachmentHandlers = {
    onJoined: (peer) => log.push(`joined ${name(peer)}`),
    onLeft: (peer) => log.push(`left ${name(peer)}`),
    onSignal: (from, body) => log.push(`${name(from)}: ${body}`),
    onRefused: (code) => log.push(`refused ${code}`),
    onLost: (reason) => lost.push(reason),
  }
  const attachment = await openAttachment({ ...plain(url, options.peer), handlers, ...options })
  onTestFinished(() => attachment.close())
  return { attachment, log, lost }
}

function plain(url: string, peer: string): AttachOptions {
  return {
    url,
    peer,
    room: 'oak',
    session: '1',
    sessionSecret: `the secret of ${peer}`,
    create: 'if-missing',
    handlers: {},
    WebSocket: CountedWebSocket,
  }
}

describe('openAttachment', () => {
  it('[SIGNAL-1] resolves with who is there, and both hear of each other', async () => {
    const { url } = await server()
    const ann = await attach(url, { peer: 'ann' })
    expect(ann.attachment).toMatchObject({ url, peers: [], created: true, maxPeers: 64 })
    const bob = await attach(url, { peer: 'bob', create: 'no' })
    expect(bob.attachment).toMatchObject({ peers: [{ peer: 'ann', session: '1' }], created: false })
    bob.attachment.send({ peer: 'ann', session: '1' }, 'hello')
    await eventually(() => expect(ann.log).toEqual(['joined bob/1', 'bob/1: hello']))
    bob.attachment.close()
    await eventually(() => expect(ann.log).toContain('left bob/1'))
  })

  it('[SIGNAL-2] a room that is not there is RoomNotFoundError', async () => {
    const { url } = await server()
    await expect(attach(url, { peer: 'ann', create: 'no' })).rejects.toThrow(RoomNotFoundError)
  })

  it('[SIGNAL-3] a new room that exists is RoomTakenError', async () => {
    const { url } = await server()
    await attach(url, { peer: 'ann', create: 'new' })
    await expect(attach(url, { peer: 'bob', create: 'new' })).rejects.toThrow(RoomTakenError)
  })

  it('[SIGNAL-4] a full room is RoomFullError', async () => {
    const { url } = await server()
    await attach(url, { peer: 'ann', maxPeers: 1 })
    await expect(attach(url, { peer: 'bob' })).rejects.toThrow(RoomFullError)
  })

  it('[SIGNAL-5] nobody listening is SignalingUnavailableError', async () => {
    const { url, close } = await startSignalServer()
    await close()
    await expect(attach(url, { peer: 'ann' })).rejects.toThrow(SignalingUnavailableError)
  })

  it.each(['', 'not a url', 'ftp://127.0.0.1'])(
    '[SIGNAL-5] the address %j is SignalingUnavailableError',
    async (url) => {
      await expect(attach(url, { peer: 'ann' })).rejects.toThrow(SignalingUnavailableError)
    },
  )

  it('[SIGNAL-5] no error names the query of the address, which may hold a ticket', async () => {
    const { url, close } = await startSignalServer()
    const refused = (peer: string, options: Partial<AttachOptions> = {}): Promise<string> =>
      attach(`${url}?ticket=private`, { peer, ...options }).then(
        () => 'attached',
        (error: Error) => error.message,
      )
    expect(await refused('ann', { create: 'no' })).toContain(url)
    expect(await refused('ann', { create: 'no' })).not.toContain('private')
    await close()
    expect(await refused('ann')).toContain(url)
    expect(await refused('ann')).not.toContain('private')
  })

  it('[SIGNAL-5] a server that answers HTTP with something else is SignalingUnavailableError', async () => {
    const port = await rawServer((socket) => socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'))
    await expect(attach(`ws://127.0.0.1:${port}`, { peer: 'ann' })).rejects.toThrow(SignalingUnavailableError)
  })

  it('[SIGNAL-5] a server that accepts and says nothing is SignalingUnavailableError within the timeout', async () => {
    const port = await rawServer(() => {})
    const attaching = attach(`ws://127.0.0.1:${port}`, { peer: 'ann', timeoutMs: 50 })
    await expect(attaching).rejects.toThrow(/did not answer within 50 ms/)
  })

  it.each(['pig latin', '{}', '[]', '{"type":"pong"}', '{"type":"attached","version":1}', Buffer.from([1, 2])])(
    '[SIGNAL-5] a WebSocket server that answers %j is SignalingUnavailableError',
    async (answer) => {
      const url = await otherServer((socket) => socket.send(answer))
      await expect(attach(url, { peer: 'ann' })).rejects.toThrow(SignalingUnavailableError)
    },
  )

  it('[SIGNAL-6] an abort rejects with its reason: before, while connecting, while waiting for the answer', async () => {
    const reason = new Error('changed my mind')
    const { url } = await server()
    await expect(attach(url, { peer: 'ann', signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(sockets.size).toBe(0)

    const connecting = new AbortController()
    const first = attach(url, { peer: 'ann', signal: connecting.signal })
    connecting.abort(reason)
    await expect(first).rejects.toBe(reason)

    const waiting = new AbortController()
    const silent = await otherServer(() => waiting.abort(reason))
    await expect(attach(silent, { peer: 'ann', signal: waiting.signal })).rejects.toBe(reason)
  })

  it('[SIGNAL-6] an abort after the attaching changes nothing', async () => {
    const { url } = await server()
    const controller = new AbortController()
    const { attachment, lost } = await attach(url, { peer: 'ann', signal: controller.signal })
    controller.abort()
    const bob = await attach(url, { peer: 'bob' })
    attachment.send({ peer: 'bob', session: '1' }, 'still here')
    await eventually(() => expect(bob.log).toEqual(['ann/1: still here']))
    expect(lost).toEqual([])
  })

  it('[SIGNAL-7] a server that goes away is onLost, exactly once, and nothing after it', async () => {
    const home = await server()
    const { attachment, lost } = await attach(home.url, { peer: 'ann' })
    await home.close()
    await eventually(() => expect(lost).toHaveLength(1))
    expect(lost[0]).toBeInstanceOf(SignalingUnavailableError)
    expect(lost[0]?.message).toMatch(/shutting down/)
    attachment.send({ peer: 'bob', session: '1' }, 'anyone?')
    attachment.close()
    await eventually(() => expect(sockets.size).toBe(0))
    expect(lost).toHaveLength(1)
  })

  it('[SIGNAL-7] a connection cut without a word is onLost', async () => {
    const url = await otherServer((socket) => {
      socket.send(attached)
      setImmediate(() => socket.terminate())
    })
    const { lost } = await attach(url, { peer: 'ann' })
    await eventually(() => expect(lost.map((reason) => reason.message)).toEqual([expect.stringMatching(/dropped/)]))
  })

  it('[SIGNAL-8] close is not a loss, and no handler runs after it', async () => {
    const { url } = await server()
    const ann = await attach(url, { peer: 'ann' })
    ann.attachment.close()
    ann.attachment.close()
    await attach(url, { peer: 'bob' })
    await eventually(() => expect(sockets.size).toBe(1))
    expect(ann).toMatchObject({ log: [], lost: [] })
  })

  it('[SIGNAL-9] a frame that is none of the protocol is dropped and counted', async () => {
    const url = await otherServer((socket) => {
      socket.send(attached)
      for (const junk of ['', '{', '{"type":"joined"}', '{"type":"left","peer":7,"session":"1"}']) socket.send(junk)
      socket.send(attached)
      socket.send('{"type":"joined","peer":"bob","session":"1"}')
    })
    const { attachment, log, lost } = await attach(url, { peer: 'ann' })
    await eventually(() => expect(log).toEqual(['joined bob/1']))
    expect(attachment.malformed).toBe(5)
    expect(lost).toEqual([])
  })

  it("[SIGNAL-10] a body over the server's limit throws and sends nothing; the attachment goes on", async () => {
    const { url } = await server({ limits: { maxMessageBytes: 1_024 } })
    const ann = await attach(url, { peer: 'ann' })
    const bob = await attach(url, { peer: 'bob' })
    const to = { peer: 'bob', session: '1' }
    expect(() => ann.attachment.send(to, 'é'.repeat(600))).toThrow(PayloadTooLargeError)
    ann.attachment.send(to, 'é'.repeat(100))
    await eventually(() => expect(bob.log).toEqual([`ann/1: ${'é'.repeat(100)}`]))
    expect(ann.log).toEqual(['joined bob/1'])
  })

  it('[SIGNAL-11] a handler that throws is reported and disturbs nothing', async () => {
    const reported = vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => reported.mockRestore())
    const { url } = await server()
    const bug = new Error('bug in a handler')
    const lost = vi.fn()
    const handlers: AttachmentHandlers = {
      onJoined: () => {
        throw bug
      },
      onLost: lost,
    }
    const ann = await attach(url, { peer: 'ann', handlers })
    await attach(url, { peer: 'bob' })
    await eventually(() => expect(reported).toHaveBeenCalledWith(bug))
    expect(lost).not.toHaveBeenCalled()
    ann.attachment.close()
  })

  it('[SIGNAL-12] an http address is taken for its WebSocket', async () => {
    const { url } = await server()
    const { attachment } = await attach(url.replace('ws:', 'http:'), { peer: 'ann' })
    expect(attachment.peers).toEqual([])
  })
})

const attached = '{"type":"attached","version":1,"created":true,"maxPeers":8,"maxMessageBytes":1024,"peers":[]}'

/** A WebSocket server that does `answer` at the first message. */
async function otherServer(answer: (socket: WebSocket) => void): Promise<string> {
  const other = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  other.on('connection', (socket) => socket.once('message', () => answer(socket)))
  await new Promise((resolve) => other.once('listening', resolve))
  onTestFinished(() => {
    for (const socket of other.clients) socket.terminate()
    other.close()
  })
  return `ws://127.0.0.1:${(other.address() as { port: number }).port}`
}

/** A TCP server that does `answer` at the first bytes. */
async function rawServer(answer: (socket: import('node:net').Socket) => void): Promise<number> {
  const open = new Set<import('node:net').Socket>()
  const raw = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => answer(socket))
  })
  await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
    raw.close()
  })
  return (raw.address() as { port: number }).port
}
