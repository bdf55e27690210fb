import type { ReadableAtom } from '../base/observable.ts'
import type { RaftNode } from '../raft/contract.ts'
import type { Seam } from '../seam/contract.ts'
import type { NamedMux } from '../seam/named-mux.ts'
import { ApplicationNode } from './application-node.ts'
import type { GameSession, Seat } from './contract.ts'
import { followPage } from './page-life.ts'
import type { Presence } from './presence.ts'
import type { RunningGame } from './running-game.ts'

/** A running game in a caller's hands. */
export class TableSession implements GameSession {
  readonly node: RaftNode
  readonly #parts: SessionParts
  readonly #stopFollowingPage: () => void
  #closing: Promise<void> | null = null

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.node = new ApplicationNode(parts.game.node)
    this.#stopFollowingPage = followPage(parts.game.node)
    // Nobody can be reached any more, ever: without this, the node would campaign and its callers wait for good.
    parts.seam.state.subscribe((state) => {
      if (state.kind === 'torn') void this.close()
    })
  }

  get gameId(): string {
    return this.#parts.game.gameId
  }

  get seats(): ReadableAtom<readonly Seat[]> {
    return this.#parts.game.seats
  }

  appChannel(name: string): Seam {
    return this.#parts.channels.channel(name)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const { game, presence, seam } = this.#parts
    this.#stopFollowingPage()
    await game.stop()
    presence.close()
    await seam.close()
  }
}

export interface SessionParts {
  readonly seam: Seam
  readonly game: RunningGame
  readonly presence: Presence
  readonly channels: NamedMux
}
