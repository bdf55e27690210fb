import type { IncomingMessage } from 'node:http'
import { isIPv6 } from 'node:net'
import type { EntryPass } from '../signal/entry-pass.ts'
import { CLOCK_LEEWAY_MS, readTicketKeys, verifyTicket, type TicketKey } from './ticket.ts'

/** Who is let up to the server. */
export interface DoorOptions {
  /**
   * Pages that may connect, by origin: `https://game.example`, or `https://*.game.example` for every subdomain.
   * Others are refused with 403 before the upgrade. Default: every page.
   */
  readonly allowedOrigins?: readonly string[] | undefined
  /** Refuses who sends no origin: no browser, then. Default false. */
  readonly requireOrigin?: boolean | undefined
  /**
   * Proxies in front of the server that append to `X-Forwarded-For`. The address that limits are counted by is
   * the one that the outermost of them saw. Default 0: the peer of the socket.
   */
  readonly trustedHops?: number | undefined
  /**
   * Attaching takes a ticket signed by one of these keys, which clients bring as `?ticket=` of the address.
   * Default: none is asked for.
   */
  readonly ticketKeys?: readonly TicketKey[] | undefined
}

/** Looks at upgrade requests: what page they come from, what address, with what ticket. */
export class Door {
  readonly #origins: readonly OriginPattern[] | null
  readonly #requireOrigin: boolean
  readonly #trustedHops: number
  readonly #ticketKeys: readonly TicketKey[] | null

  /** Throws a `RangeError` or `TypeError` for options that cannot work. */
  constructor(options: DoorOptions) {
    this.#origins = options.allowedOrigins?.map(originPattern) ?? null
    this.#requireOrigin = options.requireOrigin ?? false
    this.#trustedHops = options.trustedHops ?? 0
    if (!Number.isSafeInteger(this.#trustedHops) || this.#trustedHops < 0) {
      throw new RangeError(`trustedHops is a whole number from 0: ${this.#trustedHops}`)
    }
    this.#ticketKeys = options.ticketKeys === undefined ? null : readTicketKeys(options.ticketKeys)
  }

  admitsOrigin({ headers: { origin } }: IncomingMessage): boolean {
    if (origin === undefined) return !this.#requireOrigin
    return this.#origins?.some((pattern) => pattern(origin.toLowerCase())) ?? true
  }

  /** What limits are counted by: an IPv4 address, or the /64 of an IPv6 one, which is what one customer has. */
  addressOf(request: IncomingMessage): string {
    const forwarded = String(request.headers['x-forwarded-for'] ?? '')
      .split(',')
      .flatMap((hop) => hop.trim() || [])
    const seen = [...forwarded.map(withoutPort), request.socket.remoteAddress ?? '']
    return networkOf(seen[Math.max(0, seen.length - 1 - this.#trustedHops)] ?? '')
  }

  /** `nowMs` and `wallNowMs` are the same moment by the hub's clock and by the calendar. */
  passOf(request: IncomingMessage, nowMs: number, wallNowMs: number): EntryPass {
    if (this.#ticketKeys === null) return { kind: 'open' }
    const ticket = new URLSearchParams((request.url ?? '').split('?')[1]).get('ticket')
    if (ticket === null) return { kind: 'refused', message: 'attaching here takes a ticket' }
    const verdict = verifyTicket(ticket, this.#ticketKeys, wallNowMs)
    if (!verdict.ok) return { kind: 'refused', message: `the ticket is refused: ${verdict.reason}` }
    const { peer, room, expiresAtMs } = verdict.claims
    return { kind: 'ticket', peer, room, expiresAtMs: nowMs + expiresAtMs + CLOCK_LEEWAY_MS - wallNowMs }
  }
}

type OriginPattern = (origin: string) => boolean

function originPattern(text: string): OriginPattern {
  const pattern = withoutDefaultPort(text.toLowerCase())
  if (pattern === 'null') return (origin) => origin === pattern
  const [, scheme = '', host = ''] = /^([a-z][a-z0-9+.-]*:\/\/)\*\.([^*/]+)$/.exec(pattern) ?? []
  if (host !== '') return (origin) => origin.startsWith(scheme) && origin.endsWith(`.${host}`)
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^*/?#]+$/.test(pattern)) {
    throw new RangeError(`an origin is like https://game.example or https://*.game.example, not ${text}`)
  }
  return (origin) => origin === pattern
}

/** As browsers write origins. */
function withoutDefaultPort(origin: string): string {
  return origin.replace(/^(?:(https:.*):443|(http:.*):80)$/, '$1$2')
}

/** Some proxies append the port that they saw, and every connection has another. */
function withoutPort(hop: string): string {
  return /^\[(.+)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([^:]+):\d+$/.exec(hop)?.[1] ?? hop
}

function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  if (!isIPv6(address)) return address
  const [bare = ''] = address.split('%')
  const [head = '', tail] = bare.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':')
    while (groups.length + after.length < 8) groups.push('0')
    groups.push(...after)
  }
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
