import { SignalHub, type ConnectionId, type HubInput, type HubOptions } from '../hub.ts'
import { SIGNAL_VERSION, type ClientMessage, type CreateRoom, type ServerMessage } from '../protocol.ts'
import { signalLimits, type SignalLimits } from '../signal-limits.ts'
import type { SharedRoomsLine } from './shared-rooms.ts'

/** A hub with a transcript: what each connection was sent, in short, and how it was closed. */
export class Scene {
  readonly hub: SignalHub
  nowMs: number = 1_000
  readonly line: SharedRoomsLine | null
  readonly #heard: Map<ConnectionId, string[]> = new Map()

  /** With a `line`, what is asked on it is answered at the end of each step, unless that says otherwise. */
  constructor(limits: Partial<SignalLimits> = {}, line: SharedRoomsLine | null = null, options: HubOptions = {}) {
    this.hub = new SignalHub(signalLimits(limits), { ...options, shared: line !== null })
    this.line = line
    void line?.open((event) => this.step({ kind: 'backplane', event }))
  }

  step(input: HubInput): void {
    for (const effect of this.hub.step(input)) {
      if (effect.kind === 'close') this.#note(effect.connection, `closed ${effect.code}`)
      else if (effect.kind === 'turn') this.#note(effect.connection, `turn for ${effect.peer}`)
      else if (effect.kind === 'ask') this.line?.ask(effect.request)
      else if (effect.kind === 'relay') this.#note(effect.connection, 'relayed')
      else if (effect.kind === 'pause') this.#note(effect.connection, `paused ${effect.ms}`)
      else if (effect.kind === 'send')
        for (const connection of effect.connections) this.#note(connection, short(effect.message))
    }
  }

  connect(...connections: ConnectionId[]): void {
    for (const connection of connections) this.step({ kind: 'connected', connection, nowMs: this.nowMs })
  }

  say(connection: ConnectionId, message: ClientMessage | string, then?: 'unsettled'): void {
    const text = typeof message === 'string' ? message : JSON.stringify(message)
    this.step({ kind: 'message', connection, text, nowMs: this.nowMs })
    if (then === undefined) this.line?.settle()
  }

  /** Connects and attaches; returns what it was answered. */
  attach(
    connection: ConnectionId,
    who: string,
    create: CreateRoom = 'if-missing',
    more: Partial<Attach> = {},
  ): string[] {
    this.connect(connection)
    this.say(connection, attach(who, create, more))
    return this.heard(connection)
  }

  signal(connection: ConnectionId, to: string, body: string): void {
    this.say(connection, { type: 'signal', to: address(to), body })
  }

  disconnect(connection: ConnectionId, code?: number): void {
    this.step({ kind: 'disconnected', connection, ...(code === undefined ? {} : { code }) })
  }

  tickAfter(ms: number): void {
    this.nowMs += ms
    this.step({ kind: 'tick', nowMs: this.nowMs })
  }

  /** What `connection` was told since the last call. */
  heard(connection: ConnectionId): string[] {
    const heard = this.#heard.get(connection) ?? []
    this.#heard.delete(connection)
    return heard
  }

  #note(connection: ConnectionId, line: string): void {
    const lines = this.#heard.get(connection) ?? []
    lines.push(line)
    this.#heard.set(connection, lines)
  }
}

export type Attach = Extract<ClientMessage, { type: 'attach' }>

/** `ann/2` is session 2 of ann. */
export function address(who: string): { peer: string; session: string } {
  const [peer = '', session = '1'] = who.split('/')
  return { peer, session }
}

export function attach(who: string, create: CreateRoom, more: Partial<Attach> = {}): Attach {
  const sessionSecret = `the secret of ${who}`.padEnd(16)
  return { type: 'attach', version: SIGNAL_VERSION, room: 'oak', ...address(who), sessionSecret, create, ...more }
}

export function short(message: ServerMessage): string {
  const name = ({ peer, session }: { peer: string; session: string }): string => `${peer}/${session}`
  switch (message.type) {
    case 'attached':
      return `attached${message.created ? ' first' : ''} [${message.peers.map(name).join(' ')}] of ${message.maxPeers}`
    case 'joined':
      return `joined ${name(message)}`
    case 'left':
      return `left ${name(message)}${message.why === 'gone' ? ' for good' : ''}`
    case 'signal':
      return `${name(message.from)}: ${message.body}`
    case 'turn-credentials':
      return message.username
    case 'pong':
      return 'pong'
    case 'error':
      return message.code
  }
}
