import { describe, expect, it, vi } from 'vitest'
import { JoinTimeoutError } from '../base/errors.ts'
import { until } from '../base/observable.ts'
import { ENDPOINT_REST_MS } from './endpoint-health.ts'
import { RECONNECT_BASE_MS, RECONNECT_CAP_MS } from './keeper.ts'
import { connected, EndpointDoubles, woven } from './test-support/endpoint-doubles.ts'

describe('attempts', () => {
  it('[KEEP-4] come after pauses of full jitter that double up to a cap, and stay apart for good', async () => {
    const { doubles } = await connected()
    doubles.all('refusing')
    await doubles.clock.advance(6_000)
    doubles.progress.length = 0
    doubles.lose()
    await doubles.clock.advance(300_000)
    const waits = doubles.progress.filter(({ phase }) => phase === 'waiting')
    for (const [i, { nextAttemptInMs, attempt }] of waits.entries()) {
      expect(attempt).toBe(i)
      expect(nextAttemptInMs).toBeLessThan(Math.min(RECONNECT_CAP_MS, RECONNECT_BASE_MS * 2 ** i))
    }
    expect(Math.max(...waits.map(({ nextAttemptInMs }) => nextAttemptInMs ?? 0))).toBeGreaterThan(RECONNECT_CAP_MS / 2)
    expect(new Set(doubles.endpointsAsked().slice(0, 3))).toEqual(new Set(['a', 'b', 'c']))
    expect(doubles.clock.pendingTimers).toBe(1)
  })

  it('[KEEP-4] of a flapping endpoint grow apart; a connection that held starts the pauses over', async () => {
    const { doubles, bob } = await connected()
    for (let i = 0; i < 30; i++) {
      doubles.lose()
      await doubles.run(woven(bob))
    }
    expect(bob.progress.get().attempt).toBe(31)
    expect(doubles.clock.now()).toBeGreaterThan(5 * RECONNECT_CAP_MS)
    await doubles.clock.advance(6_000)
    doubles.lose()
    expect(bob.progress.get()).toMatchObject({ phase: 'waiting', attempt: 0 })
    expect(bob.progress.get().nextAttemptInMs).toBeLessThan(RECONNECT_BASE_MS)
  })

  it('[KEEP-5] end after their bound, one at a time; a connection that comes later is closed', async () => {
    const { doubles, ann, bob } = await connected()
    doubles.behaviours.set('b', 'deaf').set('c', 'dead')
    doubles.lose()
    await doubles.run(woven(bob))
    expect(doubles.endpointsAsked()).toEqual(['b', 'c', 'a'])
    const errors = doubles.progress.filter(({ phase }) => phase === 'waiting').map(({ lastError }) => lastError)
    expect(errors.at(-1)).toBeInstanceOf(JoinTimeoutError)
    expect(doubles.clock.now()).toBeGreaterThan(40_000)
    expect(doubles.clock.now()).toBeLessThan(43_000)
    doubles.identity = 'bob, late'
    await doubles.clock.advance(60_000)
    expect(doubles.connections.map(({ selfId }) => selfId)).toEqual(['bob', 'bob', 'bob, late'])
    expect(doubles.open).toBe(1)
    expect(ann.peers.get()).toEqual(new Set(['ann', 'bob']))
  })

  it('[KEEP-6] pass over endpoints that failed lately while another one did not', async () => {
    const { doubles, bob } = await connected()
    const lost = async (): Promise<string[]> => {
      await doubles.clock.advance(6_000)
      doubles.lose()
      await doubles.run(woven(bob))
      return doubles.endpointsAsked()
    }
    doubles.behaviours.set('b', 'refusing')
    expect(await lost()).toEqual(['b', 'c'])
    expect(await lost()).toEqual(['a'])
    expect(await lost(), 'b failed').toEqual(['c'])
    expect(await lost()).toEqual(['a'])
    await doubles.clock.advance(ENDPOINT_REST_MS)
    expect(await lost(), 'that was long ago').toEqual(['b', 'c'])
  })

  it('[KEEP-6] take an endpoint whose connections do not hold for one that failed', async () => {
    const { doubles, bob } = await connected()
    for (const next of ['b', 'c', 'b']) {
      doubles.lose()
      await doubles.run(woven(bob))
      expect(doubles.endpointsAsked()).toEqual([next])
      await doubles.clock.advance(6_000)
    }
  })

  it('[KEEP-6] forgive an endpoint as soon as it is good for a connection', async () => {
    const { doubles, bob } = await connected()
    doubles.all('refusing')
    await doubles.clock.advance(6_000)
    doubles.lose()
    await doubles.run(until(bob.progress, ({ attempt }) => attempt === 4))
    doubles.all('up')
    await doubles.run(woven(bob))
    const { endpoint } = bob.progress.get()
    doubles.endpointsAsked()
    await doubles.clock.advance(6_000)
    doubles.lose()
    await doubles.run(woven(bob))
    expect(doubles.endpointsAsked(), 'the others failed lately').toEqual([endpoint])
  })

  it('[KEEP-6] with a selector of its own ask it a bounded number of times', async () => {
    let asked = 0
    const doubles = new EndpointDoubles()
    await doubles.host()
    const selector = (): number => (asked++, 0)
    const bob = await doubles.run(doubles.keep({ selector }))
    doubles.lose()
    await doubles.run(woven(bob))
    expect(doubles.endpointsAsked()).toEqual(['a', 'a'])
    expect(asked).toBeLessThanOrEqual(4)
  })

  it('[KEEP-12] tell how each endpoint did: its last answer, how long it took, failures in a row and why', async () => {
    const { doubles, bob } = await connected()
    doubles.behaviours.set('b', 'refusing').set('c', 300)
    await doubles.clock.advance(6_000)
    doubles.lose()
    await doubles.run(woven(bob))
    const { endpoints } = bob.progress.get()
    expect([...endpoints.keys()]).toEqual(['a', 'b', 'c'])
    expect(endpoints.get('a')).toMatchObject({ failures: 0, lastError: null, lastAnswerAtMs: expect.any(Number) })
    expect(endpoints.get('b')).toMatchObject({ failures: 1, lastError: expect.any(Error), lastAnswerAtMs: null })
    expect(endpoints.get('c')?.latencyMs).toBeGreaterThanOrEqual(300)
  })

  it('[KEEP-7] are made at once when woken, and start over; a wake during one counts for the pause after it', async () => {
    const { doubles, bob } = await connected()
    doubles.all('refusing')
    doubles.lose()
    await doubles.clock.advance(60_000)
    doubles.endpointsAsked()
    expect(bob.progress.get().attempt).toBeGreaterThan(5)
    doubles.wake()
    await Promise.resolve()
    await doubles.run(until(bob.progress, ({ attempt }) => attempt === 1))
    expect(doubles.endpointsAsked()).toHaveLength(1)
    doubles.all(40_000)
    await doubles.run(until(bob.progress, ({ phase }) => phase === 'connecting'))
    doubles.wake()
    doubles.all('up')
    const before = doubles.clock.now()
    await doubles.run(woven(bob))
    expect(doubles.clock.now() - before).toBeLessThan(20_050)
    expect(doubles.wakers.size).toBe(0)
  })

  it('[KEEP-5] leave no listener behind on what outlives them', async () => {
    const { doubles } = await connected()
    const listening = [
      vi.spyOn(AbortSignal.prototype, 'addEventListener'),
      vi.spyOn(AbortSignal.prototype, 'removeEventListener'),
    ]
    doubles.all('refusing')
    doubles.lose()
    await doubles.clock.advance(600_000)
    const [added, removed] = listening.map((spy) => spy.mock.calls.length) as [number, number]
    vi.restoreAllMocks()
    expect(added).toBeGreaterThan(100)
    expect(added - removed).toBeLessThan(5)
  })
})
