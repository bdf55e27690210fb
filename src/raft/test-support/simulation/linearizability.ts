import type { Operation } from './history.ts'
import { Lineage, UNWANTED } from './lineage.ts'

export type Verdict =
  | { readonly linearizable: true }
  /** `key`: where no order explains what the clients saw. */
  | { readonly linearizable: false; readonly key: string; readonly operations: readonly Operation[] }

/**
 * Whether some order of the operations, each at one moment between its call and its return, explains every output.
 * Keys are independent of one another, and so checked one by one (Herlihy and Wing, locality); each with the search
 * of Wing and Gong, remembering where it has been (Lowe, "Testing for linearizability").
 */
export function checkLinearizable(operations: readonly Operation[]): Verdict {
  const byKey = new Map<string, Operation[]>()
  for (const operation of operations) {
    // A read that was never answered constrains nothing.
    if (operation.kind === 'get' && operation.returnedAt === Infinity) continue
    const same = byKey.get(operation.key)
    if (same === undefined) byKey.set(operation.key, [operation])
    else same.push(operation)
  }
  for (const [key, own] of byKey) if (!explainable(own)) return { linearizable: false, key, operations: own }
  return { linearizable: true }
}

/** A call or a return, in a list ordered by time from which operations are lifted as they are placed. */
interface Step {
  readonly operation: Operation
  readonly number: number
  /** The return of a call; `null` on a return. */
  readonly match: Step | null
  prev: Step
  next: Step | null
}

function explainable(operations: readonly Operation[]): boolean {
  const lineage = Lineage.of(operations)
  if (lineage === 'impossible') return false
  const head = timeline(operations)
  const search = new Search(head, operations.length, lineage)
  let at = search.placeWhatIsFree()
  while (search.left > 0) {
    if (at !== null && at.match !== null) {
      const after = at.operation.kind === 'get' ? null : written(at, search.state, lineage)
      if (after !== null && search.place(at, after)) at = search.placeWhatIsFree()
      else at = at.next
      continue
    }
    // A return whose operation is not placed: something placed before was wrong.
    const last = search.takeBack()
    if (last === null) return false
    at = last.next
  }
  return true
}

/** The operations placed so far, and what is left of the timeline. */
class Search {
  state = ''
  /** Answered operations that are not placed. */
  left: number
  readonly #head: Step
  readonly #lineage: Lineage | null
  readonly #placed: { readonly call: Step; readonly before: string; readonly free: boolean }[] = []
  readonly #done: Uint32Array
  readonly #seen: Set<string> = new Set()

  constructor(head: Step, count: number, lineage: Lineage | null) {
    this.#head = head
    this.#lineage = lineage
    this.#done = new Uint32Array((count >> 5) + 1)
    this.left = 0
    for (let step = head.next; step !== null; step = step.next) {
      if (step.match !== null && step.operation.returnedAt !== Infinity) this.left++
    }
  }

  isPlaced(number: number): boolean {
    return ((this.#done[number >> 5] as number) & (1 << (number & 31))) !== 0
  }

  /**
   * Places what costs nothing: every read that may come now and reads what is there, and, where nobody wants what is
   * there, every write that nobody read. None of them would be better off later. Returns where to go on.
   */
  placeWhatIsFree(): Step | null {
    const lineage = this.#lineage
    let step = this.#head.next
    while (step !== null && step.match !== null) {
      const call: Step = step
      const { operation } = call
      const match = call.match as Step
      step = call.next === match ? match.next : call.next
      if (operation.kind === 'get' ? operation.output === this.state : this.#isFree(call))
        this.#put(call, this.state, true)
      else step = call.next
    }
    if (
      lineage === null ||
      this.state === UNWANTED ||
      lineage.isWanted(this.state, (number) => this.isPlaced(number))
    ) {
      return this.#head.next
    }
    this.state = UNWANTED
    return this.placeWhatIsFree()
  }

  /** False: these operations have led to this state before, and to nothing. */
  place(call: Step, after: string): boolean {
    this.#flip(call.number)
    const key = `${this.#done.join()}|${after}`
    this.#flip(call.number)
    if (this.#seen.has(key)) return false
    this.#seen.add(key)
    this.#put(call, after, false)
    return true
  }

  #isFree(call: Step): boolean {
    return this.state === UNWANTED && this.#lineage?.isUnread(call.operation) === true
  }

  /** Takes back the last choice, and what was free after it. `null`: there is none. */
  takeBack(): Step | null {
    for (;;) {
      const last = this.#placed.pop()
      if (last === undefined) return null
      this.state = last.before
      this.#flip(last.call.number)
      relink(last.call.match as Step)
      relink(last.call)
      if (last.call.operation.returnedAt !== Infinity) this.left++
      if (!last.free) return last.call
    }
  }

  #put(call: Step, after: string, free: boolean): void {
    this.#placed.push({ call, before: this.state, free })
    this.state = after
    this.#flip(call.number)
    unlink(call)
    unlink(call.match as Step)
    if (call.operation.returnedAt !== Infinity) this.left--
  }

  #flip(number: number): void {
    const word = number >> 5
    this.#done[word] = (this.#done[word] as number) ^ (1 << (number & 31))
  }
}

function written({ operation }: Step, state: string, lineage: Lineage | null): string | null {
  if (lineage !== null) return lineage.after(operation, state)
  return operation.kind === 'put' ? operation.input : state + operation.input
}

function timeline(operations: readonly Operation[]): Step {
  const head = { next: null } as unknown as Step
  const steps: { at: number; step: Step }[] = []
  operations.forEach((operation, number) => {
    const end: Step = { operation, number, match: null, prev: head, next: null }
    steps.push({ at: operation.calledAt, step: { operation, number, match: end, prev: head, next: null } })
    steps.push({ at: operation.returnedAt, step: end })
  })
  // At equal times calls come first: such operations count as overlapping.
  steps.sort((a, b) => (a.at === b.at ? Number(a.step.match === null) - Number(b.step.match === null) : a.at - b.at))
  let last = head
  for (const { step } of steps) {
    last.next = step
    step.prev = last
    last = step
  }
  return head
}

function unlink(step: Step): void {
  step.prev.next = step.next
  if (step.next !== null) step.next.prev = step.prev
}

function relink(step: Step): void {
  step.prev.next = step
  if (step.next !== null) step.next.prev = step
}
