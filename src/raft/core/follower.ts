import type { NodeId, StoredEntry } from '../contract.ts'
import { noticeDeafness } from './acquaintance.ts'
import { commitThrough } from './commit.ts'
import type { Append, CommitNotice } from './message.ts'
import type { Replica } from './replica.ts'
import { becomeFollower, hearLeader } from './transitions.ts'

/** The follower's part of replication (Raft paper, figure 2, AppendEntries receiver). */
export function onAppend(r: Replica, from: NodeId, message: Append): void {
  if (message.term < r.term) {
    refuse(r, from, message.prevIndex, 0, 0)
    return
  }
  if (!isPlausible(message)) {
    r.drop('append-implausible', from)
    return
  }
  if (!acceptLeader(r, from, message.term)) return
  if (message.entries.length === 0) takePace(r, message.roundTripMs ?? 0)
  const { prevIndex, prevTerm, entries, round = 0 } = message
  // Below the floor everything is committed, and so agrees.
  if (prevIndex >= r.log.floorIndex && r.log.termAt(prevIndex) !== prevTerm) {
    refuse(r, from, prevIndex, prevTerm, round)
    return
  }
  if (fromThePast(r, message)) {
    r.drop('append-implausible', from)
    return
  }
  if (!takeEntries(r, from, message)) return
  // The log goes on without a gap from where the leader's does: no snapshot is needed any more.
  r.incoming = null
  const covered = prevIndex + entries.length
  r.verified = Math.max(r.verified, covered)
  commitThrough(r, Math.min(message.commit, r.verified))
  r.outbox.sendWhenDurable(from, {
    kind: 'append-reply',
    term: r.term,
    accepted: true,
    index: covered,
    hintIndex: 0,
    hintTerm: 0,
    round,
  })
}

/** All wait as long as the leader says that suits, within each node's own bounds; the patience of now as well. */
function takePace(r: Replica, roundTripMs: number): void {
  const { timing } = r
  r.setRoundTrip(roundTripMs)
  if (r.timing !== timing && r.electionAtMs !== Infinity) r.resetElectionTimer()
}

/** The commit index moved. Only what this leader has shown to agree with its log may follow. */
export function onCommitNotice(r: Replica, from: NodeId, { term, commit }: CommitNotice): void {
  if (term < r.term || !acceptLeader(r, from, term)) return
  commitThrough(r, Math.min(commit, r.verified))
}

/** One leader a term: the first that is heard of. Another's frames change nothing. */
export function acceptLeader(r: Replica, from: NodeId, term: number): boolean {
  if (term === r.term && r.pin?.term === term && r.pin.id !== from) {
    r.drop('not-this-terms-leader', from)
    noticeDeafness(r, from, term, 'not-this-terms-leader')
    return false
  }
  if (term > r.term || r.state !== 'follower') becomeFollower(r, term, from, 'another leads')
  hearLeader(r, from)
  return true
}

/** Terms and times never decrease along a log, no term exceeds the leader's own, and indices follow one another. */
function isPlausible({ term, prevIndex, prevTerm, entries }: Append): boolean {
  let lastTerm = prevTerm
  let lastTimeMs = 0
  let index = prevIndex
  for (const entry of entries) {
    if (entry.term < lastTerm || entry.timeMs < lastTimeMs || entry.index !== ++index) return false
    lastTerm = entry.term
    lastTimeMs = entry.timeMs
  }
  return lastTerm <= term
}

/** Whether the frame's entries claim to be older than the one they follow. */
function fromThePast(r: Replica, { prevIndex, entries }: Append): boolean {
  const [first] = entries
  return first !== undefined && first.timeMs < (r.log.timeAt(prevIndex) ?? 0)
}

/** Keeps what agrees, cuts at the first difference, appends the rest. False: the frame is impossible. */
function takeEntries(r: Replica, from: NodeId, { entries }: Append): boolean {
  const fresh = entries.findIndex(({ index, term }) => index > r.log.floorIndex && r.log.termAt(index) !== term)
  if (fresh === -1) return true
  const first = (entries[fresh] as { index: number }).index
  if (first <= r.commit) {
    r.drop('append-rewrites-committed', from)
    return false
  }
  if (first <= r.log.lastIndex) r.truncateFrom(first)
  for (let i = fresh; i < entries.length; i++) r.append(entries[i] as StoredEntry)
  return true
}

function refuse(r: Replica, to: NodeId, prevIndex: number, prevTerm: number, round: number): void {
  const hintIndex = r.log.lastIndexWithin({ index: prevIndex, term: prevTerm })
  const hintTerm = r.log.termAt(hintIndex) ?? 0
  r.outbox.send(to, {
    kind: 'append-reply',
    term: r.term,
    accepted: false,
    index: prevIndex,
    hintIndex,
    hintTerm,
    round,
  })
}
