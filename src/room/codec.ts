import { ByteReader, ByteWriter, MalformedBytesError, wellFormed } from '../base/bytes.ts'
import type { PeerId } from '../seam/contract.ts'
import type { ResumeToken } from '../seam/resume-token.ts'
import { MAX_LISTED_PEERS, MAX_MEMBERS, MAX_METADATA_BYTES, type AwayReason, type DepartureReason } from './contract.ts'
import type { Hello, RoomMessage } from './core/message.ts'
import { MAX_DEPARTED, MAX_ISSUERS, type Away, type MemberRecord, type RoomState } from './core/room-state.ts'

/** Longest text of each sort, UTF-8 bytes. */
export const MAX_ID_BYTES = 255
export const MAX_TEXT_BYTES = 128
const MAX_CREDENTIAL_BYTES = 512
const MAX_KEY_BYTES = 128

/** Epochs, versions and ranks only ever count up, one at a time. */
const MAX_COUNTER = 2 ** 48

/** The first byte of a frame is the index of its kind, from 1. */
const KINDS = [
  'knock',
  'here',
  'hello',
  'welcome',
  'reject',
  'roster',
  'token',
  'ping',
  'pong',
  'probe',
  'alive',
  'presence',
  'goodbye',
  'evicted',
  'yield',
  'merge',
] as const
const PRESENCES = ['here', 'hidden', 'away'] as const
const AWAY_REASONS: readonly AwayReason[] = [
  'timeout',
  'transport-closed',
  'back-pressure',
  'announced',
  'host-changed',
]
const DEPARTURE_REASONS: readonly DepartureReason[] = ['left', 'expired', 'kicked', 'banned']
const EVICTIONS = ['expired', 'kicked', 'banned'] as const

/** Grammar in docs/wire.md. `nowMs` makes the times of windows relative. */
export function encodeRoomMessage(message: RoomMessage, nowMs: number): Uint8Array {
  const writer = new ByteWriter().u8(KINDS.indexOf(message.kind) + 1)
  switch (message.kind) {
    case 'knock':
      writer.varint(message.version).text(message.roomId ?? '')
      break
    case 'here':
      writer.varint(message.version).text(message.roomId).varint(message.epoch).text(message.host)
      writer.varint(message.connected).varint(message.nonce)
      break
    case 'hello':
      writeHello(writer, message)
      break
    case 'welcome':
      writeToken(writer, message.token)
      writeState(writer, message.state, nowMs)
      break
    case 'reject':
      writer.flag(message.retryable).text(message.code)
      break
    case 'roster':
      writeState(writer, message.state, nowMs)
      break
    case 'token':
      writeToken(writer, message.token)
      break
    case 'ping':
    case 'pong':
      writer.varint(message.id).varint(message.view.epoch).varint(message.view.version).u32(message.view.digest)
      break
    case 'probe':
    case 'alive':
      writer.text(message.target)
      break
    case 'presence':
      writer.u8(PRESENCES.indexOf(message.presence))
      break
    case 'evicted':
      writer.u8(EVICTIONS.indexOf(message.reason))
      break
    case 'yield':
      writer.text(message.to)
      break
    default:
  }
  return writer.finish()
}

/** `null` for anything that is not of this grammar. Fields of a message of another version are not looked at. */
export function decodeRoomMessage(frame: Uint8Array, nowMs: number): RoomMessage | null {
  return wellFormed(() => {
    const reader = new ByteReader(frame)
    const kind = KINDS[reader.u8() - 1]
    if (kind === undefined) return null
    const message = readMessage(kind, reader, nowMs)
    reader.end()
    return message
  })
}

