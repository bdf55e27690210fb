import { throwIfAborted } from '../base/abort.ts'
import type { Committed, StoredEntry } from './contract.ts'
import type { RaftLog } from './core/log.ts'
import { logEntryOf } from './core/log-entry.ts'
import type { RaftCore } from './core/raft-core.ts'

/**
 * Readers of what has committed. Each is a position in the log and nothing else: replay and live are the
 * same reading, nothing is buffered, and a slow reader costs nobody anything.
 */
export class CommittedCursors {
  readonly #log: RaftLog
  readonly #core: Pick<RaftCore, 'commitIndex' | 'snapshot' | 'isSilent'>
  #wake: (() => void)[] = []
  #ended = false

  constructor(log: RaftLog, core: Pick<RaftCore, 'commitIndex' | 'snapshot' | 'isSilent'>) {
    this.#log = log
    this.#core = core
  }

  /**
   * Every committed index from `index` on (1 at the least), each once; what lies below the log's floor as one
   * `install`, whether the reader starts there or is overtaken. Each iteration starts over.
   */
  from(index: number, signal: AbortSignal | undefined): AsyncIterable<Committed> {
    if (!Number.isSafeInteger(index) || index < 0) {
      throw new RangeError(`index ${index} is not a whole number from 0 to 2^53 - 1`)
    }
    return { [Symbol.asyncIterator]: () => this.#cursor(Math.max(1, index), signal) }
  }

  /** The commit index has moved. */
  advanced(): void {
    const wake = this.#wake
    this.#wake = []
    for (const resume of wake) resume()
  }

  /** Nothing more will commit here. Cursors read what has, then are done. */
  end(): void {
    this.#ended = true
    this.advanced()
  }

  #cursor(start: number, signal: AbortSignal | undefined): AsyncIterator<Committed> {
    let next = start
    let live = true
    const end = { done: true, value: undefined } as const
    const stop = (): void => {
      live = false
      signal?.removeEventListener('abort', wakeAll)
    }
    const wakeAll = (): void => this.advanced()
    signal?.addEventListener('abort', wakeAll, { once: true })
    return {
      next: async () => {
        while (live) {
          if (signal?.aborted === true) {
            stop()
            throwIfAborted(signal)
          }
          const snapshot = next <= this.#log.floorIndex ? this.#core.snapshot : null
          if (snapshot !== null) {
            next = snapshot.index + 1
            const { index, term, state } = snapshot
            return { done: false, value: { kind: 'install', snapshot: { index, term, state } } }
          }
          const entry = next <= this.#core.commitIndex ? this.#log.entryAt(next) : null
          if (entry !== null) {
            next++
            return { done: false, value: this.#committed(entry) }
          }
          if (this.#ended) break
          await new Promise<void>((resume) => this.#wake.push(resume))
        }
        stop()
        return end
      },
      return: () => {
        stop()
        wakeAll()
        return Promise.resolve(end)
      },
    }
  }

  /** What the engine appends for itself, and commands that took no effect, are told by index alone. */
  #committed(entry: StoredEntry): Committed {
    if (entry.kind !== 'command' || this.#core.isSilent(entry.index)) return { kind: 'internal', index: entry.index }
    return { kind: 'entry', entry: logEntryOf(entry) }
  }
}
