import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { createSocket } from 'node:dgram'
import { delimiter, join } from 'node:path'

/** A TURN server of its own on loopback. */
export interface Coturn {
  url(transport: 'udp' | 'tcp'): string
  /** To reach it over `transport` as its one user. */
  iceServers(transport: 'udp' | 'tcp'): RTCIceServer[]
  /** Resolves when its process is gone. Idempotent. */
  close(): Promise<void>
}

/** Debian's package `coturn` brings it; `null` where it is not installed. */
export function findTurnServer(): string | null {
  const paths = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'turnserver'))
  return paths.find(isExecutable) ?? null
}

/**
 * `secret`: it lets in who has credentials that were made with it, and has no user of its own. `configuration`: a file of
 * more options. Rejects, with what it said, where it takes one of them for none.
 */
export async function startCoturn(path: string, secret?: string, configuration?: string): Promise<Coturn> {
  const port = await freePort()
  const child = spawn(path, [
    ...(configuration === undefined ? ['-n'] : ['-c', configuration]),
    ...['--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`],
    ...['--min-port=50000', '--max-port=50199', '--realm=selvage'],
    ...(secret === undefined
      ? ['--lt-cred-mech', `--user=player:${PASSWORD}`]
      : ['--use-auth-secret', `--static-auth-secret=${secret}`]),
    ...['--no-tls', '--no-dtls', '--no-cli', '--fingerprint', '--log-file=stdout', '--allow-loopback-peers'],
    '--pidfile=',
  ])
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  // Where a run ends without a word to its fixtures, it does not outlive it.
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  const close = (): Promise<void> => {
    process.off('exit', kill)
    kill()
    return gone
  }
  await listening(child).catch(async (error: unknown) => {
    if (child.pid !== undefined) await close()
    throw error
  })
  const url = (transport: 'udp' | 'tcp'): string => `turn:127.0.0.1:${port}?transport=${transport}`
  return {
    url,
    iceServers: (transport) => [{ urls: url(transport), username: 'player', credential: PASSWORD }],
    close,
  }
}

const PASSWORD = 'a password of this test'

/** It passes over most options that are none, and some that it cannot read. */
const MISREAD = /Bad configuration format|Wrong address format|Unknown boolean value/

/** Resolves when it says that it takes TCP connections, which it does last. */
function listening(child: ChildProcess): Promise<void> {
  let said = ''
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`turnserver ended with ${code}:\n${said}`)))
    child.stdout?.on('data', (chunk) => {
      said += String(chunk)
      if (MISREAD.test(said)) reject(new Error(`turnserver does not take its options:\n${said}`))
      else if (/SQLite DB connection success|Total auth threads/.test(said)) resolve()
    })
  })
}

/** Free for UDP, which is what a TURN server needs; nothing else of this machine asks for both. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createSocket('udp4')
    probe.once('error', reject)
    probe.bind(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
