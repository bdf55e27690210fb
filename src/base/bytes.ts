/** Reading and writing of byte layouts. Every read is checked against the buffer's end first. */

const encoder = new TextEncoder()
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text) as Uint8Array<ArrayBuffer>
}

/** Text of well-formed UTF-8; throws a `TypeError` otherwise. */
export function fromUtf8(bytes: Uint8Array): string {
  return strictDecoder.decode(bytes)
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** base64url without padding (RFC 4648 section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Bytes of unpadded base64url, or `null` where the text is not that. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (char) => char.charCodeAt(0))
}

/** What `read` makes of bytes that anybody may have sent; `null` where it finds them malformed. */
export function wellFormed<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof MalformedBytesError) return null
    throw error
  }
}

/** Thrown by {@link ByteReader} when the bytes end too early or say something impossible. */
export class MalformedBytesError extends Error {
  override readonly name: string = 'MalformedBytesError'
}

/** Appends to a buffer that grows by doubling. Numbers are big-endian. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>
  #length = 0

  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity)
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): this {
    if (this.#length === this.#bytes.length) this.#grow(1)
    this.#bytes[this.#length++] = value
    return this
  }

  /** One byte, 0 or 1. */
  flag(value: boolean): this {
    return this.u8(value ? 1 : 0)
  }

  u32(value: number): this {
    return this.u8(value >>> 24)
      .u8(value >>> 16)
      .u8(value >>> 8)
      .u8(value)
  }

  f64(value: number): this {
    this.#grow(8)
    new DataView(this.#bytes.buffer).setFloat64(this.#length, value)
    this.#length += 8
    return this
  }

  /** A whole number from 0 to 2^53 - 1 in base 128, low group first, high bit set on all but the last byte. */
  varint(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`not a whole number from 0 to 2^53 - 1: ${value}`)
    while (value >= 2 ** 31) {
      this.u8((value % 0x80) | 0x80)
      value = Math.floor(value / 0x80)
    }
    // From here on it is in the range of bitwise operators.
    for (; value >= 0x80; value >>>= 7) this.u8((value & 0x7f) | 0x80)
    return this.u8(value)
  }

  raw(bytes: Uint8Array): this {
    this.#grow(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
    return this
  }

  /** A varint length, then the bytes. */
  block(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes)
  }

  /** A varint length, then UTF-8. */
  text(text: string): this {
    return this.block(utf8(text))
  }

  /** Begins anew, in the same buffer. */
  clear(): this {
    this.#length = 0
    return this
  }

  /** The bytes written so far, as a view that the next write may change. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length)
  }

  /** The bytes written, in a buffer of their own length. */
  finish(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.#length)
    // The engine's own copying costs more than it gains where there is little to copy.
    if (this.#length > 64) whole.set(this.view())
    else for (let i = 0; i < this.#length; i++) whole[i] = this.#bytes[i] as number
    return whole
  }

  #grow(by: number): void {
    const needed = this.#length + by
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}

/** Reads what {@link ByteWriter} writes. Every read throws {@link MalformedBytesError} rather than pass the end. */
export class ByteReader {
  readonly #bytes: Uint8Array
  #offset: number

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes
    this.#offset = offset
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  u8(): number {
    if (this.#offset >= this.#bytes.length) this.#take(1)
    return this.#bytes[this.#offset++] as number
  }

  flag(): boolean {
    const byte = this.u8()
    if (byte > 1) throw new MalformedBytesError(`${byte} is no flag`)
    return byte === 1
  }

  u32(): number {
    return this.u8() * 2 ** 24 + ((this.u8() << 16) | (this.u8() << 8) | this.u8())
  }

  f64(): number {
    const at = this.#take(8)
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset).getFloat64(at)
  }

  varint(): number {
    let value = this.u8()
    if (value < 0x80) return value
    value -= 0x80
    let scale = 0x80
    for (let i = 1; i < 8; i++) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (value > Number.MAX_SAFE_INTEGER) throw new MalformedBytesError('number above 2^53 - 1')
      if (byte < 0x80) {
        if (byte === 0) throw new MalformedBytesError('number not in its shortest form')
        return value
      }
      scale *= 0x80
    }
    throw new MalformedBytesError('number of more than 8 bytes')
  }

  /** A view of `length` bytes: shares the buffer. Never a Node `Buffer`. */
  raw(length: number): Uint8Array {
    const at = this.#take(length)
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + at, length)
  }

  block(): Uint8Array {
    return this.raw(this.varint())
  }

  text(): string {
    try {
      return fromUtf8(this.block())
    } catch (error) {
      if (error instanceof MalformedBytesError) throw error
      throw new MalformedBytesError('text that is not UTF-8', { cause: error })
    }
  }

  rest(): Uint8Array {
    return this.raw(this.remaining)
  }

  /** Throws unless everything was read. */
  end(): void {
    if (this.remaining !== 0) throw new MalformedBytesError(`${this.remaining} bytes after the end`)
  }

  #take(length: number): number {
    if (this.remaining < length) throw new MalformedBytesError(`${length} bytes wanted, ${this.remaining} left`)
    const at = this.#offset
    this.#offset += length
    return at
  }
}
