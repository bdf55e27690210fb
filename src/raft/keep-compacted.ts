import { type Clock, systemClock } from '../base/clock.ts'
import { ConfigError } from '../base/errors.ts'
import { reportUncaught } from '../base/observable.ts'
import type { RaftNode } from './contract.ts'

export interface CompactionOptions {
  /**
   * The application's state, and the index of the last committed item in it; `null` where it has none to give yet.
   * Called while nothing else of this is under way. What it throws is reported, and it is asked again.
   */
  capture(): CapturedState | null | Promise<CapturedState | null>
  /** Entries above the floor at which the log is compacted. Well below `maxLogEntries`, where that is set. Default 1024. */
  readonly everyEntries?: number | undefined
  /** Likewise in bytes. Default 1 MiB. */
  readonly everyBytes?: number | undefined
  readonly clock?: Clock | undefined
}

export interface CapturedState {
  readonly index: number
  readonly state: Uint8Array
}

/** How long until an application that had nothing to give, or failed, is asked again, milliseconds. */
export const CAPTURE_RETRY_MS = 250

/**
 * Compacts the log of `node`, a session's or a bare one, whenever it has grown: asks the application for its state and
 * publishes that. One at a time; a log that fills up meanwhile waits, if it has a bound (`maxLogEntries`), until this has
 * caught up. Returns what ends it; the node's end does too. Throws `RangeError` for what is no threshold, `ConfigError`
 * for one that the bounded log could never get to.
 */
export function keepCompacted(node: RaftNode, options: CompactionOptions): () => void {
  const { everyEntries = 1024, everyBytes = 1_048_576, clock = systemClock } = options
  if (!(everyEntries >= 1 && everyBytes >= 1)) {
    throw new RangeError(`everyEntries is ${everyEntries} and everyBytes ${everyBytes}: both must be at least 1`)
  }
  const { maxEntries, maxBytes } = node.logSize()
  if (everyEntries > maxEntries || everyBytes > maxBytes) {
    throw new ConfigError(
      `compaction every ${everyEntries} entries or ${everyBytes} bytes, and the log takes ${maxEntries} entries and ${maxBytes} bytes: it would fill up and wait for ever; pass a lower everyEntries or everyBytes`,
    )
  }
  let isBusy = false
  let hasEnded = false
  let isReported = false
  let timer: unknown

  const look = (): void => {
    const { entries, bytes } = node.logSize()
    if (hasEnded || isBusy || (entries < everyEntries && bytes < everyBytes)) return
    clock.clearTimeout(timer)
    isBusy = true
    void compact().then((isDone) => {
      isBusy = false
      if (isDone) look()
      else if (!hasEnded) timer = clock.setTimeout(look, CAPTURE_RETRY_MS)
    })
  }

  /** Whether the floor rose. */
  const compact = async (): Promise<boolean> => {
    const before = node.compactionFloor.get()
    try {
      const captured = await options.capture()
      if (captured === null || hasEnded) return false
      // A snapshot of the leader's may have come first.
      if (captured.index > node.compactionFloor.get()) await node.publishSnapshot(captured.index, captured.state)
      isReported = false
    } catch (error) {
      if (!hasEnded && node.compactionFloor.get() === before) report(error)
    }
    return node.compactionFloor.get() > before
  }

  /** Once, until it goes well again. */
  const report = (error: unknown): void => {
    if (!isReported) reportUncaught(error)
    isReported = true
  }

  const end = (): void => {
    hasEnded = true
    clock.clearTimeout(timer)
    unlisten()
    node.ended.removeEventListener('abort', end)
  }

  const unlisten = node.commitIndex.listen(look)
  node.ended.addEventListener('abort', end)
  if (node.ended.aborted) end()
  else look()
  return end
}
