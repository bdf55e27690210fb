import { observable } from '../base/observable.ts'
import type { PeerId } from '../seam/contract.ts'
import type { AdmissionPolicy, EndReason, LocalFabric, Member, RoomId, RoomRole, RoomStatus } from './contract.ts'
import type { RoomCore } from './core/room-core.ts'
import { rosterOf, type RosterView } from './core/roster-view.ts'
import { defaultPolicy } from './profile.ts'

type Level<T> = ReturnType<typeof observable<T>>

/** What a room shows, as observables. */
export class RoomLevels {
  readonly role: Level<RoomRole> = observable<RoomRole>('joiner')
  readonly status: Level<RoomStatus> = observable<RoomStatus>({ kind: 'joining' }, (a, b) => a.kind === b.kind)
  readonly roster: Level<ReadonlyMap<PeerId, Member>> = observable<ReadonlyMap<PeerId, Member>>(new Map())
  readonly host: Level<PeerId | null> = observable<PeerId | null>(null)
  readonly roomId: Level<RoomId | null> = observable<RoomId | null>(null)
  readonly localFabric: Level<LocalFabric> = observable<LocalFabric>('up')
  readonly policy: Level<AdmissionPolicy> = observable<AdmissionPolicy>(defaultPolicy())
  #shown: RosterView | null = null

  /** Takes over what `core` knows; whether the members changed. */
  show(core: RoomCore, isSeamTorn: boolean): boolean {
    const { state, view } = core
    const isChanged = view !== this.#shown
    this.#shown = view
    if (state !== null) {
      this.roomId.set(state.roomId)
      this.policy.set(state.policy)
    }
    this.localFabric.set(core.localFabric)
    if (isChanged) {
      this.host.set(view?.host ?? null)
      this.roster.set(view === null ? new Map() : rosterOf(view, core.selfId))
    }
    this.role.set(core.hosts ? 'host' : 'joiner')
    if (core.phase === 'inside' && !isSeamTorn) this.status.set({ kind: 'member' })
    else if (core.phase !== 'ended' && state !== null) this.status.set({ kind: 'rejoining' })
    return isChanged
  }

  end(reason: EndReason): void {
    this.status.set({ kind: 'ended', reason })
  }
}
