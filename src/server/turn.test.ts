import { createHmac } from 'node:crypto'
import { expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { openAttachment, type Attachment } from '../signal/signal-client.ts'
import { startSignalServer } from './index.ts'
import { signTicket } from './ticket.ts'
import { TurnCredentials, type TurnOptions } from './turn.ts'

vi.setConfig({ testTimeout: 30_000 })

const turn = { secret: 'north, south, east and west', urls: ['turn:turn.example:3478', 'turns:turn.example:5349'] }

async function enter(url: string, peer: string): Promise<Attachment> {
  const session = { session: '1', sessionSecret: 'sixteen characters' }
  const attachment = await openAttachment({
    ...session,
    url,
    peer,
    room: 'oak',
    create: 'if-missing',
    handlers: {},
    WebSocket,
  })
  onTestFinished(() => attachment.close())
  return attachment
}

it('[TURNCRED-1] credentials are what coturn works out from the same secret, and end', () => {
  const granted = new TurnCredentials({ ...turn, ttlSeconds: 600 }).grant('ann:1', 1_000_000_500)
  expect(granted).toEqual({
    type: 'turn-credentials',
    urls: turn.urls,
    username: '1000600:ann%3A1',
    credential: createHmac('sha1', turn.secret).update('1000600:ann%3A1').digest('base64'),
    ttlSeconds: 600,
  })
})

it.each<TurnOptions>([
  { ...turn, secret: 'short' },
  { ...turn, urls: [] },
  { ...turn, urls: ['https://turn.example'] },
  { ...turn, ttlSeconds: 1 },
  { ...turn, ttlSeconds: 1e9 },
])('[TURNCRED-5] %j is a RangeError', (options) => {
  expect(() => new TurnCredentials(options)).toThrow(RangeError)
})

it('[TURNCRED-2] a real server gives them to who is in a room with another, and once more the same', async () => {
  const server = await startSignalServer({ turn })
  onTestFinished(() => server.close())
  const ann = await enter(server.url, 'ann')
  expect(await ann.turnServers()).toEqual([])
  await enter(server.url, 'bob')
  const [first] = await ann.turnServers()
  expect(first).toMatchObject({ urls: turn.urls, username: expect.stringMatching(/^\d+:ann$/) })
  expect(await ann.turnServers()).toEqual([first])
})

it('[TURNCRED-2] or with a ticket', async () => {
  const secret = 'a secret of at least 32 characters'
  const server = await startSignalServer({ turn, ticketKeys: [secret] })
  onTestFinished(() => server.close())
  const ticket = signTicket({ expiresAtMs: Date.now() + 60_000 }, secret)
  const ann = await enter(`${server.url}?ticket=${ticket}`, 'ann')
  expect(await ann.turnServers()).toHaveLength(1)
})

it('[TURNCRED-4] a server without TURN is not even asked', async () => {
  const server = await startSignalServer()
  onTestFinished(() => server.close())
  const ann = await enter(server.url, 'ann')
  expect(await ann.turnServers()).toEqual([])
})

it('[TURNCRED-2] a name that no URL can hold does not get as far as asking, and ends no server', async () => {
  const server = await startSignalServer({ turn })
  onTestFinished(() => server.close())
  await enter(server.url, 'bob')
  await expect(enter(server.url, '\ud800').then((half) => half.turnServers())).rejects.toThrow(/not well-formed/)
  await enter(server.url, 'ann')
})
