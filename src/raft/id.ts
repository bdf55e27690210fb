import { fromUtf8, utf8 } from '../base/bytes.ts'

/** Longest id of a client, bytes of UTF-8. */
export const MAX_ID_BYTES = 256
/** Longest id of a node, bytes of UTF-8: the id of its automatic client is made from it, and has to fit too. */
const MAX_NODE_ID_BYTES = 224

/** Throws `RangeError` unless `id` can be told to other nodes. */
export function checkId(what: string, id: string, mostBytes: number = MAX_ID_BYTES): void {
  const bytes = utf8(id)
  if (bytes.length === 0 || bytes.length > mostBytes)
    throw new RangeError(`${what} has ${bytes.length} bytes: it must have 1 to ${mostBytes}`)
  if (fromUtf8(bytes) !== id) throw new RangeError(`${what} is no well-formed text: it holds half a surrogate pair`)
}

export function checkNodeId(what: string, id: string): void {
  checkId(what, id, MAX_NODE_ID_BYTES)
}
