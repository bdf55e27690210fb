import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { createSocket } from 'node:dgram'
import { delimiter, join } from 'node:path'

/** A TURN server of its own on loopback, with one user. */
export interface Coturn {
  /** To reach it over `transport` with the right password, or another. */
  iceServers(transport: 'udp' | 'tcp', password?: string): RTCIceServer[]
  close(): Promise<void>
}

/** Debian's package `coturn` brings it; `null` where it is not installed. */
export function findTurnServer(): string | null {
  const paths = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'turnserver'))
  return paths.find(isExecutable) ?? null
}

export async function startCoturn(path: string): Promise<Coturn> {
  const port = await freePort()
  const child = spawn(path, [
    ...['-n', '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`],
    ...['--min-port=50000', '--max-port=50199', '--lt-cred-mech', `--user=player:${PASSWORD}`, '--realm=selvage'],
    ...['--no-tls', '--no-dtls', '--no-cli', '--fingerprint', '--log-file=stdout', '--allow-loopback-peers'],
    '--pidfile=',
  ])
  await listening(child)
  return {
    iceServers: (transport, password = PASSWORD) => [
      { urls: `turn:127.0.0.1:${port}?transport=${transport}`, username: 'player', credential: password },
    ],
    close: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.kill('SIGKILL')
      }),
  }
}

const PASSWORD = 'a password of this test'

/** Resolves when it says that it takes TCP connections, which it does last. */
function listening(child: ChildProcess): Promise<void> {
  let said = ''
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`turnserver ended with ${code}:\n${said}`)))
    child.stdout?.on('data', (chunk) => {
      said += String(chunk)
      if (/SQLite DB connection success|Total auth threads/.test(said)) resolve()
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
