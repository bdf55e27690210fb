/** What a signal of a sealed link begins with; its public key follows. */
export const KEY_SIGNAL = 'sealed '

/** Whether a link that opens with `body` is a sealed one. */
export function saysSealKey(body: string): boolean {
  return body.startsWith(KEY_SIGNAL)
}
