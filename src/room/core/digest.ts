import { toBase64Url, utf8 } from '../../base/bytes.ts'
import type { RoomState } from './room-state.ts'

/**
 * 32 bits of what two copies of one state must agree on (FNV-1a, the variant with exclusive or first). Times are
 * left out: every peer has them on its own clock. Guards against accidents, not against forgers.
 */
export function digestOf(state: RoomState): number {
  const known = digests.get(state)
  if (known !== undefined) return known
  let hash = 0x811c9dc5
  for (const byte of utf8(JSON.stringify(essence(state)))) hash = Math.imul(hash ^ byte, 0x01000193)
  digests.set(state, hash >>> 0)
  return hash >>> 0
}

const digests = new WeakMap<RoomState, number>()

function essence(state: RoomState): unknown {
  const { policy } = state
  return [
    state.roomId,
    state.host,
    state.nextSeniority,
    [policy.maxMembers, policy.maxSpectators, policy.password, policy.locked],
    [policy.allow === null ? null : [...policy.allow], [...policy.deny]],
    state.issuers.map(({ epoch, id, key, title }) => [epoch, id, toBase64Url(key), title]),
    state.members.map((member) => [
      member.id,
      toBase64Url(member.key),
      member.name,
      member.deviceId,
      toBase64Url(member.metadata),
      member.spectator,
      member.hidden,
      member.seniority,
      member.resumes,
      member.was,
      member.away?.reason ?? null,
    ]),
    state.departed.map(({ id, reason }) => [id, reason]),
  ]
}
