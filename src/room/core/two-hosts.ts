import type { PeerId } from '../../seam/contract.ts'
import type { Joining } from './joining.ts'
import type { Membership } from './membership.ts'
import type { Here } from './message.ts'
import { prevails } from './succession.ts'

/** Two hosts of one room meet when a split heals. The one of the lower id decides for both, so that they cannot decide differently. */
export class TwoHosts {
  readonly #m: Membership
  readonly #joining: Joining

  constructor(membership: Membership, joining: Joining) {
    this.#m = membership
    this.#joining = joining
  }

  onHere(other: PeerId, theirs: Here): void {
    const m = this.#m
    // It has no say here, whichever of us decides, and does not know it: it comes and hears it.
    if (m.hasSentAway(other)) {
      m.send(other, { kind: 'merge' })
      return
    }
    if (!m.mayHost(other)) return
    if (m.selfId > other) m.sayHere(other)
    else if (prevails({ host: m.selfId, connected: m.connected, epoch: m.room.epoch }, theirs)) {
      m.send(other, { kind: 'merge' })
    } else this.#yieldTo(other)
  }

  onMerge(from: PeerId): void {
    const m = this.#m
    // Whom we sent away was told to come to us: were we to go there as well, both rooms would be without a host. Of two
    // that sent each other away the one that decides goes, where a member vouches for the other.
    if (m.hasSentAway(from) && from < m.selfId) return
    if (m.mayHost(from)) this.#yieldTo(from)
  }

  #yieldTo(other: PeerId): void {
    const m = this.#m
    m.sendToMembers({ kind: 'yield', to: other })
    this.#joining.begin({ token: m.token, towards: other, isSent: true, isOurs: true })
  }
}
