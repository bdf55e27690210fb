import type { PeerId } from '../../seam/contract.ts'
import type { MemberRecord, RoomState } from './room-state.ts'

/** Who hosts next, best first: who is here before who is away, members before spectators, visible pages before hidden ones, then by seniority. The same on every copy of a state. */
export function heirs(state: RoomState): readonly MemberRecord[] {
  return state.members
    .filter((member) => member.id !== state.host)
    .toSorted((a, b) => rank(a) - rank(b) || a.seniority - b.seniority)
}

/** What two hosts of one room weigh when they meet. */
export interface Claim {
  readonly host: PeerId
  readonly connected: number
  readonly epoch: number
}

/** Whether `a` stays: the fuller room, then the later host, then the lower id. */
export function prevails(a: Claim, b: Claim): boolean {
  if (a.connected !== b.connected) return a.connected > b.connected
  if (a.epoch !== b.epoch) return a.epoch > b.epoch
  return a.host < b.host
}

function rank(member: MemberRecord): number {
  return (member.away === null ? 0 : 4) + (member.spectator ? 2 : 0) + (member.hidden ? 1 : 0)
}
