import { SIGNAL_BOUNDS, type SignalAddress } from '../../signal/protocol.ts'

/** What tabs say in the BroadcastChannel of their room. Other versions of the application hear it as well. */
export type TabWords =
  | { readonly kind: 'joined'; readonly place: TabPlace }
  | { readonly kind: 'signal'; readonly from: SignalAddress; readonly to: SignalAddress; readonly body: string }

/** One weave's place in a room, as the name of its lock tells it. */
export interface TabPlace extends SignalAddress {
  /** What the room takes, as its founder said. */
  readonly maxPeers: number
}

/** `null` for what is none of the words. Fields that are not listed are left out. */
export function decodeTabWords(data: unknown): TabWords | null {
  const words = fieldsOf(data)
  switch (words?.['kind']) {
    case 'joined': {
      const place = placeOf(words['place'])
      return place === null ? null : { kind: 'joined', place }
    }
    case 'signal': {
      const [from, to, body] = [addressOf(words['from']), addressOf(words['to']), words['body']]
      if (from === null || to === null || !isText(body, SIGNAL_BOUNDS.body)) return null
      return { kind: 'signal', from, to, body }
    }
    default:
      return null
  }
}

export function encodePlace({ peer, session, maxPeers }: TabPlace): string {
  return JSON.stringify([peer, session, maxPeers])
}

export function decodePlace(text: string): TabPlace | null {
  try {
    const value: unknown = JSON.parse(text)
    if (!Array.isArray(value) || value.length !== 3) return null
    const [peer, session, maxPeers] = value as unknown[]
    return placeOf({ peer, session, maxPeers })
  } catch {
    return null
  }
}

export function isSameAddress(a: SignalAddress, b: SignalAddress): boolean {
  return a.peer === b.peer && a.session === b.session
}

function placeOf(value: unknown): TabPlace | null {
  const at = addressOf(value)
  const maxPeers = fieldsOf(value)?.['maxPeers']
  return at === null || typeof maxPeers !== 'number' || !Number.isInteger(maxPeers) || maxPeers < 2
    ? null
    : { ...at, maxPeers }
}

function addressOf(value: unknown): SignalAddress | null {
  const { peer, session } = fieldsOf(value) ?? {}
  return isText(peer, SIGNAL_BOUNDS.peer) && isText(session, SIGNAL_BOUNDS.session) ? { peer, session } : null
}

function fieldsOf(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
}

function isText(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= max
}
