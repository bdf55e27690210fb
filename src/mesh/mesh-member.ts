import type { PeerId } from '../seam/contract.ts'
import type { SignalAddress } from '../signal/protocol.ts'
import type { LinkRoute, LinkStage } from './link/link-status.ts'

/** One weave of one peer, as signalling or a link tells of it. */
export interface Member {
  readonly at: SignalAddress
  readonly key: string
  /** `gone`: a server says that it left for good. `unknown`: no server that this peer is attached to says anything. */
  presence: 'attached' | 'gone' | 'unknown'
  /** A linked peer is linked with it. */
  introduced: boolean
  /** Not to be dialled: it left, proved nothing, or is the ghost of a session that did. It may dial. */
  shunned: boolean
  attempts: number
}

export interface MeshLink {
  readonly id: string
  readonly member: Member
  readonly outgoing: boolean
  readonly route: LinkRoute
  /** `connecting` until it carries. */
  stage: LinkStage
  isProved: boolean
}

/** A peer that others see, and the link that carries what goes to it; `null` while it is being made again. */
export interface ListedPeer {
  readonly member: Member
  link: MeshLink | null
}

/** Whether words for it have a way. */
export function isReachable({ presence, introduced }: Member): boolean {
  return presence === 'attached' || introduced
}

export function isGone({ presence, introduced }: Member): boolean {
  return presence === 'gone' && !introduced
}

export function keyOf(at: SignalAddress): string {
  return JSON.stringify([at.peer, at.session])
}

export function retryTimer(member: Member): string {
  return `retry ${member.key}`
}

export function relayTimer(member: Member): string {
  return `relay ${member.key}`
}

export function restartTimer(link: MeshLink): string {
  return `restart ${link.id}`
}

export function lostTimer(peer: PeerId): string {
  return `lost ${peer}`
}
