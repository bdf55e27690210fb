import { ByteReader, ByteWriter, MalformedBytesError } from '../base/bytes.ts'
import type { DedupKey, MembershipRecord, NodeId, StoredEntry } from './contract.ts'
import { MAX_MEMBERS } from './core/configuration.ts'
import type { Append, RaftMessage } from './core/message.ts'
import { MAX_ID_BYTES } from './id.ts'

/**
 * Raft frames as bytes: a version, a kind, then the kind's fields, most of them varints. The grammar is
 * in docs/wire.md. Entries leave out what the frame implies (index) and what repeats (proposer, client).
 */
export const RAFT_WIRE_VERSION = 1

const KIND = {
  'pre-vote': 1,
  'pre-vote-reply': 2,
  vote: 3,
  'vote-reply': 4,
  append: 5,
  'append-reply': 6,
  commit: 7,
  forward: 8,
  'forward-refused': 9,
  'who-votes': 10,
  voters: 11,
  read: 12,
  'read-reply': 13,
  'timeout-now': 14,
  'transfer-refused': 15,
} as const

const ENTRY_KIND = { command: 0, noop: 1, config: 2 } as const
const ENTRY_KIND_MASK = 0x03
const HAS_PROPOSER = 0x04
const SAME_PROPOSER = 0x08
const HAS_KEY = 0x10
const SAME_CLIENT = 0x20
const ENTRY_FLAGS = 0x3f

export function encodeRaftMessage(message: RaftMessage): Uint8Array<ArrayBuffer> {
  const w = new ByteWriter(message.kind === 'append' && message.entries.length > 0 ? 512 : 48)
  w.u8(RAFT_WIRE_VERSION).u8(KIND[message.kind]).varint(message.term)
  switch (message.kind) {
    case 'pre-vote':
      w.varint(message.lastIndex).varint(message.lastTerm).varint(message.nonce)
      break
    case 'pre-vote-reply':
      w.varint(message.nonce).u8(message.granted ? 1 : 0)
      break
    case 'vote':
      w.varint(message.lastIndex).varint(message.lastTerm)
      break
    case 'vote-reply':
      w.u8(message.granted ? 1 : 0)
      break
    case 'append':
      writeAppend(w, message)
      break
    case 'append-reply':
      w.u8(message.accepted ? 1 : 0).varint(message.index)
      if (!message.accepted) w.varint(message.hintIndex).varint(message.hintTerm)
      writeRound(w, message.round)
      break
    case 'commit':
      w.varint(message.commit)
      break
    case 'forward':
      w.varint(message.incarnation).varint(message.serial).varint(message.lowest)
      w.u8(message.dedupKey === null ? 0 : 1)
      if (message.dedupKey !== null) w.text(message.dedupKey.clientId).varint(message.dedupKey.requestId)
      w.raw(message.command)
      break
    case 'forward-refused':
      w.varint(message.incarnation).varint(message.serial).varint(message.maxBytes)
      break
    case 'who-votes':
      break
    case 'voters':
      w.varint(message.index)
      writeConfig(w, message.config)
      break
    case 'read':
      w.varint(message.serial)
      break
    case 'read-reply':
      w.varint(message.serial).varint(message.index)
      break
    case 'timeout-now':
      w.text(message.target)
      break
    case 'transfer-refused':
      break
  }
  return w.finish()
}

/** The message in `frame`, or `null` where it is none: nothing a peer can send makes this throw. Shares no bytes. */
export function decodeRaftMessage(frame: Uint8Array): RaftMessage | null {
  try {
    const r = new ByteReader(frame)
    if (r.u8() !== RAFT_WIRE_VERSION) return null
    const message = readMessage(r)
    r.end()
    return message
  } catch (error) {
    if (error instanceof MalformedBytesError) return null
    throw error
  }
}

