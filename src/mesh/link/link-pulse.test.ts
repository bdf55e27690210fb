import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../sim/virtual-clock.ts'
import { LinkPulse, PULSE_BOUND_MS } from './link-pulse.ts'

/** A pulse, and what it asked and told. */
class Wrist {
  readonly clock = new VirtualClock()
  readonly asked: number[] = []
  readonly told: string[] = []
  readonly pulse = new LinkPulse(this.clock, {
    ask: (serial) => void this.asked.push(serial),
    onMeasured: () => void this.told.push('measured'),
    onSilence: (silent) => void this.told.push(silent ? 'silent' : 'heard'),
  })

  /** One round trip of so many milliseconds. */
  async roundTrip(ms: number): Promise<void> {
    this.pulse.ask()
    await this.clock.advance(ms)
    this.pulse.hear()
    this.pulse.answered(this.asked.at(-1) as number)
  }
}

describe('the pulse of a link', () => {
  it('[RTC-41] is silent after its bound, once, until anything is heard', async () => {
    const { clock, pulse, told } = new Wrist()
    pulse.ask()
    await clock.advance(PULSE_BOUND_MS - 1)
    expect(told).toEqual([])
    await clock.advance(PULSE_BOUND_MS)
    expect(told).toEqual(['silent'])
    pulse.hear()
    pulse.hear()
    expect(told).toEqual(['silent', 'heard'])
  })

  it('[RTC-41] is asked again while it is silent, and silence goes on without another word', async () => {
    const { clock, pulse, told, asked } = new Wrist()
    pulse.ask()
    await clock.advance(PULSE_BOUND_MS)
    pulse.ask()
    await clock.advance(PULSE_BOUND_MS)
    expect([asked, told]).toEqual([[1, 2], ['silent']])
  })

  it('[RTC-41] whatever else is heard meanwhile is a sign of life; then it may be asked again', async () => {
    const { clock, pulse, told, asked } = new Wrist()
    pulse.ask()
    pulse.ask()
    pulse.hear()
    await clock.advance(PULSE_BOUND_MS)
    expect([asked, told]).toEqual([[1], []])
    pulse.ask()
    expect(asked).toEqual([1, 2])
  })

  it('[RTC-42] smooths round trips and their deviation', async () => {
    const wrist = new Wrist()
    await wrist.roundTrip(80)
    expect([wrist.pulse.roundTripMs, wrist.pulse.jitterMs]).toEqual([80, 40])
    await wrist.roundTrip(160)
    expect([wrist.pulse.roundTripMs, wrist.pulse.jitterMs]).toEqual([90, 50])
    expect(wrist.told).toEqual(['measured', 'measured'])
  })

  it('[RTC-42] heeds the answer to what it asked last, and no other', () => {
    const { pulse, told } = new Wrist()
    pulse.answered(0)
    pulse.ask()
    pulse.answered(0)
    pulse.answered(2)
    expect([pulse.roundTripMs, told]).toEqual([null, []])
    pulse.answered(1)
    pulse.answered(1)
    expect(told).toEqual(['measured'])
  })

  it('[RTC-41] leaves no timer', async () => {
    const { clock, pulse, told } = new Wrist()
    pulse.ask()
    pulse.end()
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(2 * PULSE_BOUND_MS)
    expect(told).toEqual([])
  })
})
