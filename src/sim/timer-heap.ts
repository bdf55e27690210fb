/** An armed timer. */
export interface Timer {
  readonly dueMs: number
  readonly run: () => void
  /** Arming order: ties fire first armed first. */
  readonly order: number
  cancelled: boolean
}

/**
 * Timers by due time, then by arming order: a binary heap. A cancelled timer stays until it comes up or
 * until cancelled ones are the most, so cancelling costs nothing (election timers are cancelled all the time).
 */
export class TimerHeap {
  #heap: Timer[] = []
  #armed = 0
  #cancelled = 0

  /** Armed and not cancelled. */
  get size(): number {
    return this.#heap.length - this.#cancelled
  }

  add(dueMs: number, run: () => void): Timer {
    const timer: Timer = { dueMs, run, order: this.#armed++, cancelled: false }
    this.#heap.push(timer)
    this.#rise(this.#heap.length - 1)
    return timer
  }

  /** A timer that has fired or was cancelled does nothing. */
  cancel(timer: Timer): void {
    if (timer.cancelled) return
    timer.cancelled = true
    this.#cancelled++
    if (this.#cancelled > 64 && this.#cancelled * 2 > this.#heap.length) this.#rebuild()
  }

  /** The timer to fire next. */
  peek(): Timer | undefined {
    while (this.#heap[0]?.cancelled === true) {
      this.#removeFirst()
      this.#cancelled--
    }
    return this.#heap[0]
  }

  /** Takes {@link peek} out. */
  pop(): void {
    const timer = this.peek()
    if (timer === undefined) return
    this.#removeFirst()
    timer.cancelled = true
  }

  /** The earliest due times, ascending, `count` at the most. */
  nextDues(count: number): readonly number[] {
    const live = this.#heap.filter((timer) => !timer.cancelled)
    return live
      .toSorted(before)
      .slice(0, count)
      .map((timer) => timer.dueMs)
  }

  #rebuild(): void {
    this.#heap = this.#heap.filter((timer) => !timer.cancelled).sort(before)
    this.#cancelled = 0
  }

  #removeFirst(): void {
    const last = this.#heap.pop() as Timer
    if (this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink(0)
  }

  #rise(at: number): void {
    const timer = this.#heap[at] as Timer
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = this.#heap[parentAt] as Timer
      if (before(parent, timer) <= 0) break
      this.#heap[at] = parent
      at = parentAt
    }
    this.#heap[at] = timer
  }

  #sink(at: number): void {
    const timer = this.#heap[at] as Timer
    const length = this.#heap.length
    for (;;) {
      let childAt = at * 2 + 1
      if (childAt >= length) break
      const right = childAt + 1
      if (right < length && before(this.#heap[right] as Timer, this.#heap[childAt] as Timer) < 0) childAt = right
      const child = this.#heap[childAt] as Timer
      if (before(timer, child) <= 0) break
      this.#heap[at] = child
      at = childAt
    }
    this.#heap[at] = timer
  }
}

function before(a: Timer, b: Timer): number {
  return a.dueMs - b.dueMs || a.order - b.order
}
