import { describe, expect, it } from 'vitest'
import { fromUtf8, utf8 } from '../base/bytes.ts'
import {
  ConfigError,
  IncomingTakenError,
  JoinTimeoutError,
  PayloadTooLargeError,
  PeerNotConnectedError,
  RoomNotFoundError,
  SeamTornError,
  SignalingUnavailableError,
} from '../base/errors.ts'
import { until } from '../base/observable.ts'
import { testIdentity } from '../sim/index.ts'
import type { Seam } from './contract.ts'
import { VIEW_CREDIT_BYTES } from './contract.ts'
import { ENDPOINT_REST_MS } from './endpoint-health.ts'
import { keepConnected, type KeptSeam } from './keep-connected.ts'
import { MAX_UNREAD_CONNECTIONS, RECONNECT_BASE_MS, RECONNECT_CAP_MS } from './keeper.ts'
import { EndpointDoubles } from './test-support/endpoint-doubles.ts'

const woven = (seam: Seam): Promise<unknown> => until(seam.state, ({ kind }) => kind === 'woven')

/** What arrives on `seam`, as `sequence text`. */
function texts(seam: Seam): string[] {
  const seen: string[] = []
  void (async () => {
    for await (const { sequence, payload } of seam.incoming) seen.push(`${sequence} ${fromUtf8(payload)}`)
    seen.push('end')
  })()
  return seen
}

async function connected(): Promise<{ doubles: EndpointDoubles; ann: Seam; bob: KeptSeam<string> }> {
  const doubles = new EndpointDoubles()
  const ann = await doubles.host()
  const bob = await doubles.run(doubles.keep())
  doubles.endpointsAsked()
  return { doubles, ann, bob }
}

describe('the first connection', () => {
  it('[KEEP-1] is made through one endpoint after the other, until one answers', async () => {
    const doubles = new EndpointDoubles()
    await doubles.host()
    doubles.behaviours.set('a', 'refusing').set('b', 'empty').set('c', 300)
    const seam = await doubles.run(doubles.keep())
    expect(doubles.endpointsAsked()).toEqual(['a', 'b', 'c'])
    expect(seam.state.get()).toEqual({ kind: 'woven' })
    expect(seam.peers.get()).toEqual(new Set(['ann', 'bob']))
    expect(seam.progress.get()).toEqual({
      phase: 'connected',
      endpoint: 'c',
      attempt: 3,
      nextAttemptInMs: null,
      lastError: null,
    })
  })

  it('[KEEP-1] past its bound rejects with what the last attempt failed of, and nothing is left', async () => {
    const doubles = new EndpointDoubles()
    for (const endpoint of ['a', 'b', 'c']) doubles.behaviours.set(endpoint, 'empty')
    const failed = await doubles.failure(doubles.keep({ connectTimeoutMs: 4_000 }))
    expect(failed).toBeInstanceOf(RoomNotFoundError)
    expect(doubles.clock.now()).toBe(4_000)
    expect(doubles.asked.length).toBeGreaterThan(3)
    expect([doubles.clock.pendingTimers, doubles.wakers.size, doubles.open]).toEqual([0, 0, 0])
    expect(doubles.progress.at(-1)?.phase).toBe('closed')
  })

  it('[KEEP-1] with nobody answering is JoinTimeoutError', async () => {
    const doubles = new EndpointDoubles()
    doubles.behaviours.set('a', 'dead')
    const failed = await doubles.failure(doubles.keep({ connectTimeoutMs: 4_000 }))
    expect(failed).toBeInstanceOf(JoinTimeoutError)
    expect(failed).toMatchObject({ outcome: 'refused' })
    expect(doubles.clock.pendingTimers).toBe(0)
  })

  it('[KEEP-1] with options that cannot work is a RangeError, and asks nobody', async () => {
    const doubles = new EndpointDoubles()
    for (const options of [
      { endpoints: [] },
      { selector: () => 3 },
      { connectTimeoutMs: 0 },
      { attemptTimeoutMs: -1 },
      { aloneTimeoutMs: Number.NaN },
    ]) {
      expect(await doubles.failure(doubles.keep(options)), JSON.stringify(options)).toBeInstanceOf(RangeError)
    }
    expect(doubles.asked).toEqual([])
  })

  it('[KEEP-8] is cancelled by its signal at any moment, and leaves nothing open', async () => {
    const reason = new Error("the caller's own")
    for (const behaviour of ['up', 'refusing', 'empty', 'dead', 'deaf', 3] as const) {
      for (const afterMs of [-1, 0, 1, 3, 7, 10, 15, 20, 21, 300, 2_000]) {
        const doubles = new EndpointDoubles()
        await doubles.host()
        for (const endpoint of ['a', 'b', 'c']) doubles.behaviours.set(endpoint, behaviour)
        const controller = new AbortController()
        if (afterMs < 0) controller.abort(reason)
        const { signal } = controller
        const outcome = doubles.keep({ signal }).catch((error: unknown) => error)
        if (afterMs > 0) await doubles.clock.advance(afterMs)
        controller.abort(reason)
        const result = (await doubles.run(outcome)) as KeptSeam | Error
        if (result !== reason) await doubles.run((result as KeptSeam).close())
        await doubles.clock.advance(70_000)
        expect([doubles.clock.pendingTimers, doubles.wakers.size, doubles.open], `${behaviour} ${afterMs}`).toEqual([
          0, 0, 0,
        ])
      }
    }
  })
})

