import { ByteReader, ByteWriter, MalformedBytesError } from '../../base/bytes.ts'
import type { StoredEntry, StoredSnapshot } from '../contract.ts'
import { readMembership, writeMembership } from '../membership-codec.ts'

/**
 * Layout of the records that are stored as bytes. The first byte is the layout's version; numbers are varints
 * unless said otherwise, texts and blocks have a varint length before them.
 *
 *     entry    = 1, kind (0 command, 1 noop, 2 config), term, timeMs (8 bytes, IEEE 754), flags,
 *                [clientId, requestId], [proposer], [membership], command (the rest)
 *     flags    = 1 dedup key follows + 2 proposer follows
 *     snapshot = 1, index, term, timeMs (8 bytes, IEEE 754), configIndex, membership, sessions (block), state (the rest)
 *     membership = count, voters, count, learners, 0 | 1, [count, old]
 *
 * An entry's index is its key.
 */
const LAYOUT_VERSION = 1

const KINDS = ['command', 'noop', 'config'] as const

const HAS_DEDUP_KEY = 1
const HAS_PROPOSER = 2

/** What an entry takes beside its command, about: room for it up front saves the writer from growing. */
const ENTRY_OVERHEAD_BYTES = 96

export function encodeEntry(entry: StoredEntry): Uint8Array<ArrayBuffer> {
  const { dedupKey, proposer } = entry
  const writer = new ByteWriter(entry.command.length + ENTRY_OVERHEAD_BYTES)
  writer.u8(LAYOUT_VERSION).u8(KINDS.indexOf(entry.kind)).varint(entry.term).f64(entry.timeMs)
  writer.u8((dedupKey === null ? 0 : HAS_DEDUP_KEY) | (proposer === null ? 0 : HAS_PROPOSER))
  if (dedupKey !== null) writer.text(dedupKey.clientId).varint(dedupKey.requestId)
  if (proposer !== null) writer.text(proposer)
  if (entry.kind === 'config') writeMembership(writer, entry.config, (id) => writer.text(id))
  return writer.raw(entry.command).finish()
}

/** Throws {@link MalformedBytesError}. The command is a view on `bytes`. */
export function decodeEntry(index: number, bytes: Uint8Array): StoredEntry {
  const reader = new ByteReader(bytes)
  checkVersion(reader)
  const kind = KINDS[reader.u8()]
  if (kind === undefined) throw new MalformedBytesError('no such kind of entry')
  const term = reader.varint()
  const timeMs = reader.f64()
  const flags = reader.u8()
  if (flags > (HAS_DEDUP_KEY | HAS_PROPOSER)) throw new MalformedBytesError(`flags that mean nothing: ${flags}`)
  const dedupKey = (flags & HAS_DEDUP_KEY) === 0 ? null : { clientId: reader.text(), requestId: reader.varint() }
  const proposer = (flags & HAS_PROPOSER) === 0 ? null : reader.text()
  if (kind !== 'config') return { kind, index, term, command: reader.rest(), dedupKey, proposer, timeMs }
  const config = readMembership(reader, () => reader.text())
  return { kind, index, term, command: reader.rest(), dedupKey, proposer, timeMs, config }
}

export function encodeSnapshot(snapshot: StoredSnapshot): Uint8Array<ArrayBuffer> {
  const { index, term, timeMs, configIndex, config, sessions, state } = snapshot
  const writer = new ByteWriter(sessions.length + state.length + ENTRY_OVERHEAD_BYTES)
  writer.u8(LAYOUT_VERSION).varint(index).varint(term).f64(timeMs).varint(configIndex)
  writeMembership(writer, config, (id) => writer.text(id))
  return writer.block(sessions).raw(state).finish()
}

/** Throws {@link MalformedBytesError}. Sessions and state are views on `bytes`. */
export function decodeSnapshot(bytes: Uint8Array): StoredSnapshot {
  const reader = new ByteReader(bytes)
  checkVersion(reader)
  const index = reader.varint()
  const term = reader.varint()
  const timeMs = reader.f64()
  const configIndex = reader.varint()
  const config = readMembership(reader, () => reader.text())
  return { index, term, timeMs, configIndex, config, sessions: reader.block(), state: reader.rest() }
}

function checkVersion(reader: ByteReader): void {
  const version = reader.u8()
  if (version !== LAYOUT_VERSION)
    throw new MalformedBytesError(`layout version ${version}, which this library does not know`)
}
