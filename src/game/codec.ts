import { fromUtf8, utf8 } from '../base/bytes.ts'
import type { StandardIssue, StandardSchemaV1 } from './standard-schema.ts'

/** How an application's value becomes bytes and back. One codec instance is the format of record of a game. */
export interface Codec<A> {
  /** Throws where the value has no form in this codec. */
  encode(value: A): Uint8Array
  /** Throws where the bytes are not a value. They come from other people's machines. */
  decode(bytes: Uint8Array): A
}

/**
 * JSON in UTF-8, checked by `schema` where one is given (any Standard Schema v1: zod, valibot, arktype).
 * What the schema refuses is refused by `encode` too, before anyone else sees it. Values must survive
 * JSON, and a schema that transforms must accept its own output. Schemas that answer with a promise are
 * a `TypeError`: replicas decode in step and cannot wait.
 */
export function json<A>(schema?: StandardSchemaV1<unknown, A>): Codec<A> {
  const parse = (text: string): A => {
    const value: unknown = JSON.parse(text)
    return schema === undefined ? (value as A) : validated(schema, value)
  }
  if (schema !== undefined) refuseAsynchronous(schema)
  return {
    encode: (value) => {
      const text = JSON.stringify(value) as string | undefined
      if (text === undefined) throw new TypeError(`a ${typeof value} has no form in JSON: nothing was encoded`)
      parse(text)
      return utf8(text)
    },
    decode: (bytes) => parse(fromUtf8(bytes)),
  }
}

/** A whole number from -2^31 to 2^31 - 1 in four bytes, big-endian. */
export function int32(): Codec<number> {
  return {
    encode: (value) => {
      if (!Number.isInteger(value) || value !== (value | 0)) throw new RangeError(`not a 32-bit whole number: ${value}`)
      const bytes = new Uint8Array(4)
      new DataView(bytes.buffer).setInt32(0, value)
      return bytes
    },
    decode: (bytes) => {
      if (bytes.length !== 4) throw new RangeError(`a 32-bit number has 4 bytes, not ${bytes.length}`)
      return new DataView(bytes.buffer, bytes.byteOffset).getInt32(0)
    },
  }
}

function validated<A>(schema: StandardSchemaV1<unknown, A>, value: unknown): A {
  const result = schema['~standard'].validate(value)
  if (isPromise(result)) throw asynchronous(schema, result)
  if (result.issues !== undefined)
    throw new TypeError(`the schema refuses it: ${result.issues.map(describe).join('; ')}`)
  return result.value
}

/** Asks once with a value no schema is likely to take, so that most asynchronous ones are caught where they are named. */
function refuseAsynchronous(schema: StandardSchemaV1<unknown, unknown>): void {
  let result: unknown
  try {
    result = schema['~standard'].validate(undefined)
  } catch {
    return
  }
  if (isPromise(result)) throw asynchronous(schema, result)
}

function asynchronous(schema: StandardSchemaV1<unknown, unknown>, result: Promise<unknown>): TypeError {
  result.catch(() => {})
  return new TypeError(
    `the ${schema['~standard'].vendor} schema answers with a promise: only synchronous schemas can be used`,
  )
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

function describe(issue: StandardIssue): string {
  if (issue.path === undefined || issue.path.length === 0) return issue.message
  const path = issue.path.map((step) => String(typeof step === 'object' ? step.key : step)).join('.')
  return `${path}: ${issue.message}`
}
