import type { ServerHealth } from 'selvage/webrtc'
import type { Fabric } from './fabric.ts'
import type { Link } from './link-watch.ts'

/** How it stands with one link, in words that may change at any moment; empty where nothing is known of one. */
export function linkOf(link: Link, fabric: Fabric, nameOf: (peer: string) => string): string {
  const { state, why, interruption } = link
  if (state === 'none') return ''
  if (state === 'connecting') return why === null ? 'connecting …' : `connecting … Last time: ${why}`
  if (state === 'lost') return why === null ? 'connection lost' : `connection lost: ${why}`
  if (state === 'connected') return `${wayOf(link, fabric, nameOf)}${roundTripOf(link)}`
  const { forS, keptForS } = interruption ?? { forS: 0, keptForS: 0 }
  return `interrupted for ${forS}\u{a0}s, kept for ${keptForS}\u{a0}s`
}

/** What one signalling server is to this page. */
export function serverOf({ isAttached, failures, lastAnswerAtMs, latencyMs, lastError }: ServerHealth): ServerWords {
  const answers = latencyMs === null ? '' : `, answers in ${inMs(latencyMs)}`
  if (isAttached) return { state: 'in-use', text: `in use${answers}` }
  if (failures > 0) {
    const times = failures === 1 ? 'once' : `${failures} times`
    return {
      state: 'failing',
      text: `failed ${times}: ${lastError instanceof Error ? lastError.message : 'no answer'}`,
    }
  }
  if (lastAnswerAtMs !== null) return { state: 'ready', text: `at hand${answers}` }
  return { state: 'unasked', text: 'not asked yet' }
}

export interface ServerWords {
  readonly state: 'in-use' | 'ready' | 'unasked' | 'failing'
  readonly text: string
}

/** What there is to say where the list is empty. */
export function serverlessOf(fabric: Fabric): string {
  return fabric === 'broadcast-channel' ? 'None: tabs of one browser find each other without.' : 'None was asked yet.'
}

function wayOf({ route, via }: Link, fabric: Fabric, nameOf: (peer: string) => string): string {
  if (fabric === 'broadcast-channel') return 'tab to tab'
  if (fabric === 'websocket') return 'through the signalling server'
  if (via !== null) return `through ${nameOf(via)}`
  return route === 'direct' ? 'direct' : 'relayed by a server'
}

function roundTripOf({ roundTripMs, jitterMs }: Link): string {
  if (roundTripMs === null) return ''
  const jitter = Math.round(jitterMs ?? 0)
  return `, round trip ${inMs(roundTripMs)}${jitter === 0 ? '' : ` (±\u{a0}${jitter})`}`
}

function inMs(ms: number): string {
  return `${Math.max(1, Math.round(ms))}\u{a0}ms`
}
