/** What one client asked for, and what it was told. `get` has an `output`, `append` and `put` an `input`. */
export interface Operation {
  readonly kind: 'get' | 'put' | 'append'
  readonly key: string
  readonly input: string
  output: string
  /** Any clock of the observer's, as long as it is one. */
  readonly calledAt: number
  /** `Infinity`: never answered. It may have taken effect at any time since, or not at all. */
  returnedAt: number
}

/** What the clients of one run saw. */
export class History {
  readonly operations: Operation[] = []
  #moment = 0

  call(kind: Operation['kind'], key: string, input: string): Operation {
    const operation = { kind, key, input, output: '', calledAt: this.#moment++, returnedAt: Infinity }
    this.operations.push(operation)
    return operation
  }

  returned(operation: Operation, output: string): void {
    operation.output = output
    operation.returnedAt = this.#moment++
  }

  /** The request was refused: it never happened. */
  refused(operation: Operation): void {
    this.operations.splice(this.operations.lastIndexOf(operation), 1)
  }
}
