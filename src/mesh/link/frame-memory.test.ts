import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CHUNK_BYTES, FrameMemory, MAX_LENT_BYTES } from './frame-memory.ts'

it('[BOND-7] no two frames that are in use share a byte, in whatever order they are let go', () => {
  const size = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: MAX_LENT_BYTES }))
  const step = fc.oneof({ weight: 3, arbitrary: size }, fc.constant('oldest' as const), fc.constant('newest' as const))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const memory = new FrameMemory()
      const inUse: { readonly frame: Uint8Array; readonly mark: number }[] = []
      for (const [i, what] of steps.entries()) {
        if (typeof what === 'number') {
          const frame = memory.take(what) as Uint8Array
          expect(frame).toHaveLength(what)
          inUse.push({ frame: frame.fill(i), mark: i % 256 })
          continue
        }
        const gone = what === 'oldest' ? inUse.shift() : inUse.pop()
        if (gone === undefined) continue
        expect(gone.frame.every((byte) => byte === gone.mark)).toBe(true)
        memory.release(gone.frame)
      }
      for (const { frame, mark } of inUse) expect(frame.every((byte) => byte === mark)).toBe(true)
    }),
    { numRuns: 60 },
  )
})

it('[BOND-7] large frames are not lent memory, and those of others are let go without a word', () => {
  const memory = new FrameMemory()
  expect(memory.take(MAX_LENT_BYTES + 1)).toBeUndefined()
  memory.release(new Uint8Array(9))
  const first = memory.take(MAX_LENT_BYTES) as Uint8Array
  expect(first.buffer.byteLength).toBe(CHUNK_BYTES)
  memory.release(first)
  expect(memory.take(1)?.buffer).toBe(first.buffer)
})
