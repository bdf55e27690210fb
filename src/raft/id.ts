import { utf8 } from '../base/bytes.ts'

/** Longest id of a node or a client, bytes of UTF-8. */
export const MAX_ID_BYTES = 256

/** Throws `RangeError` unless `id` can be told to other nodes. */
export function checkId(what: string, id: string): void {
  const bytes = utf8(id).length
  if (bytes === 0 || bytes > MAX_ID_BYTES)
    throw new RangeError(`${what} has ${bytes} bytes: it must have 1 to ${MAX_ID_BYTES}`)
}
