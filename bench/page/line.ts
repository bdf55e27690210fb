/** One end of an open connection between two pages, whatever it is made of. */
export interface Line {
  /** Resolves (or returns) when the next frame may be sent. The frame is never written to again. */
  send(frame: Uint8Array<ArrayBuffer>): Promise<void> | void
  /** Set once, before the first frame can arrive. The frame may be a view on a larger buffer. */
  onFrame: (frame: Uint8Array) => void
  close(): Promise<void> | void
}

/** Moments on a clock both pages share, milliseconds: see {@link sharedNow}. */
export interface Opened {
  readonly line: Line
  /** When the offer began, where this end knows. */
  readonly offeredAt: number | null
  /** When this end could first send. */
  readonly openAt: number
}

/** One way to connect two pages. `answer` resolves when it can be called; what it opens comes later. */
export interface Subject {
  readonly name: string
  answer(meeting: string): Promise<{ readonly opened: Promise<Opened>; readonly invitation: string }>
  call(meeting: string, invitation: string): Promise<Opened>
}

/** Milliseconds on a clock that all pages of one browser share. */
export function sharedNow(): number {
  return performance.timeOrigin + performance.now()
}
