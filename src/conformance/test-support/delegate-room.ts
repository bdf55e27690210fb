import type { ReadableAtom } from '../../base/observable.ts'
import type {
  AdmissionPolicy,
  ChannelOptions,
  LocalFabric,
  Member,
  MembershipEvent,
  ResumeResult,
  Room,
  RoomFrame,
  RoomId,
  RoomRole,
  RoomStatus,
} from '../../room/contract.ts'
import type { PeerId, Seam, SendOptions, WaitOptions } from '../../seam/contract.ts'
import type { ResumeToken } from '../../seam/resume-token.ts'

/** A room that does as another does: for wrappers that change one thing. */
export class DelegateRoom implements Room {
  readonly inner: Room

  constructor(inner: Room) {
    this.inner = inner
  }

  get selfId(): PeerId {
    return this.inner.selfId
  }

  get role(): ReadableAtom<RoomRole> {
    return this.inner.role
  }

  get status(): ReadableAtom<RoomStatus> {
    return this.inner.status
  }

  get roster(): ReadableAtom<ReadonlyMap<PeerId, Member>> {
    return this.inner.roster
  }

  get host(): ReadableAtom<PeerId | null> {
    return this.inner.host
  }

  get roomId(): ReadableAtom<RoomId | null> {
    return this.inner.roomId
  }

  get localFabric(): ReadableAtom<LocalFabric> {
    return this.inner.localFabric
  }

  get policy(): ReadableAtom<AdmissionPolicy> {
    return this.inner.policy
  }

  get events(): AsyncIterable<MembershipEvent> {
    return this.inner.events
  }

  get incoming(): AsyncIterable<RoomFrame> {
    return this.inner.incoming
  }

  get resumeToken(): ResumeToken | null {
    return this.inner.resumeToken
  }

  reattach(seam: Seam): void {
    this.inner.reattach(seam)
  }

  resume(token: ResumeToken, options?: WaitOptions): Promise<ResumeResult> {
    return this.inner.resume(token, options)
  }

  channel(id: string, options?: ChannelOptions): Seam {
    return this.inner.channel(id, options)
  }

  broadcast(payload: Uint8Array, options?: SendOptions): Promise<void> {
    return this.inner.broadcast(payload, options)
  }

  sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
    return this.inner.sendTo(peer, payload, options)
  }

  announce(presence: 'here' | 'hidden' | 'away'): void {
    this.inner.announce(presence)
  }

  setPolicy(change: Partial<AdmissionPolicy>): void {
    this.inner.setPolicy(change)
  }

  kick(peer: PeerId, options?: { readonly ban?: boolean | undefined }): void {
    this.inner.kick(peer, options)
  }

  leave(): Promise<void> {
    return this.inner.leave()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave()
  }
}