describe('a lost connection', () => {
  it('[KEEP-2] is followed by one through the next endpoint: weaving and alone, then woven, one reader throughout', async () => {
    const { doubles, ann, bob } = await connected()
    const seen: string[] = []
    bob.state.listen(({ kind }) => seen.push(`${kind} ${[...bob.peers.get()].toSorted().join('+')}`))
    const atBob = texts(bob)
    await ann.broadcast(utf8('one'))
    await doubles.clock.advance(20)
    for (const text of ['two', 'three']) {
      doubles.lose()
      expect(bob.peers.get()).toEqual(new Set(['bob']))
      await doubles.run(woven(bob))
      await ann.broadcast(utf8(text))
      await doubles.clock.advance(20)
    }
    expect(seen).toEqual(['weaving bob', 'woven ann+bob', 'weaving bob', 'woven ann+bob'])
    expect(doubles.endpointsAsked()).toEqual(['b', 'c'])
    expect(atBob).toEqual(['1 one', '2 two', '3 three'])
    expect(() => bob.incoming[Symbol.asyncIterator]()).toThrow(IncomingTakenError)
    await bob.close()
    await doubles.clock.advance(0)
    expect(atBob.at(-1)).toBe('end')
  })

  it('[KEEP-2] leaves what had arrived to be read, before what comes over the next', async () => {
    const { doubles, ann, bob } = await connected()
    for (const text of ['one', 'two']) await ann.broadcast(utf8(text))
    await doubles.clock.advance(20)
    doubles.lose()
    await doubles.run(woven(bob))
    await ann.broadcast(utf8('three'))
    await doubles.clock.advance(20)
    const atBob = texts(bob)
    await doubles.clock.advance(0)
    expect(atBob).toEqual(['1 one', '2 two', '3 three'])
  })

  it('[KEEP-2] the other end sees the peer leave, then join', async () => {
    const { doubles, ann, bob } = await connected()
    const listed: boolean[] = []
    ann.peers.listen((peers) => listed.push(peers.has('bob')))
    doubles.lose()
    await doubles.run(woven(bob))
    await doubles.clock.advance(5_000)
    expect(listed).toEqual([false, true])
  })

  it('[KEEP-3] meanwhile sends are refused as for an absent peer, a broadcast reaches nobody, and then they go again', async () => {
    const { doubles, ann, bob } = await connected()
    const atAnn = texts(ann)
    doubles.lose()
    expect(await doubles.failure(bob.sendTo('ann', utf8('lost')))).toBeInstanceOf(PeerNotConnectedError)
    expect(await doubles.failure(bob.sendTo('bob', utf8('self')))).toBeInstanceOf(RangeError)
    const huge = new Uint8Array((bob.maxPayloadBytes ?? 0) + 1)
    expect(await doubles.failure(bob.broadcast(huge))).toBeInstanceOf(PayloadTooLargeError)
    await bob.broadcast(utf8('nobody'))
    await doubles.run(woven(bob))
    await bob.sendTo('ann', utf8('back'))
    await doubles.clock.advance(20)
    expect(atAnn).toEqual(['1 back'])
    await bob.close()
    expect(await doubles.failure(bob.sendTo('ann', utf8('late')))).toBeInstanceOf(SeamTornError)
    expect(await doubles.failure(bob.broadcast(utf8('late')))).toBeInstanceOf(SeamTornError)
  })

  it('[KEEP-3] ends the sends that wait for credit, as a peer that leaves does', async () => {
    const { doubles, bob } = await connected()
    const frame = new Uint8Array(65_536)
    for (let sent = 0; sent < VIEW_CREDIT_BYTES; sent += frame.length) await bob.sendTo('ann', frame)
    const ends = [doubles.failure(bob.sendTo('ann', frame)), doubles.failure(bob.broadcast(frame))] as const
    await doubles.clock.advance(50)
    doubles.lose()
    expect(await ends[0]).toBeInstanceOf(PeerNotConnectedError)
    expect(await ends[1]).toBeNull()
  })
})

