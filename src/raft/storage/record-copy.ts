import type { MembershipRecord, RaftWrite, StoredEntry, StoredSnapshot } from '../contract.ts'

/** A batch that is the storage's own, whatever the caller does to its arrays. */
export function copyWrite({ leader, entries, snapshot, ...scalars }: RaftWrite): RaftWrite {
  return {
    ...scalars,
    ...(leader === undefined ? {} : { leader: leader === null ? null : { term: leader.term, id: leader.id } }),
    ...(snapshot === undefined ? {} : { snapshot: snapshot === null ? null : copySnapshot(snapshot) }),
    ...(entries === undefined ? {} : { entries: entries.map(copyEntry) }),
  }
}

export function copyEntry(entry: StoredEntry): StoredEntry {
  const copy = {
    index: entry.index,
    term: entry.term,
    command: copyBytes(entry.command),
    dedupKey:
      entry.dedupKey === null ? null : { clientId: entry.dedupKey.clientId, requestId: entry.dedupKey.requestId },
    proposer: entry.proposer,
    timeMs: entry.timeMs,
  }
  return entry.kind === 'config'
    ? { ...copy, kind: 'config', config: copyMembership(entry.config) }
    : { ...copy, kind: entry.kind }
}

export function copySnapshot(snapshot: StoredSnapshot): StoredSnapshot {
  const { index, term, timeMs, configIndex, config, sessions, state } = snapshot
  return {
    index,
    term,
    timeMs,
    configIndex,
    config: copyMembership(config),
    sessions: copyBytes(sessions),
    state: copyBytes(state),
  }
}

/** Not `slice`: a Node Buffer's is a view on the same bytes. */
function copyBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes)
}

function copyMembership(config: MembershipRecord): MembershipRecord {
  return {
    voters: [...config.voters],
    learners: [...config.learners],
    old: config.old === null ? null : [...config.old],
  }
}
