import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HubCounts } from '../signal/hub-outbox.ts'

/** What there is to be told of a server. */
export interface ServerStatus {
  readonly connections: number
  readonly rooms: number
  /** Whether newcomers are taken: not while draining, nor without the backplane. */
  readonly isReady: boolean
  readonly counts: HubCounts
  readonly relayed: { readonly frames: number; readonly bytes: number; readonly dropped: number }
  /** Upgrades refused for their origin. */
  readonly refusedOrigins: number
  readonly residentBytes: number
}

/**
 * Answers plain HTTP: `/healthz` (it lives), `/readyz` (it takes newcomers, else 503), and `/metrics` for
 * Prometheus where `withMetrics`. Anything else is told that WebSocket is spoken here.
 */
export function statusPages(
  status: () => ServerStatus,
  withMetrics: boolean,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const [path] = (request.url ?? '/').split('?')
    if (path === '/healthz') answer(response, 200, 'ok\n')
    else if (path === '/readyz') {
      if (status().isReady) answer(response, 200, 'ready\n')
      else answer(response, 503, 'not ready\n')
    } else if (path === '/metrics' && withMetrics) {
      answer(response, 200, metricsText(status()), 'text/plain; version=0.0.4; charset=utf-8')
    } else {
      response.setHeader('upgrade', 'websocket')
      answer(response, 426, 'This is a selvage signalling server. It speaks WebSocket.\n')
    }
  }
}

function answer(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' })
  response.end(text)
}

/** Prometheus text exposition format 0.0.4. */
function metricsText({ counts, relayed, ...now }: ServerStatus): string {
  const gauge = (name: string, help: string, value: number): string[] => metric(name, 'gauge', help, [['', value]])
  const counter = (name: string, help: string, value: number): string[] => metric(name, 'counter', help, [['', value]])
  const refusals = [...counts.refusals].map(([code, count]) => [`{code="${code}"}`, count] as const)
  return [
    ...gauge('connections', 'WebSocket connections held.', now.connections),
    ...gauge('rooms', 'Rooms with anybody connected here.', now.rooms),
    ...gauge('ready', 'Whether newcomers are taken.', now.isReady ? 1 : 0),
    ...gauge('resident_memory_bytes', 'Memory of the process.', now.residentBytes),
    ...counter('attached_total', 'Attachments made.', counts.attached),
    ...counter('signals_total', 'Signals handed on.', counts.signals),
    ...counter('relayed_frames_total', 'Frames relayed.', relayed.frames),
    ...counter('relayed_bytes_total', 'Bytes relayed.', relayed.bytes),
    ...counter('relay_dropped_frames_total', 'Frames not relayed to who reads too slowly.', relayed.dropped),
    ...counter('refused_origins_total', 'Upgrades refused for their origin.', now.refusedOrigins),
    ...metric('refusals_total', 'counter', 'Errors told to clients, by code.', refusals),
  ]
    .map((line) => `${line}\n`)
    .join('')
}

function metric(name: string, type: string, help: string, samples: readonly (readonly [string, number])[]): string[] {
  const full = `selvage_signal_${name}`
  return [
    `# HELP ${full} ${help}`,
    `# TYPE ${full} ${type}`,
    ...samples.map(([label, value]) => `${full}${label} ${value}`),
  ]
}
