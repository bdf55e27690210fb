import type { Line } from './line.ts'
import { pieceBytes } from './pieces.ts'

/** First byte of every frame: what the other end does with it. */
const frameKind = { ping: 0, bulk: 1, announce: 2, arrived: 3 } as const

const warmUpBytes = 4_194_304
const bulkBytes = 12_582_912
/** A payload that no engine takes in one message. */
const largeBytes = 1_048_576
const smallMessages = 10_000
const pings = 200

export interface Figures {
  /** Median round trip of 64 bytes, milliseconds. */
  readonly roundTripMs: number
  /** Bytes a second, until the receiver has said that all arrived. */
  readonly rate16KiB: number
  readonly rate64KiB: number
  readonly rate1MiB: number
  /** 64-byte messages a second. */
  readonly smallRate: number
}

/** The answering end: sends pings back and says when an announced number of bytes has arrived. */
export function serve(line: Line): void {
  let awaited = 0
  line.onFrame = (frame) => {
    const kind = frame[0]
    if (kind === frameKind.ping) {
      void line.send(frame.slice())
    } else if (kind === frameKind.announce) {
      awaited = new DataView(frame.buffer, frame.byteOffset).getUint32(1)
    } else {
      awaited -= frame.length
      if (awaited === 0) void line.send(Uint8Array.of(frameKind.arrived))
    }
  }
}

/** The calling end: everything that is measured, one after the other. */
export async function measure(line: Line): Promise<Figures> {
  await transfer(line, 16_384, warmUpBytes)
  const roundTripMs = await roundTrip(line)
  const rate16KiB = await transfer(line, 16_384, bulkBytes)
  const rate64KiB = await transfer(line, 65_536, bulkBytes)
  const rate1MiB = await transfer(line, largeBytes, bulkBytes)
  const smallRate = (await transfer(line, 64, 64 * smallMessages)) / 64
  return { roundTripMs, rate16KiB, rate64KiB, rate1MiB, smallRate }
}

async function roundTrip(line: Line): Promise<number> {
  const samples: number[] = []
  for (let i = 0; i < pings + 20; i++) {
    const frame = frameOf(frameKind.ping, 64)
    const startedAt = performance.now()
    const echo = nextFrame(line)
    await line.send(frame)
    await echo
    if (i >= 20) samples.push(performance.now() - startedAt)
  }
  samples.sort((a, b) => a - b)
  return samples[samples.length >> 1] ?? Number.NaN
}

/** Bytes a second of `totalBytes` in frames of `frameBytes`. */
async function transfer(line: Line, frameBytes: number, totalBytes: number): Promise<number> {
  const announcement = frameOf(frameKind.announce, 5)
  new DataView(announcement.buffer).setUint32(1, totalBytes)
  await line.send(announcement)
  const frame = frameOf(frameKind.bulk, frameBytes)
  const arrived = nextFrame(line)
  const startedAt = performance.now()
  for (let sent = 0; sent < totalBytes; sent += frameBytes) {
    const full = line.send(frame)
    if (full !== undefined) await full
  }
  await arrived
  return totalBytes / ((performance.now() - startedAt) / 1000)
}

function nextFrame(line: Line): Promise<void> {
  return new Promise((resolve) => {
    line.onFrame = () => resolve()
  })
}

/**
 * Bytes that no transport can make smaller. The kind stands at the head of each piece, since a library that cuts nothing
 * hands every piece of a large frame to the other end by itself. A piece is also as much as browsers draw in one call.
 */
function frameOf(kind: number, length: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(length)
  for (let at = 0; at < length; at += pieceBytes) {
    crypto.getRandomValues(frame.subarray(at, at + pieceBytes))
    frame[at] = kind
  }
  return frame
}
