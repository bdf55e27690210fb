import { ByteReader, ByteWriter, MalformedBytesError } from '../../base/bytes.ts'
import type { DedupKey, NodeId, StoredEntry } from '../contract.ts'
import { ClientSession, type Place } from './client-session.ts'

/** What the ids of automatic clients begin with; a durable client may not choose one that does. */
export const AUTO_PREFIX = 'auto:'
/** Automatic clients of one member that are remembered: those it used last. */
export const MAX_AUTOMATIC_CLIENTS = 4
/** Durable clients that may belong to one member; a further one is refused. */
export const MAX_DURABLE_CLIENTS = 16
/** Clients that belong to nobody any more and are remembered: those used last. */
export const MAX_OWNERLESS_CLIENTS = 256

const LAYOUT_VERSION = 1

/**
 * What becomes of a command under a key: it is `new`; or it took effect before, at that place; or `expired`: it is too
 * old to tell; or `foreign`: the client belongs to another member; or `crowded`: the proposer has too many clients.
 * Only what is new takes effect.
 */
export type Fate = 'new' | 'expired' | 'foreign' | 'crowded' | Place

/**
 * Which requests of which clients have taken effect (Raft thesis, section 6.3): so that one that is
 * proposed again does so once. A pure function of the committed log: the same on every replica, byte for byte.
 *
 * A client belongs to the first member that uses it, until that member leaves. What is remembered is bounded: a
 * client's {@link ClientSession} by its window; of a member's clients the automatic ones it used last, and the
 * durable ones, none of which is forgotten while it is a member; of those who left, the ones used last.
 */
export class ClientSessionTable {
  readonly #clients: Map<string, ClientSession> = new Map()
  /** Who can own a client; `null` is anybody. */
  #members: ReadonlySet<NodeId> | null = null
  #lastIndex = 0

  /** For a table that an application keeps of its own: whether this is the first time, which is then recorded. */
  shouldApply(dedupKey: DedupKey): boolean {
    return this.apply({ index: this.#lastIndex + 1, term: 0, timeMs: 0, proposer: null }, dedupKey) === 'new'
  }

  /** What would become of it now. */
  look(dedupKey: DedupKey, proposer: NodeId | null): Fate {
    return this.#fate(this.#clients.get(dedupKey.clientId), dedupKey, proposer)
  }

  #fate(session: ClientSession | undefined, { clientId, requestId }: DedupKey, proposer: NodeId | null): Fate {
    const owner = session?.owner ?? automaticOwner(clientId)
    if (owner !== null && proposer !== null && owner !== proposer) return 'foreign'
    const known = session?.find(requestId) ?? null
    if (known !== null) return known
    const isNewHere = owner === null && proposer !== null
    return isNewHere && this.#clientsOf(proposer, false).length >= MAX_DURABLE_CLIENTS ? 'crowded' : 'new'
  }

  /** A command has committed at `place`. Records it if it takes effect. */
  apply(place: Place & Pick<StoredEntry, 'proposer'>, dedupKey: DedupKey): Fate {
    const { clientId, requestId } = dedupKey
    const { index, proposer } = place
    let session = this.#clients.get(clientId)
    const fate = this.#fate(session, dedupKey, proposer)
    if (fate !== 'new') return fate
    // Who owns a client is a member.
    const owner = proposer === session?.owner || this.#isMember(proposer) ? proposer : null
    const settled = session?.owner === owner
    if (session === undefined) {
      session = new ClientSession(owner, place)
      this.#clients.set(clientId, session)
    }
    session.owner = owner
    session.add(requestId, place)
    this.#lastIndex = index
    if (!settled) this.#makeRoom(owner)
    return fate
  }

  /** A configuration has committed: the clients of those that it leaves out are free. */
  setMembers(members: ReadonlySet<NodeId>): void {
    this.#members = members
    for (const session of this.#clients.values()) if (!this.#isMember(session.owner)) session.owner = null
    this.#makeRoom(null)
  }

  /** The same bytes for the same table; none for an empty one. */
  toBytes(): Uint8Array<ArrayBuffer> {
    if (this.#clients.size === 0) return new Uint8Array(0)
    const w = new ByteWriter(1024).u8(LAYOUT_VERSION).varint(this.#clients.size)
    const ids = [...this.#clients.keys()].sort((a, b) => (a < b ? -1 : 1))
    for (const clientId of ids) (this.#clients.get(clientId) as ClientSession).write(w.text(clientId))
    return w.finish()
  }

  /** Throws {@link MalformedBytesError} for what no table can have written. */
  static fromBytes(bytes: Uint8Array): ClientSessionTable {
    const table = new ClientSessionTable()
    if (bytes.length === 0) return table
    const r = new ByteReader(bytes)
    if (r.u8() !== LAYOUT_VERSION) throw new MalformedBytesError('client sessions of another version')
    const count = r.varint()
    let before = ''
    for (let i = 0; i < count; i++) {
      const clientId = r.text()
      if (i > 0 && clientId <= before) throw new MalformedBytesError('clients out of order')
      before = clientId
      const session = ClientSession.read(r)
      table.#clients.set(clientId, session)
      table.#lastIndex = Math.max(table.#lastIndex, session.last.index)
    }
    if (count === 0) throw new MalformedBytesError('an empty table has no bytes')
    r.end()
    return table
  }

  #isMember(id: NodeId | null): boolean {
    return id !== null && this.#members?.has(id) !== false
  }

  #clientsOf(owner: NodeId | null, automatic: boolean | null): string[] {
    const ids: string[] = []
    for (const [clientId, session] of this.#clients) {
      if (session.owner !== owner) continue
      if (automatic === null || isAutomatic(clientId) === automatic) ids.push(clientId)
    }
    return ids
  }

  /** Forgets, of those that may be forgotten, the ones that were used the longest ago. */
  #makeRoom(owner: NodeId | null): void {
    const [clients, most] =
      owner === null
        ? [this.#clientsOf(null, null), MAX_OWNERLESS_CLIENTS]
        : [this.#clientsOf(owner, true), MAX_AUTOMATIC_CLIENTS]
    if (clients.length <= most) return
    const lastUse = (clientId: string): number => this.#clients.get(clientId)?.last.index ?? 0
    clients.sort((a, b) => lastUse(a) - lastUse(b))
    for (const clientId of clients.slice(0, -most)) this.#clients.delete(clientId)
  }
}

export function isAutomatic(clientId: string): boolean {
  return clientId.startsWith(AUTO_PREFIX)
}

/** Whose automatic client that is: its id names its node before the last dash. */
function automaticOwner(clientId: string): NodeId | null {
  return isAutomatic(clientId) ? clientId.slice(AUTO_PREFIX.length, clientId.lastIndexOf('-')) : null
}
