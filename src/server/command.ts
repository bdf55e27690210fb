import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { SignalLimits } from '../signal/signal-limits.ts'
import { RedisBackplane } from './redis-backplane.ts'
import type { TurnOptions } from './turn.ts'
import { startSignalServer, type SignalServer, type SignalServerOptions } from './start-signal-server.ts'

/** Where the command listens unless told otherwise. */
export const DEFAULT_PORT = 8787
const DEFAULT_HOST = '127.0.0.1'

export const HELP: string = `selvage-signal: introduces the peers of selvage games to one another.

Usage: selvage-signal [--port <number>] [--host <address>]

  --port <number>      port to listen on, 0 for any free one (default ${DEFAULT_PORT})
  --host <address>     address to listen on, 0.0.0.0 for all (default ${DEFAULT_HOST})
  --max-connections <n>  connections at once (default 10000)
  --max-connections-per-address <n>  of them from one network address (default 512)
  --max-rooms <n>      rooms at once (default 5000)
  --max-peers <n>      peers in a room (default 64)
  --max-relay-bytes <n>  bytes a second relayed for all together (default 67108864)
  --no-relay           relays nothing between peers that cannot link directly
  --allow-origin <o>   pages that may connect, like https://game.example or
                       https://*.game.example; may be repeated (default: all)
  --require-origin     refuses who sends no origin: programs that are no browser
  --trusted-hops <n>   proxies in front that append to X-Forwarded-For (default 0)
  --turn-url <url>     TURN server to give credentials for, like turn:turn.example:3478;
                       may be repeated
  --turn-secret <file> what it shares with that server (coturn's static-auth-secret)
  --turn-ttl <s>       how long credentials last, seconds (default 3600)
  --redis <url>        shares the rooms with every server on this Redis (takes the package redis)
  --redis-prefix <p>   of its keys and channels (default selvage:)
  --ticket-key <file>  attaching takes a ticket signed by this key: a public key in
                       PEM, or a secret of 32 characters; may be repeated
  --metrics            serves /metrics, for Prometheus
  --drain <s>          how long SIGTERM gives clients to move on, seconds (default 10)
  --help               this text

It stops at once on SIGINT. On SIGTERM it takes nobody new, tells its clients to move
on, and stops when they have, or after the drain time. It answers /healthz and /readyz.
`

/** Where the command writes. */
export interface CommandOutput {
  out(text: string): void
  err(text: string): void
}

export type CommandResult =
  | { readonly kind: 'serving'; readonly server: SignalServer; readonly drainMs: number }
  | { readonly kind: 'ended'; readonly exitCode: number }

/** The command without the process: `args` are what follows its name. */
export async function runCommand(args: readonly string[], output: CommandOutput): Promise<CommandResult> {
  const parsed = parse(args)
  if (typeof parsed === 'string') return misused(parsed, output)
  if (parsed === null) {
    output.out(HELP)
    return { kind: 'ended', exitCode: 0 }
  }
  try {
    const server = await startSignalServer(parsed)
    output.out(`selvage-signal listens on ${server.url}\n`)
    return { kind: 'serving', server, drainMs: parsed.drainMs }
  } catch (error) {
    // Options that cannot work are the caller's mistake too; anything else is the world's.
    if (error instanceof RangeError || error instanceof TypeError) return misused(error.message, output)
    output.err(`selvage-signal: ${error instanceof Error ? error.message : String(error)}\n`)
    return { kind: 'ended', exitCode: 1 }
  }
}

function misused(what: string, output: CommandOutput): CommandResult {
  output.err(`selvage-signal: ${what}\nTry selvage-signal --help.\n`)
  return { kind: 'ended', exitCode: 2 }
}

interface CommandOptions extends SignalServerOptions {
  readonly drainMs: number
}

/** The options; `null` where help was asked for; or what is wrong with the arguments. */
function parse(args: readonly string[]): CommandOptions | string | null {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        'max-connections': { type: 'string' },
        'max-connections-per-address': { type: 'string' },
        'max-rooms': { type: 'string' },
        'max-peers': { type: 'string' },
        'max-relay-bytes': { type: 'string' },
        'no-relay': { type: 'boolean' },
        'allow-origin': { type: 'string', multiple: true },
        'require-origin': { type: 'boolean' },
        'trusted-hops': { type: 'string' },
        'turn-url': { type: 'string', multiple: true },
        'turn-secret': { type: 'string' },
        'turn-ttl': { type: 'string' },
        redis: { type: 'string' },
        'redis-prefix': { type: 'string' },
        'ticket-key': { type: 'string', multiple: true },
        metrics: { type: 'boolean' },
        drain: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help === true) return null
    const limit = (flag: keyof typeof values, max: number): number | undefined =>
      values[flag] === undefined ? undefined : wholeNumber(`--${flag}`, String(values[flag]), 1, max)
    return {
      port: wholeNumber('--port', values.port ?? String(DEFAULT_PORT), 0, 65_535),
      host: values.host ?? DEFAULT_HOST,
      relay: values['no-relay'] !== true,
      metrics: values.metrics,
      drainMs: 1_000 * wholeNumber('--drain', values.drain ?? '10', 0, 3_600),
      limits: given({
        maxConnections: limit('max-connections', 1_000_000),
        maxConnectionsPerAddress: limit('max-connections-per-address', 1_000_000),
        maxRooms: limit('max-rooms', 1_000_000),
        maxPeersPerRoom: limit('max-peers', 1_024),
        totalRelayBytesPerSecond: limit('max-relay-bytes', 100_000_000_000),
      }),
      allowedOrigins: values['allow-origin'],
      requireOrigin: values['require-origin'],
      trustedHops: wholeNumber('--trusted-hops', values['trusted-hops'] ?? '0', 0, 16),
      ticketKeys: values['ticket-key']?.map(textOf),
      backplane:
        values.redis === undefined
          ? undefined
          : new RedisBackplane({ url: values.redis, prefix: values['redis-prefix'] }),
      turn: turnOptions(values['turn-url'], values['turn-secret'], limit('turn-ttl', 86_400)),
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function turnOptions(
  urls: readonly string[] | undefined,
  secretFile: string | undefined,
  ttlSeconds: number | undefined,
): TurnOptions | undefined {
  if (urls === undefined && secretFile === undefined) return undefined
  if (urls === undefined || secretFile === undefined) throw new RangeError('--turn-url and --turn-secret go together')
  return { urls, secret: textOf(secretFile), ttlSeconds }
}

/** Secrets come in files: arguments are seen by every user of the machine. */
function textOf(file: string): string {
  return readFileSync(file, 'utf8').trim()
}

/** Without the limits that nobody gave. */
function given(limits: Readonly<Record<string, number | undefined>>): Partial<SignalLimits> {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new RangeError(`${name} takes a whole number from ${min} to ${max}, not ${text}`)
  }
  return value
}
