import { fromUtf8, utf8 } from '../../../base/bytes.ts'
import type { StoredEntry } from '../../contract.ts'

/** A command of {@link KvStore}: appends `value` and a semicolon to the text under `key`. */
export function appending(key: number, value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, key)
  view.setUint32(4, value)
  return bytes
}

/** One replica of the simulation's program, text under keys. `chain` depends on every entry applied so far and on their order. */
export class KvStore {
  applied = 0
  chain = 0
  readonly #values: Map<number, string> = new Map()

  /** What reading `key` gives. */
  read(key: number): string {
    return this.#values.get(key) ?? ''
  }

  /** Applies the next entry. */
  apply(entry: StoredEntry): void {
    this.skip(entry)
    const { command } = entry
    if (command.length !== 8) return
    const view = new DataView(command.buffer, command.byteOffset, 8)
    const [key, value] = [view.getUint32(0), view.getUint32(4)]
    this.chain = (Math.imul(this.chain, 31) + value) | 0
    this.#values.set(key, `${this.read(key)}${value};`)
  }

  /** Passes by an entry that takes no effect. */
  skip({ index, term }: Pick<StoredEntry, 'index' | 'term'>): void {
    this.applied = index
    this.chain = (Math.imul(this.chain, 31) + index + term) | 0
  }

  toBytes(): Uint8Array {
    return utf8(JSON.stringify([this.applied, this.chain, [...this.#values]]))
  }

  /** Becomes what another replica was when it wrote `bytes`. */
  restore(bytes: Uint8Array): void {
    const [applied, chain, values] = JSON.parse(fromUtf8(bytes)) as [number, number, [number, string][]]
    this.applied = applied
    this.chain = chain
    this.#values.clear()
    for (const [key, value] of values) this.#values.set(key, value)
  }
}
