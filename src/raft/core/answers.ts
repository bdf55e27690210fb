import { ClientIdTakenError, NotMemberError, OverloadedError, RequestExpiredError } from '../../base/errors.ts'
import type { DedupKey, LogEntry, NodeId, StoredEntry } from '../contract.ts'
import type { Place } from './client-session.ts'
import { logEntryOf } from './log-entry.ts'
import type { Replica } from './replica.ts'
import { type Fate, MAX_DURABLE_CLIENTS } from './sessions.ts'

/** A command was proposed here. What is known to have been done, or to be too old to tell, is answered at once. */
export function takeProposal(r: Replica, token: number, command: Uint8Array, dedupKey: DedupKey): void {
  const fate = r.sessions.look(dedupKey, r.id)
  // What belongs to whom may have changed since: only a leader refuses by what it knows.
  const isDecided = isDone(fate) || fate === 'expired' || (fate !== 'new' && r.state === 'leader')
  if (isDecided) answer(r, [token], { command, dedupKey }, fate)
  else if (r.isRemoved) r.outcomes.push({ kind: 'failed', token, error: new NotMemberError('refused') })
  else r.proposals.add(token, command, dedupKey)
}

/** An entry committed and came to `fate`: whoever waits for it here gets to know. */
export function answerCommitted(r: Replica, entry: StoredEntry, fate: Fate): void {
  if (entry.proposer !== r.id || entry.dedupKey === null) return
  const proposal = r.proposals.take(entry.dedupKey)
  if (proposal !== null) answer(r, proposal.tokens, proposal, fate === 'new' ? entry : fate)
}

/** The table came from a snapshot, which stands for entries this node never saw: its proposals may be among them. */
export function answerFromTable(r: Replica): void {
  for (const proposal of r.proposals.all()) {
    const fate = r.sessions.look(proposal.dedupKey, r.id)
    if (!isDone(fate) && fate !== 'expired') continue
    r.proposals.take(proposal.dedupKey)
    answer(r, proposal.tokens, proposal, fate)
  }
}

/**
 * This node is no member any more: it reads so in the configuration of `index`, or `by` says so. What is with a leader
 * may commit if it becomes one again.
 */
export function answerRemoved(r: Replica, index: number, by: NodeId | null): void {
  r.isRemoved = true
  r.note?.({ kind: 'removed', index, by })
  for (const { dedupKey, tokens, sentTerm } of r.proposals.all()) {
    r.proposals.take(dedupKey)
    const error = new NotMemberError(sentTerm === null ? 'refused' : 'unknown')
    for (const token of tokens) r.outcomes.push({ kind: 'failed', token, error })
  }
}

/** What the leader, or every replica, refused. */
export function errorOf(fate: Exclude<Fate, 'new' | Place>, { clientId, requestId }: DedupKey): Error {
  switch (fate) {
    case 'expired':
      return new RequestExpiredError(clientId, requestId)
    case 'foreign':
      return new ClientIdTakenError(clientId)
    case 'crowded':
      return new OverloadedError(
        `this peer has proposed as ${MAX_DURABLE_CLIENTS} durable clients, the most there may be: nothing was done; propose as one of them`,
      )
  }
}

/** A place is that of the first entry under the key. */
function answer(
  r: Replica,
  tokens: Iterable<number>,
  proposal: { readonly command: Uint8Array; readonly dedupKey: DedupKey },
  fate: Exclude<Fate, 'new'>,
): void {
  for (const token of tokens) {
    if (isDone(fate)) r.outcomes.push({ kind: 'proposed', token, entry: firstEntry(r, fate, proposal) })
    else r.outcomes.push({ kind: 'failed', token, error: errorOf(fate, proposal.dedupKey) })
  }
}

/** The entry itself where the log still holds it; else its place, with the command as it was proposed again. */
function firstEntry(
  r: Replica,
  { index, term, timeMs }: Place,
  { command, dedupKey }: { readonly command: Uint8Array; readonly dedupKey: DedupKey },
): LogEntry {
  const entry = r.log.entryAt(index)
  return entry === null ? { index, term, command, dedupKey, proposer: r.id, timeMs } : logEntryOf(entry)
}

function isDone(fate: Fate): fate is Place {
  return typeof fate === 'object'
}