function readMessage(kind: (typeof KINDS)[number], reader: ByteReader, nowMs: number): RoomMessage {
  switch (kind) {
    case 'knock': {
      const version = reader.varint()
      const roomId = text(reader, MAX_ID_BYTES)
      return { kind, version, roomId: roomId === '' ? null : roomId }
    }
    case 'here':
      return {
        kind,
        version: reader.varint(),
        roomId: id(reader),
        epoch: counter(reader),
        host: id(reader),
        connected: reader.varint(),
        nonce: reader.varint(),
      }
    case 'hello':
      return readHello(reader)
    case 'welcome':
      return { kind, token: readToken(reader), state: readState(reader, nowMs) }
    case 'reject': {
      const retryable = reader.flag()
      return { kind, retryable, code: text(reader, MAX_TEXT_BYTES) }
    }
    case 'roster':
      return { kind, state: readState(reader, nowMs) }
    case 'token':
      return { kind, token: readToken(reader) }
    case 'ping':
    case 'pong':
      return {
        kind,
        id: reader.varint(),
        view: { epoch: reader.varint(), version: reader.varint(), digest: reader.u32() },
      }
    case 'probe':
    case 'alive':
      return { kind, target: id(reader) }
    case 'presence':
      return { kind, presence: one(PRESENCES, reader) }
    case 'evicted':
      return { kind, reason: one(EVICTIONS, reader) }
    case 'yield':
      return { kind, to: id(reader) }
    case 'goodbye':
    case 'merge':
      return { kind }
  }
}

function writeHello(writer: ByteWriter, hello: Hello): void {
  const { profile } = hello
  writer.varint(hello.version).varint(hello.nonce).varint(hello.epoch)
  writer
    .text(profile.name)
    .text(profile.deviceId ?? '')
    .block(profile.metadata)
    .flag(profile.spectator)
  writer.block(hello.key).block(hello.password)
  if (hello.token === null) writer.u8(0)
  else writeToken(writer.u8(1), hello.token)
  writer.block(hello.proof)
}

function readHello(reader: ByteReader): Hello {
  return {
    kind: 'hello',
    version: reader.varint(),
    nonce: reader.varint(),
    epoch: counter(reader),
    profile: {
      name: nonEmpty(text(reader, MAX_ID_BYTES)),
      deviceId: text(reader, MAX_TEXT_BYTES) || null,
      metadata: block(reader, MAX_METADATA_BYTES),
      spectator: reader.flag(),
    },
    key: block(reader, MAX_KEY_BYTES),
    password: block(reader, MAX_TEXT_BYTES),
    token: reader.flag() ? readToken(reader) : null,
    proof: block(reader, MAX_KEY_BYTES),
  }
}

function writeToken(writer: ByteWriter, token: ResumeToken): void {
  writer
    .text(token.peerId)
    .text(token.roomId)
    .varint(token.issuedAt)
    .varint(token.expiresAt ?? 0)
  writer.text(token.credential ?? '')
}

function readToken(reader: ByteReader): ResumeToken {
  return {
    peerId: id(reader),
    roomId: id(reader),
    issuedAt: reader.varint(),
    expiresAt: reader.varint(),
    credential: text(reader, MAX_CREDENTIAL_BYTES),
  }
}

function writeState(writer: ByteWriter, state: RoomState, nowMs: number): void {
  const { policy } = state
  writer.text(state.roomId).varint(state.epoch).varint(state.version).text(state.host)
  writer
    .varint(policy.maxMembers)
    .varint(policy.maxSpectators)
    .text(policy.password ?? '')
  writer.flag(policy.locked).flag(policy.allow !== null)
  writePeers(writer, policy.allow ?? new Set())
  writePeers(writer, policy.deny)
  writer.varint(state.issuers.length)
  for (const issuer of state.issuers) {
    writer.varint(issuer.epoch).text(issuer.id).block(issuer.key).text(issuer.title).varint(issuer.titleIssuedAt)
  }
  writer.varint(state.nextSeniority).varint(state.members.length)
  for (const member of state.members) writeMember(writer, member, nowMs)
  writer.varint(state.departed.length)
  for (const { id: peer, reason } of state.departed) writer.text(peer).u8(DEPARTURE_REASONS.indexOf(reason))
}

function readState(reader: ByteReader, nowMs: number): RoomState {
  const [roomId, epoch, version, host] = [id(reader), counter(reader), counter(reader), id(reader)]
  const [maxMembers, maxSpectators] = [reader.varint(), reader.varint()]
  const password = text(reader, MAX_TEXT_BYTES) || null
  const locked = reader.flag()
  const hasAllow = reader.flag()
  const allow = readPeers(reader)
  const deny = readPeers(reader)
  const issuers = list(reader, MAX_ISSUERS, () => ({
    epoch: counter(reader),
    id: id(reader),
    key: block(reader, MAX_KEY_BYTES),
    title: text(reader, MAX_CREDENTIAL_BYTES),
    titleIssuedAt: reader.varint(),
  }))
  const nextSeniority = counter(reader)
  const members = list(reader, MAX_MEMBERS, () => readMember(reader, nowMs))
  const departed = list(reader, MAX_DEPARTED, () => ({ id: id(reader), reason: one(DEPARTURE_REASONS, reader) }))
  if (new Set(members.map((member) => member.id)).size !== members.length)
    throw new MalformedBytesError('a member twice')
  if (!members.some((member) => member.id === host)) throw new MalformedBytesError('a host that is no member')
  const policy = { maxMembers, maxSpectators, password, locked, allow: hasAllow ? allow : null, deny }
  return { roomId, epoch, version, host, policy, issuers, nextSeniority, members, departed }
}

