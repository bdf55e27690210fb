import { type ByteReader, type ByteWriter, MalformedBytesError } from '../base/bytes.ts'
import type { MembershipRecord, NodeId } from './contract.ts'
import { MAX_MEMBERS } from './core/configuration.ts'

/** Three sets of ids, the last only where it is joint; `say` writes one id. */
export function writeMembership(
  w: ByteWriter,
  { voters, learners, old }: MembershipRecord,
  say: (id: NodeId) => void,
): void {
  const writeSet = (ids: readonly NodeId[]): void => {
    w.varint(ids.length)
    ids.forEach(say)
  }
  writeSet(voters)
  writeSet(learners)
  w.flag(old !== null)
  if (old !== null) writeSet(old)
}

/** `hear` reads one id, of a byte at least. Throws {@link MalformedBytesError}. */
export function readMembership(r: ByteReader, hear: () => NodeId): MembershipRecord {
  const readSet = (): NodeId[] => {
    const count = r.varint()
    // A count that the bytes cannot hold is refused before anything that long is built.
    if (count > Math.min(MAX_MEMBERS, r.remaining)) throw new MalformedBytesError(`${count} members`)
    return Array.from({ length: count }, hear)
  }
  return { voters: readSet(), learners: readSet(), old: r.flag() ? readSet() : null }
}
