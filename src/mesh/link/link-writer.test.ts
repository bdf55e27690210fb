import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MalformedBytesError } from '../../base/bytes.ts'
import { BATCH, packBatch, unpackBatch } from './link-batch.ts'
import { LinkWriter, MAX_BATCH_BYTES, MAX_BATCHED_FRAME_BYTES, QUIET_MICROTASKS } from './link-writer.ts'

/** A writer in a test's hand: what it sent, and the end of a turn. */
class Desk {
  readonly sent: Uint8Array[] = []
  readonly writer: LinkWriter = new LinkWriter({
    send: (message) => void this.sent.push(message),
    afterMicrotask: (run) => void this.#soon.push(run),
    afterTurn: (run) => void this.#due.push(run),
  })
  #soon: (() => void)[] = []
  #due: (() => void)[] = []

  /** Turns of the event loop that the writer asked for and has not had. */
  get turnsAwaited(): number {
    return this.#due.length
  }

  microtasks(count: number): void {
    for (let i = 0; i < count; i++) for (const run of this.#soon.splice(0)) run()
  }

  endTurn(): void {
    while (this.#soon.length > 0) this.microtasks(1)
    for (const run of this.#due.splice(0)) run()
  }

  /** The frames in what was sent, batches unpacked. */
  get frames(): Uint8Array[] {
    return this.sent.flatMap(framesIn)
  }
}

function framesIn(message: Uint8Array): Uint8Array[] {
  if (message[0] !== BATCH) return [message]
  const frames: Uint8Array[] = []
  unpackBatch(message, (frame) => {
    frames.push(frame)
    return true
  })
  return frames
}

const frameOf = (length: number, fill = 3): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(fill)

describe('what makes messages of frames', () => {
  it('[CARRY-1] the first frame of a turn goes out at once, those that follow travel together at its end', () => {
    const desk = new Desk()
    desk.writer.write(frameOf(10, 1))
    expect(desk.sent).toEqual([frameOf(10, 1)])
    desk.writer.write(frameOf(20, 2))
    desk.writer.write(frameOf(30, 3))
    expect(desk.sent).toHaveLength(1)
    expect(desk.writer.heldBytes).toBe(54)
    desk.endTurn()
    expect(desk.sent).toHaveLength(2)
    expect(desk.frames).toEqual([frameOf(10, 1), frameOf(20, 2), frameOf(30, 3)])
    desk.writer.write(frameOf(10, 4))
    expect(desk.sent).toHaveLength(3)
  })

  it('[CARRY-1] one frame that follows needs no batch, and a turn without one ends without a word', () => {
    const desk = new Desk()
    desk.writer.write(frameOf(10, 1))
    desk.writer.write(frameOf(10, 2))
    desk.endTurn()
    desk.endTurn()
    expect(desk.sent).toEqual([frameOf(10, 1), frameOf(10, 2)])
  })

  it('[CARRY-5] a frame that is alone, or large, asks for no turn, and what follows in one is in it', () => {
    const desk = new Desk()
    for (let i = 0; i < 3; i++) {
      desk.writer.write(frameOf(10))
      desk.writer.write(frameOf(MAX_BATCHED_FRAME_BYTES + 1))
      desk.microtasks(QUIET_MICROTASKS)
    }
    expect([desk.sent.length, desk.turnsAwaited]).toEqual([6, 0])
    for (let i = 0; i < 3; i++) {
      desk.writer.write(frameOf(10))
      desk.microtasks(QUIET_MICROTASKS - 1)
    }
    expect([desk.sent.length, desk.turnsAwaited]).toEqual([7, 1])
    desk.microtasks(QUIET_MICROTASKS)
    desk.writer.write(frameOf(10))
    desk.endTurn()
    expect([desk.sent.length, desk.turnsAwaited]).toEqual([8, 0])
    desk.writer.write(frameOf(10))
    expect(desk.sent).toHaveLength(9)
  })

  it('[CARRY-6] a frame that may wait goes with the first that may not, or when the turn is over', () => {
    const desk = new Desk()
    desk.writer.hold(frameOf(3, 1))
    expect(desk.sent).toEqual([])
    desk.writer.write(frameOf(4, 2))
    expect(desk.sent).toHaveLength(1)
    desk.writer.hold(frameOf(5, 3))
    desk.writer.write(frameOf(6, 4))
    expect(desk.sent).toHaveLength(1)
    desk.endTurn()
    expect(desk.sent).toHaveLength(2)
    desk.writer.hold(frameOf(7, 5))
    desk.endTurn()
    desk.writer.hold(frameOf(8, 6))
    desk.writer.write(frameOf(MAX_BATCHED_FRAME_BYTES + 1))
    expect(desk.frames.map(({ length }) => length)).toEqual([3, 4, 5, 6, 7, 8, MAX_BATCHED_FRAME_BYTES + 1])
    expect(desk.sent).toHaveLength(5)
  })

  it('[CARRY-2] a batch goes when it is full, without waiting for the end of the turn', () => {
    const desk = new Desk()
    const frames = Array.from({ length: 1000 }, (_, i) => frameOf(64, i % 7))
    for (const frame of frames) desk.writer.write(frame)
    expect(desk.sent.length).toBeGreaterThan(3)
    desk.endTurn()
    expect(desk.frames).toEqual(frames)
    expect(desk.sent.length).toBeLessThan(8)
    for (const { length } of desk.sent) expect(length).toBeLessThanOrEqual(MAX_BATCH_BYTES)
  })

  it('[CARRY-3] a large frame goes by itself, as it is, after those that were before it', () => {
    const desk = new Desk()
    const large = frameOf(MAX_BATCHED_FRAME_BYTES + 1)
    for (const frame of [frameOf(5), frameOf(6), large, frameOf(7)]) desk.writer.write(frame)
    expect(desk.sent).toHaveLength(3)
    expect(desk.sent[2]).toBe(large)
    desk.endTurn()
    expect(desk.frames.map(({ length }) => length)).toEqual([5, 6, large.length, 7])
  })

  it('[CARRY-4] whatever is written arrives, in order, and views share the bytes of their batch', () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.integer({ min: 1, max: 300 }) },
      fc.integer({ min: 1, max: 20_000 }),
      fc.constantFrom('microtask' as const, 'end of turn' as const),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const desk = new Desk()
        const written: number[] = []
        for (const [i, length] of steps.entries()) {
          if (length === 'end of turn') desk.endTurn()
          else if (length === 'microtask') desk.microtasks(1)
          else if (i % 5 === 0 && length <= MAX_BATCHED_FRAME_BYTES) {
            desk.writer.hold(frameOf(length, i % BATCH))
            written.push(length)
          } else {
            // No frame that is written is a batch itself.
            desk.writer.write(frameOf(length, i % BATCH))
            written.push(length)
          }
        }
        desk.endTurn()
        expect(desk.frames.map(({ length }) => length)).toEqual(written)
        expect(desk.writer.heldBytes).toBe(0)
        for (const message of desk.sent)
          for (const frame of framesIn(message)) expect(frame.buffer).toBe(message.buffer)
      }),
    )
  })

  it('[LINK-2] any bytes are a batch or malformed, and a batch in a batch is none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          unpackBatch(Uint8Array.of(BATCH, ...bytes), (frame) => frame.length > 0)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBytesError)
        }
      }),
    )
    const inner = packBatch([frameOf(3)], 5)
    const malformed = [packBatch([inner], inner.length + 2), packBatch([frameOf(0)], 2), Uint8Array.of(BATCH, 0)]
    for (const batch of malformed) expect(() => unpackBatch(batch, () => true)).toThrow(MalformedBytesError)
  })
})
