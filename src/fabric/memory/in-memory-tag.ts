import type { Tag } from '../../seam/contract.ts'

/** Joins the one session of an {@link InMemoryLoom}. The name is free text: it says who joins, not where. */
export class InMemoryTag implements Tag {
  readonly sessionName: string
  readonly peerKey: string

  constructor(sessionName: string) {
    this.sessionName = sessionName
    this.peerKey = sessionName
  }
}