function readMessage(r: ByteReader): RaftMessage {
  const kind = r.u8()
  const term = r.varint()
  switch (kind) {
    case KIND['pre-vote']:
      return { kind: 'pre-vote', term, lastIndex: r.varint(), lastTerm: r.varint(), nonce: r.varint() }
    case KIND['pre-vote-reply']:
      return { kind: 'pre-vote-reply', term, nonce: r.varint(), granted: readFlag(r) }
    case KIND.vote:
      return { kind: 'vote', term, lastIndex: r.varint(), lastTerm: r.varint() }
    case KIND['vote-reply']:
      return { kind: 'vote-reply', term, granted: readFlag(r) }
    case KIND.append:
      return readAppend(r, term)
    case KIND['append-reply']: {
      const accepted = readFlag(r)
      const index = r.varint()
      const [hintIndex, hintTerm] = accepted ? [0, 0] : [r.varint(), r.varint()]
      return { kind: 'append-reply', term, accepted, index, hintIndex, hintTerm, round: readRound(r) }
    }
    case KIND.commit:
      return { kind: 'commit', term, commit: r.varint() }
    case KIND.forward: {
      const [incarnation, serial, lowest] = [r.varint(), r.varint(), r.varint()]
      const dedupKey = readFlag(r) ? { clientId: readId(r), requestId: r.varint() } : null
      return { kind: 'forward', term, incarnation, serial, lowest, dedupKey, command: copied(r.rest()) }
    }
    case KIND['forward-refused']:
      return { kind: 'forward-refused', term, incarnation: r.varint(), serial: r.varint(), maxBytes: r.varint() }
    case KIND['who-votes']:
      return { kind: 'who-votes', term }
    case KIND.voters:
      return { kind: 'voters', term, index: r.varint(), config: readConfig(r) }
    case KIND.read:
      return { kind: 'read', term, serial: r.varint() }
    case KIND['read-reply']:
      return { kind: 'read-reply', term, serial: r.varint(), index: r.varint() }
    case KIND['timeout-now']:
      return { kind: 'timeout-now', term, target: readId(r) }
    case KIND['transfer-refused']:
      return { kind: 'transfer-refused', term }
    default:
      throw new MalformedBytesError(`no frame of kind ${kind}`)
  }
}

function writeAppend(w: ByteWriter, { prevIndex, prevTerm, commit, entries, round }: Append): void {
  w.varint(prevIndex).varint(prevTerm).varint(commit).varint(entries.length)
  let before: Before = { term: prevTerm, timeMs: 0, proposer: null, clientId: null }
  for (const entry of entries) {
    writeEntry(w, entry, before)
    before = following(before, entry)
  }
  writeRound(w, round)
}

function readAppend(r: ByteReader, term: number): Append {
  const [prevIndex, prevTerm, commit, count] = [r.varint(), r.varint(), r.varint(), r.varint()]
  // An entry is at least four bytes: a count that the frame cannot hold is refused before anything is made of it.
  if (count > r.remaining / 4) throw new MalformedBytesError(`${count} entries in ${r.remaining} bytes`)
  if (prevIndex + count > Number.MAX_SAFE_INTEGER) throw new MalformedBytesError('index above 2^53 - 1')
  const entries: StoredEntry[] = []
  let before: Before = { term: prevTerm, timeMs: 0, proposer: null, clientId: null }
  for (let i = 1; i <= count; i++) {
    const entry = readEntry(r, prevIndex + i, before)
    entries.push(entry)
    before = following(before, entry)
  }
  return { kind: 'append', term, prevIndex, prevTerm, commit, entries, round: readRound(r) }
}

/** At the end of a frame, and left out where nobody waits for one. */
function writeRound(w: ByteWriter, round: number | undefined): void {
  if (round !== undefined && round > 0) w.varint(round)
}

function readRound(r: ByteReader): number {
  if (r.remaining === 0) return 0
  const round = r.varint()
  if (round === 0) throw new MalformedBytesError('a round of 0, which is left out')
  return round
}

/** What the next entry of a frame is written in terms of. */
interface Before {
  readonly term: number
  readonly timeMs: number
  readonly proposer: NodeId | null
  readonly clientId: string | null
}

function following(before: Before, { term, timeMs, proposer, dedupKey }: StoredEntry): Before {
  return { term, timeMs, proposer: proposer ?? before.proposer, clientId: dedupKey?.clientId ?? before.clientId }
}

