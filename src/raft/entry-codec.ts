import { type ByteReader, type ByteWriter, MalformedBytesError } from '../base/bytes.ts'
import type { DedupKey, MembershipRecord, StoredEntry } from './contract.ts'
import { flawOf } from './core/configuration.ts'
import type { FrameNames } from './frame-names.ts'
import { readMembership, writeMembership } from './membership-codec.ts'

const ENTRY_KIND = { command: 0, noop: 1, config: 2 } as const
const ENTRY_KIND_MASK = 0x03
const HAS_PROPOSER = 0x04
const HAS_KEY = 0x08
const ENTRY_FLAGS = 0x0f

/** Fewest bytes of an entry: flags, term, time, length of the command. */
const MIN_ENTRY_BYTES = 4

/** Consecutive entries. Term and time are said as differences to the entry before, ids by their number in the frame. */
export function writeEntries(
  w: ByteWriter,
  entries: readonly StoredEntry[],
  prevTerm: number,
  names: FrameNames,
): void {
  let term = prevTerm
  let timeMs = 0
  w.varint(entries.length)
  for (const entry of entries) {
    const { proposer, dedupKey } = entry
    w.u8(ENTRY_KIND[entry.kind] | (proposer === null ? 0 : HAS_PROPOSER) | (dedupKey === null ? 0 : HAS_KEY))
    w.varint(entry.term - term).varint(entry.timeMs - timeMs)
    if (proposer !== null) w.varint(names.numberOf(proposer))
    if (dedupKey !== null) writeKey(w, dedupKey, names)
    w.block(entry.command)
    if (entry.kind === 'config') writeConfig(w, entry.config, names)
    term = entry.term
    timeMs = entry.timeMs
  }
}

/** Commands are views of the frame. */
export function readEntries(
  r: ByteReader,
  prevIndex: number,
  prevTerm: number,
  names: readonly string[],
): StoredEntry[] {
  const count = r.varint()
  // A count that the frame cannot hold is refused before anything is made of it.
  if (count > r.remaining / MIN_ENTRY_BYTES) throw new MalformedBytesError(`${count} entries in ${r.remaining} bytes`)
  if (prevIndex + count > Number.MAX_SAFE_INTEGER) throw new MalformedBytesError('index above 2^53 - 1')
  const entries: StoredEntry[] = []
  let term = prevTerm
  let timeMs = 0
  for (let index = prevIndex + 1; index <= prevIndex + count; index++) {
    const flags = r.u8()
    if ((flags & ~ENTRY_FLAGS) !== 0) throw new MalformedBytesError('unknown flags of an entry')
    term = sum(term, r.varint())
    timeMs = sum(timeMs, r.varint())
    const proposer = (flags & HAS_PROPOSER) === 0 ? null : nameAt(names, r.varint())
    const dedupKey = (flags & HAS_KEY) === 0 ? null : readKey(r, names)
    const command = r.block()
    switch (flags & ENTRY_KIND_MASK) {
      case ENTRY_KIND.command:
        entries.push({ kind: 'command', index, term, command, dedupKey, proposer, timeMs })
        break
      case ENTRY_KIND.noop:
        entries.push({ kind: 'noop', index, term, command, dedupKey, proposer, timeMs })
        break
      case ENTRY_KIND.config: {
        const config = readConfig(r, names)
        entries.push({ kind: 'config', index, term, command, dedupKey, proposer, timeMs, config })
        break
      }
      default:
        throw new MalformedBytesError('no such kind of entry')
    }
  }
  return entries
}

export function writeKey(w: ByteWriter, { clientId, requestId }: DedupKey, names: FrameNames): void {
  w.varint(names.numberOf(clientId)).varint(requestId)
}

export function readKey(r: ByteReader, names: readonly string[]): DedupKey {
  return { clientId: nameAt(names, r.varint()), requestId: r.varint() }
}

export function writeConfig(w: ByteWriter, config: MembershipRecord, names: FrameNames): void {
  writeMembership(w, config, (id) => w.varint(names.numberOf(id)))
}

export function readConfig(r: ByteReader, names: readonly string[]): MembershipRecord {
  const config = readMembership(r, () => nameAt(names, r.varint()))
  const flaw = flawOf(config)
  if (flaw !== null) throw new MalformedBytesError(flaw)
  return config
}

export function nameAt(names: readonly string[], number: number): string {
  const name = names[number]
  if (name === undefined) throw new MalformedBytesError(`name ${number} of ${names.length}`)
  return name
}

function sum(a: number, b: number): number {
  const total = a + b
  if (total > Number.MAX_SAFE_INTEGER) throw new MalformedBytesError('number above 2^53 - 1')
  return total
}
