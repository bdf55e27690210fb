import { expect } from 'vitest'
import { IncomingTakenError, PayloadTooLargeError, PeerNotConnectedError } from '../../base/errors.ts'
import type { CloseReason, Seam } from '../../seam/contract.ts'
import { DelegateSeam } from '../delegate-seam.ts'
import { bytesOf, roomLaw, type RoomLaw } from './room-harness.ts'

export const membershipLaws: readonly RoomLaw[] = [
  roomLaw('ROOM-1', 'a host hosts, and knows its room, from the start', async (trial) => {
    const ann = await trial.host('ann')
    const id = await trial.idOf('ann')
    expect(ann.role.get()).toBe('host')
    expect(ann.host.get()).toBe(id)
    expect(ann.status.get()).toEqual({ kind: 'member' })
    expect(ann.roster.get().size).toBe(0)
    const roomId = ann.roomId.get()
    expect(roomId).toMatch(/\S/)
    await trial.settle(ann.leave())
    const again = await trial.host('ann')
    expect(again.roomId.get(), 'the id of another room').not.toBe(roomId)
  }),

  roomLaw('ROOM-2', 'who has joined is in: room, host, roster and token are there', async (trial) => {
    const ann = await trial.host('ann')
    const bob = await trial.join('bob')
    expect(bob.role.get()).toBe('joiner')
    expect(bob.status.get()).toEqual({ kind: 'member' })
    expect(bob.roomId.get()).toBe(ann.roomId.get())
    expect(bob.host.get()).toBe(ann.selfId)
    expect(trial.shown(bob)).toEqual(['ann*'])
    expect(bob.resumeToken).toMatchObject({ peerId: bob.selfId, roomId: ann.roomId.get() })
  }),

  roomLaw(
    'ROOM-3',
    'every member shows every other, and hears it under its own id, in order and once',
    async (trial) => {
      const [ann, bob, cat] = await trial.gather('ann', 'bob', 'cat')
      const heard = [ann, bob, cat].map((room) => trial.hear(room.incoming))
      for (const i of [1, 2, 3]) await trial.settle(bob.broadcast(bytesOf(`to all ${i}`)))
      await trial.settle(cat.sendTo(ann.selfId, bytesOf('to ann')))
      await trial.settle(ann.sendTo(cat.selfId, bytesOf('to cat')))
      const fromBob = ['bob: to all 1', 'bob: to all 2', 'bob: to all 3']
      await trial.eventually(() => heard[0]?.toSorted(), [...fromBob, 'cat: to ann'])
      await trial.eventually(() => heard[2]?.toSorted(), ['ann: to cat', ...fromBob])
      await trial.quiet()
      expect(heard.map((texts) => texts.length)).toEqual([4, 0, 4])
      expect(heard[2]?.filter((text) => text.startsWith('bob'))).toEqual(fromBob)
    },
  ),

  roomLaw(
    'ROOM-4',
    'who leaves is gone at once, hears nothing more, and comes again as a new member',
    async (trial) => {
      const [ann, bob, cat] = await trial.gather('ann', 'bob', 'cat')
      const heard = trial.hear(bob.incoming)
      await trial.settle(bob.leave())
      expect(bob.status.get()).toEqual({ kind: 'ended', reason: 'left' })
      for (const room of [ann, cat]) {
        await trial.eventually(() => trial.kinds(room, 'bob').at(-1), 'left:left')
        expect(trial.kinds(room, 'bob')).not.toContain('away:transport-closed')
      }
      await trial.shows(cat, 'ann*')
      await trial.settle(ann.broadcast(bytesOf('without bob')))
      await trial.settle(bob.broadcast(bytesOf('nothing comes of this')))
      await trial.settle(bob.sendTo(ann.selfId, bytesOf('nor of this')))
      await trial.quiet()
      expect(heard).toEqual([])
      expect(trial.kinds(bob).at(-1)).toBe('ended:left')
      const again = await trial.join('bob', { memberName: 'Bob' })
      await trial.shows(ann, 'cat', 'bob')
      expect(trial.kinds(ann, 'bob').filter((kind) => kind === 'joined')).toHaveLength(2)
      expect(again.resumeToken?.issuedAt).toBeGreaterThanOrEqual(bob.resumeToken?.issuedAt ?? 0)
    },
  ),

  roomLaw('ROOM-20', 'what a member says of itself every other member shows, whoever came first', async (trial) => {
    const ann = await trial.host('ann', { memberName: 'Ann', policy: { maxSpectators: 1 } })
    const metadata = Uint8Array.of(7, 0, 255)
    const bob = await trial.join('bob', { memberName: 'Bob the Third', deviceId: 'a phone', metadata })
    const cat = await trial.join('cat', { spectator: true })
    for (const room of [ann, cat]) {
      await trial.eventually(() => room.roster.get().has(bob.selfId), true)
      expect(room.roster.get().get(bob.selfId)).toMatchObject({
        id: bob.selfId,
        name: 'Bob the Third',
        deviceId: 'a phone',
        metadata,
        spectator: false,
        isHost: false,
        hidden: false,
        liveness: { kind: 'connected' },
      })
    }
    await trial.eventually(() => bob.roster.get().get(cat.selfId)?.spectator, true)
    expect(bob.roster.get().get(cat.selfId)).toMatchObject({ name: cat.selfId, deviceId: null })
    expect(cat.roster.get().get(ann.selfId)).toMatchObject({ name: 'Ann', isHost: true })
  }),

  roomLaw(
    'ROOM-21',
    'leaving is done once, never fails, and is bounded, whatever becomes of the seam',
    async (trial) => {
      const ann = await trial.host('ann')
      const bob = await trial.join('bob')
      await trial.settle(Promise.all([bob.leave(), bob.leave()]))
      await trial.settle(ann.leave())
      await trial.settle(bob.leave())
      for (const [name, end] of [
        ['cat', () => Promise.reject(new Error('the seam will not close'))],
        ['dan', () => new Promise<void>(() => {})],
      ] as const) {
        const seam = new StubbornSeam(await trial.seam(name), end)
        const room = await trial.adopt(name, seam, { role: 'host' })
        await trial.settle(room.leave())
        await trial.settle(room.leave())
        expect(seam.closes, 'the fault fired').toBeGreaterThan(0)
        expect(room.status.get()).toEqual({ kind: 'ended', reason: 'left' })
        await trial.settle(seam.inner.close())
      }
    },
  ),

  roomLaw(
    'ROOM-22',
    '`adopt` makes a room of a woven seam, in either role, which is the room’s from then on',
    async (trial) => {
      const [first, second] = [await trial.seam('ann'), await trial.seam('bob')]
      const ann = await trial.adopt('ann', first, { role: 'host', roomId: 'the oak', memberName: 'Ann' })
      const bob = await trial.adopt('bob', second, { role: 'joiner', memberName: 'Bob' })
      expect(bob.roomId.get()).toBe('the oak')
      await trial.shows(bob, 'ann*')
      await trial.settle(bob.leave())
      expect(second.state.get().kind).toBe('torn')
      expect(first.state.get().kind).toBe('woven')
      const token = ann.resumeToken ?? expect.fail('a host has a token')
      const third = await trial.seam('cat')
      const misuse = [
        trial.failure(trial.adopt('cat', third, { role: 'joiner', roomId: 'mine' })),
        trial.failure(trial.adopt('cat', third, { role: 'host', token })),
      ]
      for (const failure of misuse) expect(await failure).toBeInstanceOf(TypeError)
    },
  ),

  roomLaw('ROOM-23', 'who hears of an event reads a level that tells at least as much', async (trial) => {
    const ann = await trial.host('ann')
    const seen: string[] = []
    ann.roster.listen(() => seen.push(`roster ${trial.events(ann).length}`))
    await trial.join('bob')
    await trial.eventually(() => trial.kinds(ann), ['joined'])
    expect(trial.shown(ann)).toEqual(['bob'])
    expect(seen, 'the roster came before its event').toEqual(['roster 0'])
    await trial.vanish('bob')
    await trial.eventually(() => trial.kinds(ann).slice(1), ['away:transport-closed'])
    expect(trial.shown(ann)).toEqual(['bob?'])
    await trial.eventually(() => trial.kinds(ann).slice(2), ['left:expired'])
    expect(trial.shown(ann)).toEqual([])
  }),

  roomLaw('ROOM-24', 'the streams of a room have one reader at a time, and end with it', async (trial) => {
    const [, bob] = await trial.gather('ann', 'bob')
    expect(() => bob.events[Symbol.asyncIterator]()).toThrow(IncomingTakenError)
    const reading = bob.incoming[Symbol.asyncIterator]()
    const next = reading.next()
    await trial.settle(bob.leave())
    expect(await trial.settle(next)).toEqual({ done: true, value: undefined })
    expect(await trial.settle(bob.incoming[Symbol.asyncIterator]().next())).toMatchObject({ done: true })
    expect(bob.roster.get().size).toBe(0)
    expect(bob.host.get()).toBeNull()
  }),

  roomLaw('ROOM-25', 'a frame that cannot go is refused for what is wrong with it', async (trial) => {
    const [ann, bob] = await trial.gather('ann', 'bob')
    const stranger = await trial.seam('mal')
    await trial.eventually(() => stranger.peers.get().size, 3)
    const text = bytesOf('x')
    expect(await trial.failure(ann.sendTo(stranger.selfId, text))).toBeInstanceOf(PeerNotConnectedError)
    expect(await trial.failure(ann.sendTo(ann.selfId, text))).toBeInstanceOf(RangeError)
    const max = ann.channel('any').maxPayloadBytes ?? expect.fail('a room has a budget')
    // A channel has its name in each frame, of at most 255 bytes.
    const large = new Uint8Array(max + 260)
    expect(await trial.failure(ann.sendTo(bob.selfId, large))).toBeInstanceOf(PayloadTooLargeError)
    expect(await trial.failure(ann.broadcast(large))).toBeInstanceOf(PayloadTooLargeError)
    const reason = new Error("the caller's own")
    expect(await trial.failure(ann.broadcast(text, { signal: AbortSignal.abort(reason) }))).toBe(reason)
    const heard = trial.hear(bob.incoming)
    await trial.settle(ann.broadcast(text))
    await trial.eventually(() => heard, ['ann: x'])
  }),
]

/** Closes badly. */
class StubbornSeam extends DelegateSeam {
  closes = 0
  readonly #end: () => Promise<void>

  constructor(inner: Seam, end: () => Promise<void>) {
    super(inner)
    this.#end = end
  }

  override close(_reason?: CloseReason): Promise<void> {
    this.closes++
    return this.#end()
  }
}