function writeEntry(w: ByteWriter, entry: StoredEntry, before: Before): void {
  const { proposer, dedupKey } = entry
  const sameProposer = proposer !== null && proposer === before.proposer
  const sameClient = dedupKey !== null && dedupKey.clientId === before.clientId
  let flags: number = ENTRY_KIND[entry.kind]
  if (proposer !== null) flags |= sameProposer ? HAS_PROPOSER | SAME_PROPOSER : HAS_PROPOSER
  if (dedupKey !== null) flags |= sameClient ? HAS_KEY | SAME_CLIENT : HAS_KEY
  w.u8(flags)
    .varint(entry.term - before.term)
    .varint(entry.timeMs - before.timeMs)
  if (proposer !== null && !sameProposer) w.text(proposer)
  if (dedupKey !== null) {
    if (!sameClient) w.text(dedupKey.clientId)
    w.varint(dedupKey.requestId)
  }
  w.block(entry.command)
  if (entry.kind === 'config') writeConfig(w, entry.config)
}

function readEntry(r: ByteReader, index: number, before: Before): StoredEntry {
  const flags = r.u8()
  if ((flags & ~ENTRY_FLAGS) !== 0) throw new MalformedBytesError('unknown flags of an entry')
  const term = sum(before.term, r.varint())
  const timeMs = sum(before.timeMs, r.varint())
  const proposer = readShared(r, flags, HAS_PROPOSER, SAME_PROPOSER, before.proposer)
  const clientId = readShared(r, flags, HAS_KEY, SAME_CLIENT, before.clientId)
  const dedupKey: DedupKey | null = clientId === null ? null : { clientId, requestId: r.varint() }
  const command = copied(r.block())
  const entry = { index, term, command, dedupKey, proposer, timeMs }
  switch (flags & ENTRY_KIND_MASK) {
    case ENTRY_KIND.command:
      return { ...entry, kind: 'command' }
    case ENTRY_KIND.noop:
      return { ...entry, kind: 'noop' }
    case ENTRY_KIND.config:
      return { ...entry, kind: 'config', config: readConfig(r) }
    default:
      throw new MalformedBytesError('no such kind of entry')
  }
}

function readShared(r: ByteReader, flags: number, has: number, same: number, before: string | null): string | null {
  if ((flags & has) === 0) {
    if ((flags & same) !== 0) throw new MalformedBytesError('a repeated id that is not there')
    return null
  }
  if ((flags & same) === 0) return readId(r)
  if (before === null) throw new MalformedBytesError('a repeated id without a first')
  return before
}

function writeConfig(w: ByteWriter, { voters, learners, old }: MembershipRecord): void {
  writeSet(w, voters)
  writeSet(w, learners)
  w.u8(old === null ? 0 : 1)
  if (old !== null) writeSet(w, old)
}

function readConfig(r: ByteReader): MembershipRecord {
  const voters = readSet(r)
  const learners = readSet(r)
  const old = readFlag(r) ? readSet(r) : null
  if (voters.length === 0 || old?.length === 0) throw new MalformedBytesError('a configuration without voters')
  return { voters, learners, old }
}

function writeSet(w: ByteWriter, ids: readonly NodeId[]): void {
  w.varint(ids.length)
  for (const id of ids) w.text(id)
}

function readSet(r: ByteReader): NodeId[] {
  const count = r.varint()
  if (count > MAX_MEMBERS) throw new MalformedBytesError(`${count} members`)
  const ids = new Set<NodeId>()
  for (let i = 0; i < count; i++) ids.add(readId(r))
  if (ids.size !== count) throw new MalformedBytesError('a member named twice')
  return [...ids]
}

function readId(r: ByteReader): string {
  const before = r.remaining
  const id = r.text()
  // The longest one has a length of two bytes in front of it.
  if (id === '' || before - r.remaining > MAX_ID_BYTES + 2) throw new MalformedBytesError('an id empty or too long')
  return id
}

function readFlag(r: ByteReader): boolean {
  const flag = r.u8()
  if (flag > 1) throw new MalformedBytesError(`${flag} is no flag`)
  return flag === 1
}

/** `slice` of a frame that is a Node `Buffer` would be a view of it. */
function copied(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

function sum(a: number, b: number): number {
  const total = a + b
  if (total > Number.MAX_SAFE_INTEGER) throw new MalformedBytesError('number above 2^53 - 1')
  return total
}
