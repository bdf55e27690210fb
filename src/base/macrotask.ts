/**
 * Resolves in the next turn of the event loop: the present task, and every microtask that follows from it, is over by
 * then. Prompt, and not throttled in hidden tabs as timers are.
 */
export const macrotask: () => Promise<void> = makeMacrotask()

function makeMacrotask(): () => Promise<void> {
  const immediate = (globalThis as { setImmediate?: (run: () => void) => unknown }).setImmediate
  if (immediate !== undefined) return () => new Promise((resolve) => void immediate(resolve))
  let channel: MessageChannel | null = null
  const resolvers: (() => void)[] = []
  return () =>
    new Promise((resolve) => {
      if (channel === null) {
        channel = new MessageChannel()
        channel.port1.onmessage = () => resolvers.shift()?.()
      }
      resolvers.push(resolve)
      channel.port2.postMessage(null)
    })
}
