import type { Operation } from './history.ts'

/** Stands for every value that nobody will read any more: they need not be told apart. */
export const UNWANTED = '\u0000'

interface Read {
  readonly number: number
  readonly output: string
  /** The value may have grown from the empty one, without a put. */
  readonly fromNothing: boolean
}

/**
 * Which writes made what was read, where the inputs are so distinct that a value tells its parts. It spares the
 * search nearly every choice: a write that was read can only have come where the value before it was, and a value
 * that somebody has yet to read cannot have been overwritten. Without it, fifty writes at once have more orders than
 * can be tried.
 */
export class Lineage {
  readonly #reads: Read[] = []
  /** By appended input, the values it was appended to. */
  readonly #before: Map<string, Set<string>> = new Map()
  /** Inputs that values begin with. */
  readonly #roots: Set<string> = new Set()
  /** How many puts and appends have an input. */
  readonly #puts: Map<string, number> = new Map()
  readonly #appends: Map<string, number> = new Map()

  /** `null`: the inputs do not tell. `impossible`: something was read that no order of the writes can make. */
  static of(operations: readonly Operation[]): Lineage | 'impossible' | null {
    const lineage = new Lineage(operations)
    const lengths = [...new Set([...lineage.#puts.keys(), ...lineage.#appends.keys()].map(({ length }) => length))]
    if (lengths.includes(0)) return null
    for (const [number, { kind, output }] of operations.entries()) {
      if (kind !== 'get') continue
      const parts = lineage.#partsOf(output, lengths)
      if (parts === 'impossible' || parts === null) return parts
      lineage.#reads.push({ number, output, fromNothing: lineage.#trace(parts) })
    }
    return lineage
  }

  private constructor(operations: readonly Operation[]) {
    for (const { kind, input } of operations) {
      if (kind === 'get') continue
      const counts = kind === 'put' ? this.#puts : this.#appends
      counts.set(input, (counts.get(input) ?? 0) + 1)
    }
  }

  /** Whether somebody has yet to read `state`, or what grows from it. */
  isWanted(state: string, isPlaced: (number: number) => boolean): boolean {
    return this.#reads.some(
      ({ number, output, fromNothing }) => !isPlaced(number) && (state === '' ? fromNothing : output.startsWith(state)),
    )
  }

  /** Whether nobody read what a write made: where nobody wants what is there, it costs nothing. */
  isUnread({ input }: Operation): boolean {
    return !this.#before.has(input) && !this.#roots.has(input)
  }

  /** What is there after a write; `null` where it cannot have come. */
  after(operation: Operation, state: string): string | null {
    const { kind, input } = operation
    if (kind === 'append' && this.#before.get(input)?.has(state) === true) return state + input
    if (state !== UNWANTED && !this.#mayComeAgain(state)) return null
    if (kind === 'put' && this.#roots.has(input)) return input
    return kind === 'put' || this.isUnread(operation) || (this.#appends.get(input) ?? 0) > 1 || this.#puts.has(input)
      ? UNWANTED
      : null
  }

  /** Whether several writes can have begun what `state` is, so that what is overwritten may not be lost. */
  #mayComeAgain(state: string): boolean {
    for (const root of this.#roots) {
      const puts = this.#puts.get(root) ?? 0
      const several = puts > 1 || (puts > 0 && this.#appends.has(root))
      if (several && (state === '' || state.startsWith(root))) return true
    }
    return false
  }

  /** The inputs that a value is made of. */
  #partsOf(output: string, lengths: readonly number[]): string[] | 'impossible' | null {
    const parts: string[] = []
    for (let at = 0; at < output.length; at += (parts.at(-1) as string).length) {
      const found = lengths
        .map((length) => output.slice(at, at + length))
        .filter((part) => this.#appends.has(part) || (at === 0 && this.#puts.has(part)))
      const [part] = found
      if (part === undefined) return 'impossible'
      if (new Set(found).size > 1) return null
      parts.push(part)
    }
    return parts
  }

  /** Remembers what each part came after. Returns whether the value may have grown from the empty one. */
  #trace(parts: readonly string[]): boolean {
    let value = ''
    for (const part of parts) {
      if (value === '') this.#roots.add(part)
      if (value !== '' || this.#appends.has(part)) {
        const states = this.#before.get(part)
        if (states === undefined) this.#before.set(part, new Set([value]))
        else states.add(value)
      }
      value += part
    }
    const [first] = parts
    return first === undefined || this.#appends.has(first)
  }
}
