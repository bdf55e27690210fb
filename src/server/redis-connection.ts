import { createHash } from 'node:crypto'
import type { BackplaneEvent, BackplaneRequest, Entrant, ServerId } from '../signal/backplane.ts'
import type { SignalAddress } from '../signal/protocol.ts'
import { REDIS_SCRIPTS, type RedisScriptName } from './redis-scripts.ts'

/** Commands that may wait for their answer; a Redis that owes more counts as lost. */
const MAX_COMMANDS = 50_000
const CONNECT_TIMEOUT_MS = 5_000

export interface RedisConnectionEvents {
  onEvent(event: BackplaneEvent): void
  onLost(): void
}

/** Two connections to one Redis, one for commands and one that listens, until one of them is lost. */
export async function connectRedis(
  url: string,
  prefix: string,
  events: RedisConnectionEvents,
): Promise<RedisConnection> {
  const { createClient } = await loadClient()
  const open = (): RedisClient =>
    createClient({
      url,
      disableOfflineQueue: true,
      commandsQueueMaxLength: MAX_COMMANDS,
      socket: { reconnectStrategy: false, connectTimeout: CONNECT_TIMEOUT_MS },
    }) as unknown as RedisClient
  const clients = [open(), open()] as const
  for (const client of clients) for (const event of ['error', 'end'] as const) client.on(event, () => events.onLost())
  const connection = new RedisConnection(clients[0], clients[1], prefix, events)
  try {
    await Promise.all(clients.map((client) => client.connect()))
  } catch (error) {
    connection.destroy()
    throw error
  }
  return connection
}

export class RedisConnection {
  readonly #commands: RedisClient
  readonly #listener: RedisClient
  readonly #prefix: string
  readonly #events: RedisConnectionEvents

  constructor(commands: RedisClient, listener: RedisClient, prefix: string, events: RedisConnectionEvents) {
    this.#commands = commands
    this.#listener = listener
    this.#prefix = prefix
    this.#events = events
  }

  destroy(): void {
    for (const client of [this.#commands, this.#listener]) {
      // One that never opened, or has ended by itself, throws.
      try {
        client.destroy()
      } catch {}
    }
  }

  /** Listens in the name of `server`. Scripts are loaded first, so that none is ever sent twice and overtaken. */
  async prepare(server: ServerId): Promise<void> {
    const loads = Object.values(REDIS_SCRIPTS).map((script) => this.#commands.sendCommand(['SCRIPT', 'LOAD', script]))
    const listens = this.#listener.subscribe(`${this.#prefix}to:${server}`, (text) => {
      this.#events.onEvent(eventOf(text))
    })
    await Promise.all([...loads, listens])
  }

  begin(server: ServerId, leaseMs: number): Promise<number> {
    return this.#evaluate('begin', server, String(Math.ceil(leaseMs)))
  }

  /** Rejects where the lease has run out already: others have cleared up. */
  async renew(server: ServerId, leaseMs: number): Promise<void> {
    if ((await this.#evaluate('renew', server, String(Math.ceil(leaseMs)))) === 0) throw new LeaseLostError()
  }

  async servers(): Promise<readonly ServerId[]> {
    return (await this.#commands.sendCommand(['SMEMBERS', `${this.#prefix}servers`])) as readonly ServerId[]
  }

  /** Takes everything that `server` held out of its rooms, a part at a time. */
  async clear(server: ServerId, when: 'at once' | 'if its lease ran out'): Promise<void> {
    while ((await this.#evaluate('clear', server, when === 'at once' ? '1' : '0')) > 0);
  }

  /** Sent at once, so in the order of the calls. Rejects where the server has no lease, or Redis fails. */
  async carryOut(server: ServerId, request: BackplaneRequest): Promise<void> {
    if (request.kind === 'signal' || request.kind === 'relay') {
      await this.#commands.sendCommand(['PUBLISH', `${this.#prefix}to:${request.to.server}`, publicationOf(request)])
      return
    }
    const args = [JSON.stringify(request.room), ...argumentsOf(server, request)]
    if ((await this.#evaluate(request.kind, server, ...args)) === 0) throw new LeaseLostError()
  }

  async #evaluate(script: RedisScriptName, ...args: string[]): Promise<number> {
    return Number(await this.#commands.sendCommand(['EVALSHA', DIGESTS[script], '0', this.#prefix, ...args]))
  }
}

/** Another server took this one for dead. */
class LeaseLostError extends Error {}

const DIGESTS = Object.fromEntries(
  Object.entries(REDIS_SCRIPTS).map(([name, script]) => [name, createHash('sha1').update(script).digest('hex')]),
) as Record<RedisScriptName, string>

function argumentsOf(
  server: ServerId,
  request: Extract<BackplaneRequest, { kind: 'enter' | 'leave' | 'restore' }>,
): string[] {
  switch (request.kind) {
    case 'enter': {
      const { entrant, create, canCreate, maxPeers, maxSessionsPerPeer } = request
      const limits = [canCreate ? '1' : '0', String(maxPeers), String(maxSessionsPerPeer)]
      return [nameOf(entrant), recordOf(server, entrant), create, ...limits]
    }
    case 'leave':
      return [nameOf(request.at), String(request.connection), request.why]
    case 'restore': {
      const held = request.entrants.flatMap((entrant) => [nameOf(entrant), recordOf(server, entrant)])
      return [String(request.maxPeers), request.previous, ...held]
    }
  }
}

/** JSON texts hold no line break, and nothing but ASCII where a string is not well-formed. */
function nameOf({ peer, session }: SignalAddress): string {
  return JSON.stringify([peer, session])
}

function recordOf(server: ServerId, { peer, session, connection, sessionSecret }: Entrant): string {
  const occupant = { peer, session, server, connection }
  return [server, connection, JSON.stringify(sessionSecret), JSON.stringify(peer), JSON.stringify(occupant)].join('\n')
}

function publicationOf(request: Extract<BackplaneRequest, { kind: 'signal' | 'relay' }>): string {
  const { kind, room, from } = request
  const to = { peer: request.to.peer, session: request.to.session }
  if (request.kind === 'signal') return JSON.stringify({ kind, room, from, to, body: request.body })
  return JSON.stringify({ kind, room, from, to, payload: Buffer.from(request.payload).toString('base64') })
}

/** Redis says what servers told it: it is trusted like they are. */
function eventOf(text: string): BackplaneEvent {
  const event = JSON.parse(text) as BackplaneEvent
  if (event.kind !== 'relay') return event
  return { ...event, payload: Buffer.from(event.payload as unknown as string, 'base64') }
}

/** What is used of the client of `redis`. */
interface RedisClient {
  on(event: 'error' | 'end', listener: () => void): unknown
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (text: string) => void): Promise<unknown>
  sendCommand(args: readonly string[]): Promise<unknown>
  destroy(): void
}

async function loadClient(): Promise<typeof import('redis')> {
  try {
    return await import('redis')
  } catch (error) {
    throw new Error('a Redis backplane takes the package redis: npm install redis', { cause: error })
  }
}
