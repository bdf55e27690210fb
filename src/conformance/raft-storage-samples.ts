import type { MembershipRecord, RaftState, StoredEntry, StoredSnapshot } from '../raft/contract.ts'

/** Values for the storage laws; each one different from what a dropped field would read as. */

/** The greatest index and term there can be. */
export const CEILING: number = Number.MAX_SAFE_INTEGER

/** A state of which nothing was written. */
export const unwritten: RaftState = {
  nodeId: null,
  gameId: null,
  lineage: null,
  term: 0,
  vote: null,
  leader: null,
  entries: [],
  snapshot: null,
}

export const simpleConfig: MembershipRecord = { voters: ['ana', 'bob'], learners: [], old: null }

export const jointConfig: MembershipRecord = { voters: ['bob', 'cy'], learners: ['dee'], old: ['ana', 'bob'] }

/** An entry whose bytes depend on its position, so that no two are mistaken for one another. */
export function command(index: number, term: number): StoredEntry & { kind: 'command' } {
  const bytes = Uint8Array.of(0xc0, index & 0xff, (index >> 8) & 0xff, term & 0xff)
  const dedupKey = { clientId: `client ${index % 3}`, requestId: index }
  return {
    kind: 'command',
    index,
    term,
    command: bytes,
    dedupKey,
    proposer: index % 2 === 0 ? 'ana' : null,
    timeMs: 1000 + index,
  }
}

export function noop(index: number, term: number): StoredEntry & { kind: 'noop' } {
  return { kind: 'noop', index, term, command: new Uint8Array(0), dedupKey: null, proposer: null, timeMs: 5 }
}

export function configEntry(index: number, term: number, config: MembershipRecord): StoredEntry & { kind: 'config' } {
  return { ...noop(index, term), kind: 'config', config }
}

export function snapshotAt(index: number, term: number, other: Partial<StoredSnapshot> = {}): StoredSnapshot {
  const [configIndex, sessions] = [Math.min(index, 1), Uint8Array.of(index & 0xff, 9)]
  const state = Uint8Array.of(0x5a, index & 0xff, 3)
  return { index, term, timeMs: 5, configIndex, config: simpleConfig, sessions, state, ...other }
}

/** Bytes in which no two blocks of a power of two are alike. */
export function patterned(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = i * 31 + (i >> 8) + (i >> 16)
  return bytes
}
