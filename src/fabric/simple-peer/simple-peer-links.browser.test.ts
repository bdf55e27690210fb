import { describe, expect, it } from 'vitest'
import { sleep } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { HIGH_WATER_BYTES } from '../../mesh/link/link-driver.ts'
import { eventually, LinkEnd, soon, wire, wiredEnds } from '../../mesh/test-support/link-end.ts'
import { nativeLinks } from '../webrtc/index.ts'
import { simplePeerLinks } from './index.ts'

const driver = simplePeerLinks()

/** Which end of a link with a native one it is, and the two ends. */
const roles = [
  ['initiator', () => wiredEnds(driver, nativeLinks())],
  ['other end', () => wiredEnds(nativeLinks(), driver)],
] as const

describe('links over simple-peer', () => {
  it.each(roles)(
    '[SIMPLE-1] as the %s of a link with a native one: both see the same certificates',
    async (_role, ends) => {
      const [a, b] = ends()
      await Promise.all([a.opened, b.opened])
      expect(a.link.fingerprints().local).toEqual(b.link.fingerprints().remote)
      expect(a.link.fingerprints().remote).toEqual(b.link.fingerprints().local)
      a.link.send(Uint8Array.of(1))
      a.link.send(Uint8Array.of(2, 3))
      b.link.send(Uint8Array.of(4))
      await eventually(() => a.received.length === 1 && b.received.length === 2)
      expect([a.received, b.received]).toEqual([[Uint8Array.of(4)], [Uint8Array.of(1), Uint8Array.of(2, 3)]])
      await Promise.all([a.link.close(), b.link.close()])
    },
  )

  it.each(roles)('[RTC-50] as the %s of a link with a native one: lossy frames go both ways', async (_role, ends) => {
    const [a, b] = ends()
    await Promise.all([a.opened, b.opened])
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      // Until one comes: the second channel opens by itself, and what it carries may be lost.
      await eventually(() => {
        from.link.sendLossy?.(Uint8Array.of(7))
        return to.lossy.length > 0
      })
      expect(to.lossy[0]).toEqual(Uint8Array.of(7))
    }
    expect([a.received, b.received]).toEqual([[], []])
    await Promise.all([a.link.close(), b.link.close()])
  })

  it('[SIMPLE-2] signals that are none, and a description with another certificate, are dropped', async () => {
    const [a, b] = [
      new LinkEnd(driver, { initiator: true, polite: true }),
      new LinkEnd(driver, { initiator: false, polite: false }),
    ]
    for (const body of ['', '{', 'null', '{"renegotiate":true}', '{"type":"candidate"}', '{"type":"offer"}']) {
      a.link.signal(body)
      b.link.signal(body)
    }
    wire(a, b)
    await Promise.all([a.opened, b.opened])
    const before = b.link.fingerprints()
    const stranger = new LinkEnd(driver, { initiator: true, polite: true })
    await eventually(() => stranger.held.length > 0)
    for (const body of stranger.held) b.link.signal(body)
    await sleep(systemClock, 50)
    expect(b.link.fingerprints()).toEqual(before)
    a.link.send(Uint8Array.of(1))
    await eventually(() => b.received.length === 1)
    await Promise.all([a, b, stranger].map(({ link }) => link.close()))
  })

  it('[SIMPLE-3] what was sent before a close arrives, and the other end learns of it', async () => {
    const [a, b] = wiredEnds(driver)
    await Promise.all([a.opened, b.opened])
    const message = new Uint8Array(65_536)
    for (let i = 0; i < 16; i++) a.link.send(message)
    await a.link.close()
    await soon(b.closed)
    expect(b.received.length).toBe(16)
  })

  it('[SIMPLE-4] falling under the mark is reported, whatever the mark', async () => {
    const [a, b] = wiredEnds(driver)
    await Promise.all([a.opened, b.opened])
    for (const mark of [65_536, 0]) {
      a.link.drainMarkBytes = mark
      const drained = new Promise<void>((resolve) => (a.onDrain = resolve))
      a.link.send(new Uint8Array(HIGH_WATER_BYTES / 2))
      a.link.send(new Uint8Array(HIGH_WATER_BYTES / 2))
      await soon(drained)
      expect(a.link.bufferedAmount).toBeLessThanOrEqual(mark)
    }
    await Promise.all([a.link.close(), b.link.close()])
  })
})
