import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, createServer, preview, type InlineConfig } from 'vite'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { openAttachment, type Attachment } from '../signal/signal-client.ts'
import { selvageSignal } from './vite.ts'

// Real sockets on a machine that may be busy: what is waited for comes soon, or the test is wrong.
vi.setConfig({ testTimeout: 30_000 })
const eventually = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 15_000, interval: 10 })

/** A page of one line, with the plugin. */
async function project(path?: string): Promise<InlineConfig> {
  const root = await mkdtemp(join(tmpdir(), 'selvage-vite-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  await mkdir(join(root, 'public'))
  await writeFile(join(root, 'index.html'), '<!doctype html><title>the page</title>')
  return {
    root,
    configFile: false,
    logLevel: 'silent',
    plugins: [selvageSignal(path === undefined ? {} : { path })],
    server: { host: '127.0.0.1', port: 0 },
    preview: { host: '127.0.0.1', port: 0 },
  }
}

function portOf(server: { address(): string | object | null } | null): number {
  return (server?.address() as { port: number } | null)?.port ?? 0
}

/** Two peers meet at `address`; returns the first and what it heard. */
async function meet(address: string): Promise<{ ann: Attachment; heard: string[]; lost: unknown[] }> {
  const heard: string[] = []
  const lost: unknown[] = []
  const common = { url: address, room: 'oak', session: '1', sessionSecret: 'sixteen characters', WebSocket }
  const handlers = {
    onSignal: (_from: object, body: string) => heard.push(body),
    onLost: (reason: unknown) => lost.push(reason),
  }
  const ann = await openAttachment({ ...common, peer: 'ann', create: 'new', handlers })
  const bob = await openAttachment({ ...common, peer: 'bob', create: 'no', handlers: {} })
  onTestFinished(() => {
    ann.close()
    bob.close()
  })
  bob.send({ peer: 'ann', session: '1' }, 'hello')
  await eventually(() => expect(heard).toEqual(['hello']))
  return { ann, heard, lost }
}

/** The first message of Vite's own socket for hot updates. */
function hotUpdates(address: string, token: string): Promise<unknown> {
  const socket = new WebSocket(`${address}?token=${token}`, 'vite-hmr')
  onTestFinished(() => socket.terminate())
  return new Promise((resolve, reject) => {
    socket.once('message', (data: Buffer) => resolve(JSON.parse(data.toString())))
    socket.once('error', reject)
  })
}

describe('selvageSignal', () => {
  it('[VITE-1] serves signalling beside the page in the development server, and hot updates go on', async () => {
    const server = await createServer(await project())
    onTestFinished(() => server.close())
    await server.listen()
    const port = portOf(server.httpServer)
    await meet(`ws://127.0.0.1:${port}/signal`)
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('the page')
    expect(await hotUpdates(`ws://127.0.0.1:${port}/`, server.config.webSocketToken)).toEqual({ type: 'connected' })
  })

  it('[VITE-2] and in the preview server', async () => {
    const config = await project('/meet/here')
    await build(config)
    const server = await preview(config)
    onTestFinished(() => server.close())
    const port = portOf(server.httpServer)
    await meet(`ws://127.0.0.1:${port}/meet/here`)
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toContain('the page')
  })

  it('[VITE-3] ends with the server it is mounted in, with peers attached', async () => {
    const server = await createServer(await project())
    await server.listen()
    const port = portOf(server.httpServer)
    const { lost } = await meet(`ws://127.0.0.1:${port}/signal`)
    await server.close()
    await eventually(() => expect(lost).toHaveLength(1))
  })

  it('[VITE-3] a restart of the development server ends it and serves it anew', async () => {
    const server = await createServer(await project())
    onTestFinished(() => server.close())
    await server.listen()
    const { lost } = await meet(`ws://127.0.0.1:${portOf(server.httpServer)}/signal`)
    await server.restart()
    await eventually(() => expect(lost).toHaveLength(1))
    await meet(`ws://127.0.0.1:${portOf(server.httpServer)}/signal`)
  })

  it('[VITE-4] in middleware mode, where Vite has no HTTP server, it mounts nothing', async () => {
    const server = await createServer({ ...(await project()), server: { middlewareMode: true, ws: false } })
    await server.close()
  })

  it.each(['signal', '/', '', '/signal?x', '/a#b'])('[VITE-5] the path %j is a RangeError', (path) => {
    expect(() => selvageSignal({ path })).toThrow(RangeError)
  })
})
