import { describe, expect, inject, it, onTestFinished, vi } from 'vitest'
import { controlServers, type ControlledServers } from '../../test/browser/control-servers.ts'
import { RoomNotFoundError, SignalingUnavailableError } from '../base/errors.ts'
import { openAttachment, type Attachment, type AttachOptions } from './signal-client.ts'

// Real sockets on a machine that may be busy: what is waited for comes soon, or the test is wrong.
vi.setConfig({ testTimeout: 30_000 })
const eventually = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 15_000, interval: 10 })

const options = (url: string, peer: string): AttachOptions => ({
  url,
  peer,
  room: `client test ${crypto.randomUUID()}`,
  session: '1',
  sessionSecret: 'sixteen characters',
  create: 'if-missing',
  handlers: {},
})

async function attach(more: AttachOptions): Promise<Attachment> {
  const attachment = await openAttachment(more)
  onTestFinished(() => attachment.close())
  return attachment
}

async function cluster(count: number): Promise<ControlledServers> {
  const servers = await controlServers(count)
  onTestFinished(() => servers[Symbol.asyncDispose]())
  return servers
}

describe('openAttachment in a browser', () => {
  it('[SIGNAL-1] two peers meet on each of the shared servers', async () => {
    const servers = inject('signalServers')
    expect(servers).toHaveLength(3)
    for (const url of servers) {
      const annOptions = options(url, 'ann')
      const onSignal = vi.fn()
      await attach({ ...annOptions, handlers: { onSignal } })
      const bob = await attach({ ...annOptions, peer: 'bob', create: 'no' })
      expect(bob.peers).toEqual([{ peer: 'ann', session: '1' }])
      bob.send({ peer: 'ann', session: '1' }, 'hello')
      await eventually(() => expect(onSignal).toHaveBeenCalledWith({ peer: 'bob', session: '1' }, 'hello'))
    }
  })

  it('[SIGNAL-1] the promise resolves before any handler runs', async () => {
    const annOptions = options(inject('signalServers')[0] as string, 'ann')
    const order: string[] = []
    const handlers = { onJoined: () => order.push('joined') }
    const nested = async (): Promise<Attachment> => await attach({ ...annOptions, handlers })
    const ann = nested().then(() => order.push('resolved'))
    await eventually(() => attach({ ...annOptions, peer: 'bob', create: 'no' }))
    await ann
    await eventually(() => expect(order).toEqual(['resolved', 'joined']))
  })

  it('[SIGNAL-2] a room that is not there is RoomNotFoundError', async () => {
    const missing = { ...options(inject('signalServers')[0] as string, 'ann'), create: 'no' as const }
    await expect(openAttachment(missing)).rejects.toThrow(RoomNotFoundError)
  })

  it.each(['stop', 'kill'] as const)(
    '[SIGNAL-7] %s: the attachment is lost once, until the server is back',
    async (how) => {
      const servers = await cluster(1)
      const url = servers.urls[0] as string
      const onLost = vi.fn()
      await attach({ ...options(url, 'ann'), handlers: { onLost } })
      await servers[how](0)
      await eventually(() => expect(onLost).toHaveBeenCalledTimes(1))
      expect(onLost.mock.calls[0]?.[0]).toBeInstanceOf(SignalingUnavailableError)
      await expect(openAttachment(options(url, 'ann'))).rejects.toThrow(SignalingUnavailableError)
      await servers.start(0)
      const back = await attach(options(url, 'ann'))
      expect(back.created).toBe(true)
      expect(onLost).toHaveBeenCalledTimes(1)
    },
  )

  it('[SIGNAL-6] an abort while connecting rejects with its reason', async () => {
    const controller = new AbortController()
    const reason = new Error('changed my mind')
    const opening = openAttachment({
      ...options(inject('signalServers')[0] as string, 'ann'),
      signal: controller.signal,
    })
    controller.abort(reason)
    await expect(opening).rejects.toBe(reason)
  })

  it.each(['ws://', 'ftp://127.0.0.1'])('[SIGNAL-5] the address %j is SignalingUnavailableError', async (url) => {
    await expect(openAttachment(options(url, 'ann'))).rejects.toThrow(SignalingUnavailableError)
  })
})
