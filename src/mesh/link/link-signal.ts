/**
 * What the two ends of one link tell each other through signalling to find a path: session
 * descriptions and candidates (RFC 8829), as JSON. Read strictly: what is not one of these is `null`.
 */
export type LinkSignal =
  | { readonly kind: 'description'; readonly type: 'offer' | 'answer'; readonly sdp: string }
  | { readonly kind: 'candidate'; readonly candidate: RTCIceCandidateInit }
  /** There are no more candidates. */
  | { readonly kind: 'end' }

/** Longest session description and candidate taken, characters. */
export const MAX_SDP_LENGTH = 65_536
export const MAX_CANDIDATE_LENGTH = 2_048

export function encodeLinkSignal(signal: LinkSignal): string {
  switch (signal.kind) {
    case 'description':
      return JSON.stringify({ type: signal.type, sdp: signal.sdp })
    case 'candidate': {
      const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = signal.candidate
      return JSON.stringify({ type: 'candidate', candidate, sdpMid, sdpMLineIndex, usernameFragment })
    }
    case 'end':
      return '{"type":"end"}'
  }
}

export function decodeLinkSignal(body: string): LinkSignal | null {
  const fields = objectOf(body)
  switch (fields?.['type']) {
    case 'offer':
    case 'answer': {
      const { type, sdp } = fields
      return typeof sdp === 'string' && sdp.length <= MAX_SDP_LENGTH ? { kind: 'description', type, sdp } : null
    }
    case 'candidate':
      return candidateOf(fields)
    case 'end':
      return { kind: 'end' }
    default:
      return null
  }
}

function candidateOf(fields: Record<string, unknown>): LinkSignal | null {
  const { candidate, sdpMid = null, sdpMLineIndex = null, usernameFragment = null } = fields
  if (!isText(candidate) || !isTextOrNull(sdpMid) || !isTextOrNull(usernameFragment)) return null
  if (sdpMLineIndex !== null && !Number.isInteger(sdpMLineIndex)) return null
  return {
    kind: 'candidate',
    candidate: { candidate, sdpMid, sdpMLineIndex: sdpMLineIndex as number | null, usernameFragment },
  }
}

function objectOf(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_CANDIDATE_LENGTH
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || isText(value)
}
