import type { NodeId } from '../contract.ts'
import { onVoters, tellWhoVotes } from './acquaintance.ts'
import { onPreVote, onPreVoteReply, onVote, onVoteReply } from './election.ts'
import { onAppend, onCommitNotice } from './follower.ts'
import { onForward, onForwardRefused } from './forwarding.ts'
import { onLaterTerm, onRefused, refusingGate } from './gates.ts'
import type { RaftMessage } from './message.ts'
import { onRead, onReadReply } from './read-index.ts'
import type { Replica } from './replica.ts'
import { onAppendReply } from './replication.ts'
import { onSnapshot } from './snapshot-receive.ts'
import { onSnapshotReply } from './snapshot-send.ts'
import { onTimeoutNow, onTransferRefused } from './transfer.ts'

/** Nothing that has no right to be heard reaches a handler: each gate is checked before a term is taken over. */
export function receive(r: Replica, from: NodeId, message: RaftMessage): void {
  const gate = refusingGate(r, from, message)
  if (gate !== null) {
    r.drop(gate, from)
    onRefused(r, from, message, gate)
    return
  }
  switch (message.kind) {
    case 'append':
      onAppend(r, from, message)
      break
    case 'commit':
      onCommitNotice(r, from, message)
      break
    case 'pre-vote':
      onPreVote(r, from, message)
      break
    case 'vote':
      onVote(r, from, message)
      break
    case 'forward':
      onForward(r, from, message)
      break
    case 'forward-refused':
      onForwardRefused(r, from, message)
      break
    case 'who-votes':
      tellWhoVotes(r, from)
      break
    case 'voters':
      onVoters(r, from, message)
      break
    case 'read':
      onRead(r, from, message)
      break
    case 'read-reply':
      onReadReply(r, from, message)
      break
    case 'timeout-now':
      onTimeoutNow(r, from, message)
      break
    case 'transfer-refused':
      onTransferRefused(r, from, message)
      break
    case 'snapshot':
      onSnapshot(r, from, message)
      break
    case 'append-reply':
    case 'snapshot-reply':
    case 'pre-vote-reply':
    case 'vote-reply':
      if (message.term > r.term) onLaterTerm(r, from, message.term)
      else if (message.kind === 'snapshot-reply') onSnapshotReply(r, from, message)
      else if (message.kind === 'append-reply') onAppendReply(r, from, message)
      else if (message.kind === 'vote-reply') onVoteReply(r, from, message)
      else onPreVoteReply(r, from, message)
      break
  }
}
