import { ByteReader, ByteWriter, MalformedBytesError, wellFormed } from '../base/bytes.ts'
import type { RaftMessage } from './core/message.ts'
import { nameAt, readConfig, readEntries, readKey, writeConfig, writeEntries, writeKey } from './entry-codec.ts'
import { FrameNames, type HeardNames, type LinkNames, readNames, writeNames } from './frame-names.ts'

/**
 * Raft frames as bytes: a version, a kind, the ids that the frame is about, then the kind's fields, most of them
 * varints. The grammar is in docs/wire.md.
 */
export const RAFT_WIRE_VERSION = 1

/** By their numbers on the wire. */
const REFUSALS = ['too-large', 'foreign', 'crowded'] as const

/** How one kind of message is written and read, after its term. A new kind is a new line here. */
interface Body<M extends RaftMessage> {
  /** 1 to 125, and never another kind's. */
  readonly code: number
  /** Whether it is about ids: they stand at the head of the frame. */
  readonly hasNames?: true
  write(w: ByteWriter, message: M, names: FrameNames): void
  read(r: ByteReader, term: number, names: readonly string[]): M
}

const bodies: { readonly [Kind in RaftMessage['kind']]: Body<Extract<RaftMessage, { kind: Kind }>> } = {
  'pre-vote': {
    code: 1,
    write: (w, { lastIndex, lastTerm, nonce }) => w.varint(lastIndex).varint(lastTerm).varint(nonce),
    read: (r, term) => ({ kind: 'pre-vote', term, lastIndex: r.varint(), lastTerm: r.varint(), nonce: r.varint() }),
  },
  'pre-vote-reply': {
    code: 2,
    write: (w, { nonce, granted }) => w.varint(nonce).flag(granted),
    read: (r, term) => ({ kind: 'pre-vote-reply', term, nonce: r.varint(), granted: r.flag() }),
  },
  vote: {
    code: 3,
    write: (w, { lastIndex, lastTerm }) => w.varint(lastIndex).varint(lastTerm),
    read: (r, term) => ({ kind: 'vote', term, lastIndex: r.varint(), lastTerm: r.varint() }),
  },
  'vote-reply': {
    code: 4,
    write: (w, { granted }) => w.flag(granted),
    read: (r, term) => ({ kind: 'vote-reply', term, granted: r.flag() }),
  },
  append: {
    code: 5,
    hasNames: true,
    write(w, { prevIndex, prevTerm, commit, entries, round, roundTripMs = 0 }, names) {
      w.varint(prevIndex).varint(prevTerm).varint(commit)
      writeEntries(w, entries, prevTerm, names)
      if (roundTripMs > 0) w.varint(round ?? 0).varint(roundTripMs)
      else writeRound(w, round)
    },
    read(r, term, names) {
      const [prevIndex, prevTerm, commit] = [r.varint(), r.varint(), r.varint()]
      const entries = readEntries(r, prevIndex, prevTerm, names)
      const round = r.remaining > 0 ? r.varint() : 0
      const roundTripMs = r.remaining > 0 ? r.varint() : 0
      return { kind: 'append', term, prevIndex, prevTerm, commit, entries, round, roundTripMs }
    },
  },
  'append-reply': {
    code: 6,
    write(w, { accepted, index, hintIndex, hintTerm, round }) {
      w.flag(accepted).varint(index)
      if (!accepted) w.varint(hintIndex).varint(hintTerm)
      writeRound(w, round)
    },
    read(r, term) {
      const accepted = r.flag()
      const index = r.varint()
      const [hintIndex, hintTerm] = accepted ? [0, 0] : [r.varint(), r.varint()]
      return { kind: 'append-reply', term, accepted, index, hintIndex, hintTerm, round: readRound(r) }
    },
  },
  commit: {
    code: 7,
    write: (w, { commit }) => w.varint(commit),
    read: (r, term) => ({ kind: 'commit', term, commit: r.varint() }),
  },
  forward: {
    code: 8,
    hasNames: true,
    write(w, { incarnation, serial, lowest, dedupKey, command }, names) {
      w.varint(incarnation)
        .varint(serial)
        .varint(lowest)
        .flag(dedupKey !== null)
      if (dedupKey !== null) writeKey(w, dedupKey, names)
      w.raw(command)
    },
    read(r, term, names) {
      const [incarnation, serial, lowest] = [r.varint(), r.varint(), r.varint()]
      const dedupKey = r.flag() ? readKey(r, names) : null
      return { kind: 'forward', term, incarnation, serial, lowest, dedupKey, command: r.rest() }
    },
  },
  'forward-refused': {
    code: 9,
    write(w, { incarnation, serial, reason, maxBytes }) {
      w.varint(incarnation).varint(serial).u8(REFUSALS.indexOf(reason)).varint(maxBytes)
    },
    read(r, term) {
      const [incarnation, serial, reason, maxBytes] = [r.varint(), r.varint(), REFUSALS[r.u8()], r.varint()]
      if (reason === undefined) throw new MalformedBytesError('no such reason')
      return { kind: 'forward-refused', term, incarnation, serial, reason, maxBytes }
    },
  },
  'who-votes': {
    code: 10,
    write: () => {},
    read: (_, term) => ({ kind: 'who-votes', term }),
  },
  voters: {
    code: 11,
    hasNames: true,
    write: (w, { index, config }, names) => writeConfig(w.varint(index), config, names),
    read: (r, term, names) => ({ kind: 'voters', term, index: r.varint(), config: readConfig(r, names) }),
  },
  read: {
    code: 12,
    write: (w, { serial }) => w.varint(serial),
    read: (r, term) => ({ kind: 'read', term, serial: r.varint() }),
  },
  'read-reply': {
    code: 13,
    write: (w, { serial, index }) => w.varint(serial).varint(index),
    read: (r, term) => ({ kind: 'read-reply', term, serial: r.varint(), index: r.varint() }),
  },
  'timeout-now': {
    code: 14,
    hasNames: true,
    write: (w, { target }, names) => w.varint(names.numberOf(target)),
    read: (r, term, names) => ({ kind: 'timeout-now', term, target: nameAt(names, r.varint()) }),
  },
  'transfer-refused': {
    code: 15,
    write: () => {},
    read: (_, term) => ({ kind: 'transfer-refused', term }),
  },
  snapshot: {
    code: 16,
    write(w, { index, indexTerm, size, digest, serial, offset, data }) {
      w.varint(index).varint(indexTerm).varint(size).varint(digest).varint(serial).varint(offset).raw(data)
    },
    read(r, term) {
      const [index, indexTerm, size, digest] = [r.varint(), r.varint(), r.varint(), r.varint()]
      const [serial, offset, data] = [r.varint(), r.varint(), r.rest()]
      return { kind: 'snapshot', term, index, indexTerm, size, digest, serial, offset, data }
    },
  },
  'snapshot-reply': {
    code: 17,
    write(w, { index, serial, offset, missed }) {
      w.varint(index).varint(serial).varint(offset).flag(missed)
    },
    read(r, term) {
      const [index, serial, offset] = [r.varint(), r.varint(), r.varint()]
      return { kind: 'snapshot-reply', term, index, serial, offset, missed: r.flag() }
    },
  },
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

const bodyOf: ReadonlyMap<number, Body<RaftMessage>> = new Map(Object.values(bodies).map((body) => [body.code, body]))

const NO_NAMES: readonly string[] = []

/** Written to for every frame anew, so that a frame is the only thing made for it. */
const head = new ByteWriter(1024)
const tail = new ByteWriter(1024)
const names = new FrameNames()

/** Every id is said in full, and anyone can read the frame. */
export function encodeRaftMessage(message: RaftMessage): Uint8Array<ArrayBuffer> {
  return sayRaftMessage(message, null).frame
}

export interface SaidFrame {
  readonly frame: Uint8Array<ArrayBuffer>
  /** The ids that it is about. */
  readonly names: readonly string[]
}

/** The same on a link where tokens have a meaning. */
export function sayRaftMessage(message: RaftMessage, link: LinkNames | null): SaidFrame {
  const { code, hasNames, write } = bodies[message.kind] as Body<RaftMessage>
  head.clear().u8(RAFT_WIRE_VERSION).u8(code).varint(message.term)
  if (hasNames !== true) {
    write(head, message, names)
    return { frame: head.finish(), names: NO_NAMES }
  }
  write(tail.clear(), message, names.clear())
  writeNames(head, names.list, link)
  return { frame: head.raw(tail.view()).finish(), names: [...names.list] }
}

export interface HeardFrame {
  /** `null`: the frame uses names that are not known here. */
  readonly message: RaftMessage | null
  readonly names: HeardNames | null
}

/**
 * The message in `frame`, or `null` where it is none: nothing a peer can send makes this throw. Its commands are
 * views of the frame, which nobody may write to from then on.
 */
export function decodeRaftMessage(frame: Uint8Array): RaftMessage | null {
  return readRaftFrame(frame, null)?.message ?? null
}

/** The same on a link where tokens have a meaning. `null`: no frame at all. */
export function readRaftFrame(frame: Uint8Array, link: LinkNames | null): HeardFrame | null {
  return wellFormed(() => {
    const r = new ByteReader(frame)
    if (r.u8() !== RAFT_WIRE_VERSION) return null
    const body = bodyOf.get(r.u8())
    if (body === undefined) return null
    const term = r.varint()
    const heard = body.hasNames === true ? readNames(r, link) : null
    if (heard !== null && heard.unknown !== null) return { message: null, names: heard }
    const message = body.read(r, term, heard?.list ?? NO_NAMES)
    r.end()
    return { message, names: heard }
  })
}
