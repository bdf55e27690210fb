import { describe, expect, it } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import {
  ConfigError,
  IncomingTakenError,
  InsecureContextError,
  JoinTimeoutError,
  PayloadTooLargeError,
  PeerNotConnectedError,
  RoomNotFoundError,
  SeamTornError,
  SignalingUnavailableError,
} from '../base/errors.ts'
import { testIdentity } from '../sim/index.ts'
import type { Seam } from './contract.ts'
import { VIEW_CREDIT_BYTES } from './contract.ts'
import { keepConnected, type KeptSeam } from './keep-connected.ts'
import { MAX_UNREAD_CONNECTIONS } from './keeper.ts'
import { connected, EndpointDoubles, NOTHING_OPEN, texts, torn, woven } from './test-support/endpoint-doubles.ts'

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
      endpoints: expect.any(Map),
    })
  })

  it('[KEEP-1] past its bound rejects with what the last attempt failed of, and nothing is left', async () => {
    const doubles = new EndpointDoubles()
    doubles.all('empty')
    const failed = await doubles.failure(doubles.keep({ connectTimeoutMs: 4_000 }))
    expect(failed).toBeInstanceOf(RoomNotFoundError)
    expect(doubles.clock.now()).toBe(4_000)
    expect(doubles.asked.length).toBeGreaterThan(3)
    expect(doubles.leftOpen).toEqual(NOTHING_OPEN)
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
        doubles.all(behaviour)
        const controller = new AbortController()
        if (afterMs < 0) controller.abort(reason)
        const { signal } = controller
        const outcome = doubles.keep({ signal }).catch((error: unknown) => error)
        if (afterMs > 0) await doubles.clock.advance(afterMs)
        controller.abort(reason)
        const result = (await doubles.run(outcome)) as KeptSeam | Error
        if (result !== reason) await doubles.run((result as KeptSeam).close())
        await doubles.clock.advance(70_000)
        expect(doubles.leftOpen, `${behaviour} ${afterMs}`).toEqual(NOTHING_OPEN)
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

describe('the end', () => {
  it('[KEEP-8] close ends pauses, attempts and connections, and is idempotent', async () => {
    for (const behaviour of ['up', 'refusing', 'dead', 'deaf', 50] as const) {
      for (const afterMs of [0, 1, 60, 100, 240, 3_000]) {
        const { doubles, ann, bob } = await connected()
        const atBob = texts(bob)
        doubles.all(behaviour)
        doubles.lose()
        await doubles.clock.advance(afterMs)
        await doubles.run(Promise.all([bob.close(), bob.close({ kind: 'unreachable' })]))
        expect(bob.state.get()).toEqual({ kind: 'torn', reason: { kind: 'normal' } })
        await doubles.clock.advance(70_000)
        expect(doubles.leftOpen, `${behaviour} ${afterMs}`).toEqual(NOTHING_OPEN)
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
    await doubles.run(torn(bob))
    const state = bob.state.get()
    const reason = state.kind === 'torn' && state.reason.kind === 'error' ? state.reason.cause : null
    expect(reason).toBeInstanceOf(ConfigError)
    await doubles.clock.advance(5_000)
    expect([doubles.open, doubles.wakers.size, doubles.clock.pendingTimers]).toEqual([0, 0, 0])
  })

  it.each([new ConfigError('no'), new InsecureContextError('no'), new RangeError('no')])(
    '[KEEP-9] %s, be it at first or later on',
    async (fault) => {
      const doubles = new EndpointDoubles()
      await doubles.host()
      doubles.fault = fault
      doubles.all('broken')
      expect(await doubles.failure(doubles.keep())).toBe(fault)
      expect([doubles.clock.now() < 100, doubles.leftOpen]).toEqual([true, NOTHING_OPEN])
      doubles.all('up')
      const bob = await doubles.run(doubles.keep())
      doubles.all('broken')
      doubles.lose()
      await doubles.run(torn(bob))
      expect(bob.state.get()).toEqual({ kind: 'torn', reason: { kind: 'error', cause: fault } })
    },
  )

  it('[KEEP-9] a TypeError is not: networks that are down throw it', async () => {
    const { doubles, bob } = await connected()
    doubles.fault = new TypeError('Failed to fetch')
    doubles.all('broken')
    doubles.lose()
    await doubles.clock.advance(60_000)
    doubles.all('up')
    await doubles.run(woven(bob))
  })

  it('[KEEP-9] a selector that leaves its range later on is such an error', async () => {
    const doubles = new EndpointDoubles()
    await doubles.host()
    let asked = 0
    const bob = await doubles.run(doubles.keep({ selector: () => (asked++ === 0 ? 0 : 7) }))
    doubles.lose()
    await doubles.run(torn(bob))
    expect(bob.state.get()).toMatchObject({ reason: { kind: 'error', cause: expect.any(RangeError) as unknown } })
  })
})

describe('a connection that is handed over', () => {
  const MOMENTS = Array.from({ length: 16 }, (_, i) => i)

  /** Calls `then` so many turns after the next connection is handed over. */
  function atMoment(doubles: EndpointDoubles, turns: number, then: () => void): void {
    const later = async (): Promise<void> => {
      for (let i = 0; i < turns; i++) await null
      then()
    }
    doubles.onConnected = () => {
      doubles.onConnected = null
      void later()
    }
  }

  it.each(MOMENTS)('[KEEP-8] is closed when the seam is closed %i turns later', async (turns) => {
    const { doubles, bob } = await connected()
    atMoment(doubles, turns, () => void bob.close())
    doubles.lose()
    await doubles.run(torn(bob))
    await doubles.clock.advance(5_000)
    expect(doubles.leftOpen).toEqual(NOTHING_OPEN)
  })

  it.each(MOMENTS)('[KEEP-8] is closed, or the result, when the first one is aborted %i turns later', async (turns) => {
    const doubles = new EndpointDoubles()
    await doubles.host()
    const controller = new AbortController()
    atMoment(doubles, turns, () => controller.abort(new Error('enough')))
    const seam = await doubles.run(doubles.keep({ signal: controller.signal }).catch(() => null))
    await doubles.clock.advance(5_000)
    expect(doubles.open).toBe(seam === null ? 0 : 1)
    await seam?.close()
    await doubles.clock.advance(5_000)
    expect(doubles.leftOpen).toEqual(NOTHING_OPEN)
  })

  it.each(MOMENTS)('[KEEP-2] is followed by another when it is lost %i turns later', async (turns) => {
    const { doubles, ann, bob } = await connected()
    atMoment(doubles, turns, () => doubles.lose())
    doubles.lose()
    await doubles.clock.advance(5_000)
    expect(doubles.endpointsAsked()).toEqual(['b', 'c'])
    expect(bob.state.get()).toEqual({ kind: 'woven' })
    expect([bob.peers.get(), ann.peers.get()]).toEqual([new Set(['ann', 'bob']), new Set(['ann', 'bob'])])
    expect(doubles.leftOpen).toEqual({ ...NOTHING_OPEN, connections: 1 })
  })

  it('[KEEP-9] and cannot be read ends the seam, and is closed', async () => {
    const { doubles, bob } = await connected()
    doubles.onConnected = (connection) => void connection.incoming[Symbol.asyncIterator]()
    doubles.lose()
    await doubles.run(torn(bob))
    expect(bob.state.get()).toMatchObject({
      reason: { kind: 'error', cause: expect.any(IncomingTakenError) as unknown },
    })
    await doubles.clock.advance(5_000)
    expect(doubles.leftOpen).toEqual(NOTHING_OPEN)
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
    doubles.network.cut('ann', 'bob')
    await doubles.clock.advance(2_000)
    expect(bob.peers.get().size).toBe(1)
    await bob.close()
    expect(doubles.leftOpen).toEqual(NOTHING_OPEN)
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
