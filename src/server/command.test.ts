import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { beforeAll, afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { openAttachment, type Attachment } from '../signal/signal-client.ts'
import { HELP, runCommand, type CommandResult } from './command.ts'
import { startSignalServer } from './start-signal-server.ts'
import { signTicket } from './ticket.ts'

interface Run {
  result: CommandResult
  out: string
  err: string
}

async function run(...args: string[]): Promise<Run> {
  let out = ''
  let err = ''
  const result = await runCommand(args, { out: (text) => (out += text), err: (text) => (err += text) })
  if (result.kind === 'serving') onTestFinished(() => result.server.close())
  return { result, out, err }
}

describe('selvage-signal', () => {
  it('[CMD-1] serves and prints its address', async () => {
    const { result, out } = await run('--port', '0', '--max-peers', '1', '--max-relay-bytes', '1000')
    if (result.kind !== 'serving') throw new Error('not serving')
    expect(out).toBe(`selvage-signal listens on ${result.server.url}\n`)
  })

  it('[CMD-2] --help prints the usage and ends well', async () => {
    expect(await run('--help')).toEqual({ result: { kind: 'ended', exitCode: 0 }, out: HELP, err: '' })
  })

  it.each([
    ['--port', 'x'],
    ['--port', '65536'],
    ['--port', '-1'],
    ['--port'],
    ['--max-rooms', '0'],
    ['--max-relay-bytes', '0'],
    ['--drain', 'long'],
    ['--trusted-hops', '-1'],
    ['--allow-origin', 'game.example'],
    ['--ticket-key', '/no/such/file'],
    ['--redis', 'localhost'],
    ['--turn-url', 'turn:turn.example'],
    ['--colour'],
    ['8787'],
  ])('[CMD-3] %s %s is refused with a word about it', async (...args) => {
    const { result, out, err } = await run(...args)
    expect(result).toEqual({ kind: 'ended', exitCode: 2 })
    expect(out).toBe('')
    expect(err).toMatch(/^selvage-signal: [^]+\nTry selvage-signal --help\.\n$/)
  })

  it('[CMD-7] options of the door reach the server', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'selvage-command-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const secret = 'a secret of at least 32 characters'
    await writeFile(join(folder, 'key'), `${secret}\n`)
    const turn = ['--turn-url', 'turn:turn.example', '--turn-secret', join(folder, 'key'), '--turn-ttl', '60']
    const flags = [
      ...turn,
      '--port',
      '0',
      '--ticket-key',
      join(folder, 'key'),
      '--allow-origin',
      'https://game.example',
    ]
    const { result } = await run(...flags, '--max-connections-per-address', '1', '--trusted-hops', '1')
    if (result.kind !== 'serving') throw new Error('not serving')
    const ticket = signTicket({ expiresAtMs: Date.now() + 60_000 }, secret)
    const ann = { peer: 'ann', room: 'oak', session: '1', sessionSecret: 'sixteen characters', create: 'new' } as const
    const attach = (url: string): Promise<Attachment> => openAttachment({ ...ann, url, WebSocket, handlers: {} })
    const attachment = await attach(`${result.server.url}?ticket=${ticket}`)
    onTestFinished(() => attachment.close())
    expect(await attachment.turnServers()).toMatchObject([{ urls: ['turn:turn.example'] }])
    await expect(attach(`${result.server.url}?ticket=${ticket}`)).rejects.toThrow(/one address/)
    const origin = new WebSocket(result.server.url, { origin: 'https://evil.example' })
    expect(String(await once(origin, 'error'))).toMatch(/403/)
  })

  it('[CMD-4] a port that cannot be had ends with the reason', async () => {
    const taken = await startSignalServer()
    onTestFinished(() => taken.close())
    const { result, err } = await run('--port', String(taken.port))
    expect(result).toEqual({ kind: 'ended', exitCode: 1 })
    expect(err).toMatch(/EADDRINUSE/)
  })
})

describe('selvage-signal as a process', () => {
  let folder = ''
  beforeAll(async () => {
    // One file with all it needs: Node 20 runs no TypeScript.
    folder = await mkdtemp(join(tmpdir(), 'selvage-bin-'))
    await build({
      configFile: false,
      logLevel: 'silent',
      ssr: { noExternal: true },
      build: {
        ssr: fileURLToPath(new URL('./bin.ts', import.meta.url)),
        outDir: folder,
        target: 'node20',
        rolldownOptions: { output: { entryFileNames: 'bin.mjs' } },
      },
    })
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each(['SIGINT', 'SIGTERM'] as const)(
    '[CMD-5] %s closes it: clients are told, the process ends well',
    async (signal) => {
      const child = spawn(process.execPath, [join(folder, 'bin.mjs'), '--port', '0'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      onTestFinished(() => void child.kill('SIGKILL'))
      const [line] = (await once(child.stdout, 'data')) as [Buffer]
      const url = /ws:\/\/\S+/.exec(String(line))?.[0] ?? ''
      const lost = new Promise<Error>((resolve) => {
        const ann = {
          peer: 'ann',
          room: 'oak',
          session: '1',
          sessionSecret: 'sixteen characters',
          create: 'new',
        } as const
        void openAttachment({ ...ann, url, WebSocket, handlers: { onLost: resolve } }).then(() => child.kill(signal))
      })
      expect((await lost).message).toMatch(/shutting down/)
      expect(await once(child, 'exit')).toEqual([0, null])
    },
  )

  it('[CMD-6] a wrong argument is exit code 2', async () => {
    const child = spawn(process.execPath, [join(folder, 'bin.mjs'), '--colour'], { stdio: 'ignore' })
    expect(await once(child, 'exit')).toEqual([2, null])
  })
})
