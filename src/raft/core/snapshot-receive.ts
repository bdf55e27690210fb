import { digest53 } from '../../base/digest.ts'
import type { NodeId, StoredSnapshot } from '../contract.ts'
import { answerFromTable, answerRemoved } from './answers.ts'
import { sessionsAt } from './apply.ts'
import { commitThrough } from './commit.ts'
import { isMember } from './configuration.ts'
import { acceptLeader } from './follower.ts'
import type { SnapshotChunk } from './message.ts'
import type { Replica } from './replica.ts'
import { type ImageName, MAX_IMAGE_OVERHEAD_BYTES, readImage, sameImage } from './snapshot-image.ts'

/**
 * A snapshot of which some has come, in order from its beginning. It stays when the leader goes: the next one may hold
 * the same. Memory is taken as bytes arrive, never for what a frame announces.
 */
export interface IncomingSnapshot {
  readonly name: ImageName
  /** Grows by doubling, to the whole size at the most. */
  bytes: Uint8Array
  held: number
  /** Term of the leader that it last came from. */
  leaderTerm: number
}

/** The follower's part of a snapshot's way (Raft paper, figure 13, InstallSnapshot receiver). */
export function onSnapshot(r: Replica, from: NodeId, message: SnapshotChunk): void {
  if (message.term < r.term) {
    reply(r, from, message, 0)
    return
  }
  const gate = implausibility(r, message)
  if (gate !== null) {
    r.drop(gate, from)
    return
  }
  if (!acceptLeader(r, from, message.term)) return
  const { index, indexTerm: term, size, digest } = message
  if (index <= r.commit || r.log.termAt(index) === term) {
    takeAsKnown(r, from, message)
    return
  }
  if (size > r.limits.maxSnapshotBytes + MAX_IMAGE_OVERHEAD_BYTES) {
    r.drop('snapshot-too-large', from)
    return
  }
  const incoming = incomingFor(r, { index, term, size, digest }, message.term)
  if (incoming === null) {
    r.drop('snapshot-outdated', from)
    return
  }
  const missed = message.offset > incoming.held
  if (!missed) take(incoming, message)
  r.note?.({ kind: 'snapshot-incoming', from, index, held: incoming.held, bytes: size })
  if (incoming.held < size) reply(r, from, message, incoming.held, missed)
  else finish(r, from, message, incoming)
}

/** Names what could be said by no leader, before anything is believed. */
function implausibility(r: Replica, { term, index, indexTerm, size, offset, data }: SnapshotChunk): string | null {
  if (index === 0 || indexTerm === 0 || indexTerm > term) return 'snapshot-position'
  if (offset + data.length > size) return 'snapshot-range'
  if (index > r.commit) return indexTerm < (r.log.termAt(r.commit) ?? 0) ? 'snapshot-before-committed' : null
  return (r.log.termAt(index) ?? indexTerm) === indexTerm ? null : 'snapshot-rewrites-committed'
}

/** The log reaches there and agrees: the leader's snapshot only says that it is committed (and etcd#1837, when older). */
function takeAsKnown(r: Replica, from: NodeId, message: SnapshotChunk): void {
  const { index, size } = message
  if (r.incoming !== null && r.incoming.name.index <= index) r.incoming = null
  r.verified = Math.max(r.verified, index)
  commitThrough(r, index)
  replyWhenDurable(r, from, message, size)
}

/** What has come of that snapshot; `null` where its leader has sent a newer one since. */
function incomingFor(r: Replica, name: ImageName, leaderTerm: number): IncomingSnapshot | null {
  const { incoming } = r
  if (incoming !== null && sameImage(incoming.name, name)) {
    incoming.leaderTerm = leaderTerm
    return incoming
  }
  if (incoming !== null && incoming.leaderTerm === leaderTerm && incoming.name.index >= name.index) return null
  r.incoming = { name, bytes: new Uint8Array(0), held: 0, leaderTerm }
  return r.incoming
}

/** Of a chunk that begins at or before what is held, what is not held yet. */
function take(incoming: IncomingSnapshot, { offset, data }: SnapshotChunk): void {
  const { held, name } = incoming
  const end = offset + data.length
  if (end <= held) return
  if (end > incoming.bytes.length) {
    const grown = new Uint8Array(Math.min(name.size, Math.max(end, 2 * held)))
    grown.set(incoming.bytes)
    incoming.bytes = grown
  }
  incoming.bytes.set(data.subarray(held - offset), held)
  incoming.held = end
}

function finish(r: Replica, from: NodeId, message: SnapshotChunk, { name, bytes }: IncomingSnapshot): void {
  r.incoming = null
  if (digest53(bytes) !== name.digest) {
    r.drop('snapshot-digest', from)
    return
  }
  const snapshot = readImage(bytes)
  const isTheOne = snapshot?.index === name.index && snapshot.term === name.term
  if (snapshot === null || !isTheOne || snapshot.timeMs < (r.log.timeAt(r.commit) ?? 0)) {
    r.drop('snapshot-content', from)
    return
  }
  install(r, snapshot)
  r.note?.({ kind: 'installed', from, index: snapshot.index, bytes: snapshot.state.length })
  replyWhenDurable(r, from, message, name.size)
}

/**
 * The snapshot takes the place of the whole log: had any entry above it agreed, the one at its index would have too,
 * and nothing would have been sent (hashicorp#697). What the application has not seen of the log it gets with it, and
 * so does whoever waits for a proposal that is in there.
 */
function install(r: Replica, snapshot: StoredSnapshot): void {
  const wasMember = isMember(r.config, r.id)
  r.install(snapshot)
  r.commit = snapshot.index
  r.verified = Math.max(r.verified, snapshot.index)
  r.committed = []
  r.installed = snapshot
  r.sessions = sessionsAt(r, snapshot.index)
  r.silent.clear()
  answerFromTable(r)
  r.proposals.reclaimBefore(snapshot.term)
  if (wasMember && !isMember(r.config, r.id)) answerRemoved(r, r.config.index, null)
}

function reply(r: Replica, to: NodeId, { index, serial }: SnapshotChunk, offset: number, missed = false): void {
  r.outbox.send(to, { kind: 'snapshot-reply', term: r.term, index, serial, offset, missed })
}

function replyWhenDurable(r: Replica, to: NodeId, { index, serial }: SnapshotChunk, offset: number): void {
  r.outbox.sendWhenDurable(to, { kind: 'snapshot-reply', term: r.term, index, serial, offset, missed: false })
}
