import { parseArgs } from 'node:util'
import { startSignalServer, type SignalServer, type SignalServerOptions } from './start-signal-server.ts'

/** Where the command listens unless told otherwise. */
export const DEFAULT_PORT = 8787
const DEFAULT_HOST = '127.0.0.1'

export const HELP: string = `selvage-signal: introduces the peers of selvage games to one another.

Usage: selvage-signal [--port <number>] [--host <address>]

  --port <number>      port to listen on, 0 for any free one (default ${DEFAULT_PORT})
  --host <address>     address to listen on, 0.0.0.0 for all (default ${DEFAULT_HOST})
  --max-rooms <n>      rooms at once (default 5000)
  --max-peers <n>      peers in a room (default 64)
  --no-relay           relays nothing between peers that cannot link directly
  --help               this text

It stops on SIGINT and SIGTERM.
`

/** Where the command writes. */
export interface CommandOutput {
  out(text: string): void
  err(text: string): void
}

export type CommandResult =
  | { readonly kind: 'serving'; readonly server: SignalServer }
  | { readonly kind: 'ended'; readonly exitCode: number }

/** The command without the process: `args` are what follows its name. */
export async function runCommand(args: readonly string[], output: CommandOutput): Promise<CommandResult> {
  const parsed = parse(args)
  if (typeof parsed === 'string') {
    output.err(`selvage-signal: ${parsed}\nTry selvage-signal --help.\n`)
    return { kind: 'ended', exitCode: 2 }
  }
  if (parsed === null) {
    output.out(HELP)
    return { kind: 'ended', exitCode: 0 }
  }
  try {
    const server = await startSignalServer(parsed)
    output.out(`selvage-signal listens on ${server.url}\n`)
    return { kind: 'serving', server }
  } catch (error) {
    output.err(`selvage-signal: ${error instanceof Error ? error.message : String(error)}\n`)
    return { kind: 'ended', exitCode: 1 }
  }
}

/** The options; `null` where help was asked for; or what is wrong with the arguments. */
function parse(args: readonly string[]): SignalServerOptions | string | null {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        'max-rooms': { type: 'string' },
        'max-peers': { type: 'string' },
        'no-relay': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help === true) return null
    const maxRooms = values['max-rooms']
    const maxPeers = values['max-peers']
    return {
      port: wholeNumber('--port', values.port ?? String(DEFAULT_PORT), 0, 65_535),
      host: values.host ?? DEFAULT_HOST,
      relay: values['no-relay'] !== true,
      limits: {
        ...(maxRooms === undefined ? {} : { maxRooms: wholeNumber('--max-rooms', maxRooms, 1, 1_000_000) }),
        ...(maxPeers === undefined ? {} : { maxPeersPerRoom: wholeNumber('--max-peers', maxPeers, 1, 1_024) }),
      },
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new RangeError(`${name} takes a whole number from ${min} to ${max}, not ${text}`)
  }
  return value
}
