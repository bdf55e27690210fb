import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { until } from '../../base/observable.ts'
import type { Swatch } from '../../seam/contract.ts'
import { HIGH_WATER_BYTES, WebRtcLoom } from './index.ts'

/** The most that any message found queued behind it, itself included. */
let mostBuffered = 0
const { send } = RTCDataChannel.prototype

describe('a large transfer in a browser', () => {
  beforeEach(() => {
    mostBuffered = 0
    RTCDataChannel.prototype.send = function (this: RTCDataChannel, data: ArrayBufferView<ArrayBuffer>) {
      send.call(this, data)
      mostBuffered = Math.max(mostBuffered, this.bufferedAmount)
    } as typeof send
  })

  afterEach(() => {
    RTCDataChannel.prototype.send = send
  })

  it('[RTC-37] keeps what the channel has buffered at or under 256 KiB', async () => {
    const options = { app: 'selvage tests', servers: inject('signalServers'), iceServers: [] }
    const hosting = new WebRtcLoom(options)
    const host = await hosting.host({ sessionName: 'large' })
    const guest = await new WebRtcLoom(options).join(hosting.invite(host))
    await until(host.peers, (peers) => peers.size === 2, { signal: AbortSignal.timeout(10_000) })
    const arriving = guest.incoming[Symbol.asyncIterator]().next()
    await host.sendTo(guest.selfId, new Uint8Array(8_388_608).fill(7))
    const { payload } = (await arriving).value as Swatch
    expect(payload.length).toBe(8_388_608)
    expect(payload.every((byte) => byte === 7)).toBe(true)
    expect(mostBuffered).toBeGreaterThan(65_536)
    expect(mostBuffered).toBeLessThanOrEqual(HIGH_WATER_BYTES)
    await Promise.all([host.close(), guest.close()])
  })
})
