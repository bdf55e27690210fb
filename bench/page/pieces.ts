import type { Line } from './line.ts'

/** Largest message of libraries that cut nothing themselves; a bare channel is no faster with larger ones. */
export const pieceBytes = 65_536

/** Above this many unsent bytes a sender waits until the buffer is half empty. */
export const highWaterBytes = 262_144

/**
 * How a careful application sends over a channel: large frames in pieces, and no more than {@link highWaterBytes}
 * unsent. `send` puts one message into `channel`.
 */
export function sendInPieces(
  channel: RTCDataChannel,
  send: (piece: Uint8Array<ArrayBuffer>) => void,
): NonNullable<Line['send']> {
  channel.bufferedAmountLowThreshold = highWaterBytes / 2
  const sendOne = (piece: Uint8Array<ArrayBuffer>): Promise<void> | undefined => {
    send(piece)
    if (channel.bufferedAmount <= highWaterBytes) return undefined
    return new Promise((resolve) => {
      channel.addEventListener('bufferedamountlow', () => resolve(), { once: true })
    })
  }
  return (frame) => (frame.length <= pieceBytes ? sendOne(frame) : sendAll(frame, sendOne))
}

async function sendAll(
  frame: Uint8Array<ArrayBuffer>,
  sendOne: (piece: Uint8Array<ArrayBuffer>) => Promise<void> | undefined,
): Promise<void> {
  for (let at = 0; at < frame.length; at += pieceBytes) {
    const full = sendOne(frame.subarray(at, at + pieceBytes))
    if (full !== undefined) await full
  }
}