describe('attempts', () => {
  it('[KEEP-4] come after pauses of full jitter that double up to a cap, and stay apart for good', async () => {
    const { doubles } = await connected()
    for (const endpoint of ['a', 'b', 'c']) doubles.behaviours.set(endpoint, 'refusing')
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
    doubles.behaviours.set('b', 'refusing')
    const lost = async (): Promise<string[]> => {
      doubles.lose()
      await doubles.run(woven(bob))
      return doubles.endpointsAsked()
    }
    expect(await lost()).toEqual(['b', 'c'])
    await doubles.clock.advance(ENDPOINT_REST_MS / 2)
    expect(await lost()).toEqual(['a'])
    expect(await lost(), 'a and c failed later than b, and nobody is well').toEqual(['b', 'c'])
    doubles.behaviours.set('b', 'up')
    await doubles.clock.advance(ENDPOINT_REST_MS)
    await lost()
    await doubles.clock.advance(ENDPOINT_REST_MS)
    expect(await lost()).toEqual(['b'])
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

  it('[KEEP-7] are made at once when woken, and start over; a wake during one counts for the pause after it', async () => {
    const { doubles, bob } = await connected()
    for (const endpoint of ['a', 'b', 'c']) doubles.behaviours.set(endpoint, 'refusing')
    doubles.lose()
    await doubles.clock.advance(60_000)
    doubles.endpointsAsked()
    expect(bob.progress.get().attempt).toBeGreaterThan(5)
    doubles.wake()
    await Promise.resolve()
    await doubles.run(until(bob.progress, ({ attempt }) => attempt === 1))
    expect(doubles.endpointsAsked()).toHaveLength(1)
    for (const endpoint of ['a', 'b', 'c']) doubles.behaviours.set(endpoint, 40_000)
    await doubles.run(until(bob.progress, ({ phase }) => phase === 'connecting'))
    doubles.wake()
    for (const endpoint of ['a', 'b', 'c']) doubles.behaviours.set(endpoint, 'up')
    const before = doubles.clock.now()
    await doubles.run(woven(bob))
    expect(doubles.clock.now() - before).toBeLessThan(20_050)
    expect(doubles.wakers.size).toBe(0)
  })
})

describe('the end', () => {
  it('[KEEP-8] close ends pauses, attempts and connections, and is idempotent', async () => {
    for (const behaviour of ['up', 'refusing', 'dead', 'deaf', 50] as const) {
      for (const afterMs of [0, 1, 60, 100, 240, 3_000]) {
        const { doubles, ann, bob } = await connected()
        const atBob = texts(bob)
        for (const endpoint of ['a', 'b', 'c']) doubles.behaviours.set(endpoint, behaviour)
        doubles.lose()
        await doubles.clock.advance(afterMs)
        await doubles.run(Promise.all([bob.close(), bob.close({ kind: 'unreachable' })]))
        expect(bob.state.get()).toEqual({ kind: 'torn', reason: { kind: 'normal' } })
        await doubles.clock.advance(70_000)
        expect([doubles.clock.pendingTimers, doubles.wakers.size, doubles.open], `${behaviour} ${afterMs}`).toEqual([
          0, 0, 0,
        ])
        expect(bob.progress.get().phase).toBe('closed')
        expect(ann.peers.get()).toEqual(new Set(['ann']))
        expect(atBob).toEqual(['end'])
      }
    }
  })

  it('[KEEP-9] a connection that was closed on purpose is no loss: who took its place is left in peace', async () => {
    const { doubles, bob } = await connected()
    const loom = doubles.network.loom({ peerIdentity: testIdentity('bob') })
    const other = await doubles.run(loom.join({ sessionName: 'oak', peerKey: 'oak' }))
    await doubles.clock.advance(60_000)
    expect(bob.state.get()).toEqual({ kind: 'torn', reason: { kind: 'remote-requested' } })
    expect(other.state.get()).toEqual({ kind: 'woven' })
    expect([bob.progress.get().phase, doubles.endpointsAsked()]).toEqual(['closed', []])
  })

  it('[KEEP-9] an error that no retry can mend tears it with its cause', async () => {
    const { doubles, bob } = await connected()
    doubles.identity = 'somebody else'
    doubles.lose()
    await doubles.run(until(bob.state, ({ kind }) => kind === 'torn'))
    const state = bob.state.get()
    const reason = state.kind === 'torn' && state.reason.kind === 'error' ? state.reason.cause : null
    expect(reason).toBeInstanceOf(ConfigError)
    await doubles.clock.advance(5_000)
    expect([doubles.open, doubles.wakers.size, doubles.clock.pendingTimers]).toEqual([0, 0, 0])
  })

  it('[KEEP-9] a selector that leaves its range later on is such an error', async () => {
    const doubles = new EndpointDoubles()
    await doubles.host()
    let asked = 0
    const bob = await doubles.run(doubles.keep({ selector: () => (asked++ === 0 ? 0 : 7) }))
    doubles.lose()
    await doubles.run(until(bob.state, ({ kind }) => kind === 'torn'))
    expect(bob.state.get()).toMatchObject({ reason: { kind: 'error', cause: expect.any(RangeError) as unknown } })
  })
})

describe('what else counts', () => {
  it('[KEEP-10] a connection that lists nobody for aloneTimeoutMs counts as lost; a shorter time alone does not', async () => {
    const doubles = new EndpointDoubles()
    await doubles.host()
    const bob = await doubles.run(doubles.keep({ aloneTimeoutMs: 3_000 }))
    const states: string[] = []
    bob.state.listen(({ kind }) => states.push(kind))
    doubles.network.cut('ann', 'bob')
    await doubles.clock.advance(3_500)
    doubles.network.heal()
    await doubles.clock.advance(60_000)
    expect(states).toEqual([])
    doubles.network.cut('ann', 'bob')
    await doubles.clock.advance(4_100)
    expect(states).toEqual(['weaving'])
    doubles.network.heal()
    await doubles.run(woven(bob))
    expect(bob.peers.get()).toEqual(new Set(['ann', 'bob']))
    await doubles.clock.advance(60_000)
    expect([states.length, doubles.open]).toEqual([2, 1])
    await bob.close()
    await doubles.clock.advance(1_000)
    expect(doubles.clock.pendingTimers).toBe(0)
  })

  it('[KEEP-11] who does not read holds the next connection up, rather than frames without bound', async () => {
    const { doubles, ann, bob } = await connected()
    for (let i = 0; i < MAX_UNREAD_CONNECTIONS; i++) {
      await doubles.run(woven(bob))
      await ann.broadcast(utf8(`${i}`))
      await doubles.clock.advance(20)
      doubles.lose()
    }
    await doubles.clock.advance(120_000)
    expect(bob.progress.get().phase).toBe('held')
    const atBob = texts(bob)
    await doubles.run(woven(bob))
    expect(atBob).toEqual(['1 0', '2 1', '3 2', '4 3'])
  })

  it('[KEEP-12] progress tells each step, from before the first connection', async () => {
    const doubles = new EndpointDoubles()
    await doubles.host()
    doubles.behaviours.set('a', 'refusing')
    const bob = await doubles.run(doubles.keep())
    doubles.lose()
    await doubles.run(woven(bob))
    await bob.close()
    const told = doubles.progress.map(({ phase, endpoint, attempt, nextAttemptInMs, lastError }) => {
      return [
        phase,
        endpoint,
        attempt,
        nextAttemptInMs === null ? '' : 'pause',
        (lastError as Error | null)?.name,
      ].join(' ')
    })
    expect(told).toEqual([
      'connecting a 0  ',
      'connecting a 1  ',
      'waiting b 1 pause SignalingUnavailableError',
      'connecting b 2  SignalingUnavailableError',
      'connected b 2  ',
      'waiting c 2 pause SeamTornError',
      'connecting c 3  SeamTornError',
      'connected c 3  ',
      'closed c 3  ',
    ])
    expect(doubles.progress[2]?.lastError).toBeInstanceOf(SignalingUnavailableError)
    expect(bob.progress.get()).toBe(doubles.progress.at(-1))
  })

  it('[KEEP-5] a loom that throws instead of rejecting is one that failed', async () => {
    const doubles = new EndpointDoubles()
    const boom = new Error('boom')
    const join = (): Promise<Seam> => {
      throw boom
    }
    const { clock } = doubles
    const failed = await doubles.failure(keepConnected({ join }, { endpoints: [1], clock, connectTimeoutMs: 100 }))
    expect(failed).toBe(boom)
    expect(clock.pendingTimers).toBe(0)
  })
})
