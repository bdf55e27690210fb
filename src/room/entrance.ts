import { withinMs } from '../base/abort.ts'
import type { Clock } from '../base/clock.ts'
import { AdmissionRefusedError, ClosedError } from '../base/errors.ts'
import type { ResumeToken } from '../seam/resume-token.ts'
import type { EndReason, ResumeResult } from './contract.ts'

const WINDOW_OVER: ResumeResult = { kind: 'refused', code: 'resume-window-expired', retryable: false }

/** Who waits to be let in: one at a time, and whoever asks for the same waits along. */
export class Entrance {
  readonly #clock: Clock
  #waiting: Waiting | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves when admitted; rejects with `AdmissionRefusedError`, and `ClosedError` where the room ends first. */
  join(ask: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (result: ResumeResult): void => {
        if (result.kind === 'success') resolve()
        else if (result.kind === 'refused') reject(new AdmissionRefusedError(result.code, result.retryable))
      }
      this.#waiting = {
        settle,
        ended: (reason) => reject(new ClosedError(`the room ended before this peer was admitted: ${reason}`)),
      }
      ask()
    })
  }

  /** Never rejects. The later of two that differ has the earlier one time out. */
  resume(token: ResumeToken, boundMs: number, ask: () => void): Promise<ResumeResult> {
    const before = this.#waiting
    if (before?.resume?.credential === token.credential && before?.resume?.issuedAt === token.issuedAt) {
      return before.resume.result
    }
    let settle: (result: ResumeResult) => void = () => {}
    const answered = new Promise<ResumeResult>((resolve) => (settle = resolve))
    const late = new Error('no answer to a resume')
    const result = withinMs(this.#clock, boundMs, answered, () => late).catch((error: unknown): ResumeResult => {
      if (error !== late) throw error
      if (this.#waiting === waiting) this.#waiting = null
      return { kind: 'timed-out' }
    })
    const { credential, issuedAt } = token
    const waiting: Waiting = { settle, ended: () => settle(WINDOW_OVER), resume: { credential, issuedAt, result } }
    before?.settle({ kind: 'timed-out' })
    this.#waiting = waiting
    ask()
    return result
  }

  settle(result: ResumeResult): void {
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.settle(result)
  }

  end(reason: EndReason): void {
    this.#waiting?.ended(reason)
    this.#waiting = null
  }
}

interface Waiting {
  readonly settle: (result: ResumeResult) => void
  readonly ended: (reason: EndReason) => void
  readonly resume?: {
    readonly credential: string | undefined
    readonly issuedAt: number
    readonly result: Promise<ResumeResult>
  }
}