const SPECTATOR = 1
const HIDDEN = 2
const AWAY = 4

function writeMember(writer: ByteWriter, member: MemberRecord, nowMs: number): void {
  const { away } = member
  writer
    .text(member.id)
    .block(member.key)
    .text(member.name)
    .text(member.deviceId ?? '')
    .block(member.metadata)
  writer.u8((member.spectator ? SPECTATOR : 0) | (member.hidden ? HIDDEN : 0) | (away === null ? 0 : AWAY))
  writer
    .varint(member.seniority)
    .varint(member.resumes)
    .text(member.was ?? '')
  if (away === null) return
  writer.u8(AWAY_REASONS.indexOf(away.reason))
  writer.varint(wholeMs(nowMs - away.sinceMs)).varint(wholeMs(away.untilMs - nowMs))
}

function readMember(reader: ByteReader, nowMs: number): MemberRecord {
  const [peer, key, name] = [id(reader), block(reader, MAX_KEY_BYTES), nonEmpty(text(reader, MAX_ID_BYTES))]
  const deviceId = text(reader, MAX_TEXT_BYTES) || null
  const metadata = block(reader, MAX_METADATA_BYTES)
  const flags = reader.u8()
  if (flags >= 2 * AWAY) throw new MalformedBytesError('unknown flags')
  const [seniority, resumes, was] = [counter(reader), counter(reader), text(reader, MAX_ID_BYTES) || null]
  const away = (flags & AWAY) === 0 ? null : readAway(reader, nowMs)
  const [spectator, hidden] = [(flags & SPECTATOR) !== 0, (flags & HIDDEN) !== 0]
  return { id: peer, key, name, deviceId, metadata, spectator, hidden, seniority, resumes, was, away }
}

function readAway(reader: ByteReader, nowMs: number): Away {
  const reason = one(AWAY_REASONS, reader)
  return { reason, sinceMs: nowMs - reader.varint(), untilMs: nowMs + reader.varint() }
}

function writePeers(writer: ByteWriter, peers: ReadonlySet<PeerId>): void {
  writer.varint(peers.size)
  for (const peer of peers) writer.text(peer)
}

function readPeers(reader: ByteReader): ReadonlySet<PeerId> {
  return new Set(list(reader, MAX_LISTED_PEERS, () => id(reader)))
}

function list<T>(reader: ByteReader, max: number, read: () => T): T[] {
  const count = reader.varint()
  if (count > max) throw new MalformedBytesError(`a list of ${count}, of at most ${max}`)
  const items: T[] = []
  for (let i = 0; i < count; i++) items.push(read())
  return items
}

function id(reader: ByteReader): PeerId {
  return nonEmpty(text(reader, MAX_ID_BYTES))
}

function text(reader: ByteReader, maxBytes: number): string {
  const before = reader.remaining
  const value = reader.text()
  if (before - reader.remaining > maxBytes + 2) throw new MalformedBytesError('a text that is too long')
  return value
}

function nonEmpty(value: string): string {
  if (value === '') throw new MalformedBytesError('an empty text')
  return value
}

/** Copied: it outlives the frame. */
function block(reader: ByteReader, maxBytes: number): Uint8Array {
  const bytes = reader.block()
  if (bytes.length > maxBytes) throw new MalformedBytesError('a block that is too long')
  return bytes.slice()
}

function one<T>(values: readonly T[], reader: ByteReader): T {
  const value = values[reader.u8()]
  if (value === undefined) throw new MalformedBytesError('no such value')
  return value
}

/** A number that the receiver may go on counting from. */
function counter(reader: ByteReader): number {
  const value = reader.varint()
  if (value > MAX_COUNTER) throw new MalformedBytesError('a counter that is out of reach')
  return value
}

function wholeMs(ms: number): number {
  return Math.max(0, Math.round(ms))
}
