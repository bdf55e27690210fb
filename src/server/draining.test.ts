import { expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { Backplane } from '../signal/backplane.ts'
import { openAttachment, type Attachment } from '../signal/signal-client.ts'
import { startSignalServer } from './index.ts'

vi.setConfig({ testTimeout: 30_000 })

const enter = (url: string, onLost: (reason: Error) => void = () => {}): Promise<Attachment> =>
  openAttachment({
    url,
    room: 'oak',
    peer: 'ann',
    session: '1',
    sessionSecret: 'sixteen characters',
    create: 'if-missing',
    handlers: { onLost },
    WebSocket,
  })

const page = async (url: string, path: string): Promise<{ status: number; text: string }> => {
  const response = await fetch(`${url.replace('ws', 'http')}${path}`)
  return { status: response.status, text: await response.text() }
}

it('[SERVER-13] [SIGNAL-20] clients are told and move on; who does not is closed when the time is over', async () => {
  const server = await startSignalServer()
  onTestFinished(() => server.close({ abrupt: true }))
  const lost = new Promise<Error>((resolve) => void enter(server.url, resolve))
  await vi.waitFor(() => expect(server.size.rooms).toBe(1))
  const stays = new WebSocket(server.url)
  const heard: unknown[] = []
  stays.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as unknown))
  const closed = new Promise((resolve) => stays.once('close', resolve))
  await new Promise((resolve) => stays.once('open', resolve))
  const closing = server.close({ drainMs: 1_500 })
  expect((await lost).message).toMatch(/shutting down/)
  await expect(enter(server.url)).rejects.toThrow(/could not be reached/)
  expect(await page(server.url, '/readyz')).toEqual({ status: 503, text: 'not ready\n' })
  expect(await page(server.url, '/healthz')).toEqual({ status: 200, text: 'ok\n' })
  stays.send(
    '{"type":"attach","version":1,"room":"a","peer":"b","session":"c","sessionSecret":"sixteen characters","create":"new"}',
  )
  await vi.waitFor(() => expect(heard.filter((message) => codeOf(message) === 'shutting-down')).toHaveLength(2))
  expect(await closed).toBe(1001)
  await closing
  await expect(enter(server.url)).rejects.toThrow()
})

it('[SERVER-13] when all have gone it ends early; an abrupt close cuts it short', async () => {
  const patient = await startSignalServer()
  await enter(patient.url)
  await patient.close({ drainMs: 60_000 })
  const cut = await startSignalServer()
  const stays = new WebSocket(cut.url)
  await new Promise((resolve) => stays.once('open', resolve))
  const closing = cut.close({ drainMs: 60_000 })
  await cut.close({ abrupt: true })
  await closing
})

it('[SERVER-14] says that it lives, that it is ready, and where asked for what it has done', async () => {
  const quiet = await startSignalServer()
  onTestFinished(() => quiet.close())
  expect(await page(quiet.url, '/metrics')).toMatchObject({ status: 426 })
  const server = await startSignalServer({ metrics: true, allowedOrigins: ['https://game.example'] })
  onTestFinished(() => server.close())
  const ann = await enter(server.url)
  onTestFinished(() => ann.close())
  await expect(enter(server.url).then((again) => again.close())).resolves.toBeUndefined()
  const stranger = new WebSocket(server.url, { origin: 'https://evil.example' })
  await new Promise((resolve) => stranger.once('error', resolve))
  expect(await page(server.url, '/readyz?x')).toEqual({ status: 200, text: 'ready\n' })
  const { text } = await page(server.url, '/metrics')
  expect(text).toMatch(/^selvage_signal_attached_total 2$/m)
  expect(text).toMatch(/^selvage_signal_refusals_total\{code="replaced"\} 1$/m)
  expect(text).toMatch(/^selvage_signal_refused_origins_total 1$/m)
  expect(text).toMatch(/^selvage_signal_resident_memory_bytes \d{7,}$/m)
  for (const line of text.trimEnd().split('\n'))
    expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{code="[a-z-]+"\})? \d+)$/)
})

it('[SERVER-14] is not ready without its backplane', async () => {
  const backplane: Backplane = { open: async () => {}, ask: () => {}, close: async () => {} }
  const server = await startSignalServer({ backplane })
  onTestFinished(() => server.close())
  expect(await page(server.url, '/readyz')).toMatchObject({ status: 503 })
})

function codeOf(message: unknown): unknown {
  return (message as { code?: unknown }).code
}
