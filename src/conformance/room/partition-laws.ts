import { expect } from 'vitest'
import type { PeerId, SendOptions } from '../../seam/contract.ts'
import { DelegateSeam } from '../delegate-seam.ts'
import { roomLaw, type RoomLaw } from './room-harness.ts'

export const partitionLaws: readonly RoomLaw[] = [
  roomLaw(
    'PART-1',
    'a member that is lost is away on every roster, until one and the same time; heard again, it recovers',
    async (trial) => {
      const [ann, bob, cat] = await trial.gather('ann', 'bob', 'cat')
      await trial.cut(['bob'], ['ann', 'cat'])
      await trial.shows(ann, 'bob?', 'cat')
      await trial.shows(cat, 'ann*', 'bob?')
      const ends = [ann, cat].map((room) => {
        const liveness = room.roster.get().get(bob.selfId)?.liveness
        return liveness?.kind === 'away' ? liveness.returnByMs : Number.NaN
      })
      expect(Math.abs((ends[0] ?? 0) - (ends[1] ?? 0))).toBeLessThan(trial.timing.maxTimeoutMs)
      expect(ends[0]).toBeGreaterThan(trial.harness.clock.now())
      await trial.heal()
      await trial.shows(ann, 'bob', 'cat')
      await trial.shows(cat, 'ann*', 'bob')
      await trial.shows(bob, 'ann*', 'cat')
      expect(trial.kinds(cat, 'bob')).toEqual(['joined', 'away:transport-closed', 'recovered'])
    },
  ),

  roomLaw('PART-2', 'recovery ends a window: long past it three members still show one another', async (trial) => {
    const rooms = await trial.gather('ann', 'bob', 'cat')
    await trial.cut(['bob'], ['ann', 'cat'])
    await trial.shows(rooms[2], 'ann*', 'bob?')
    await trial.heal()
    await trial.shows(rooms[2], 'ann*', 'bob')
    await trial.elapse(1.5 * trial.timing.windowMs)
    for (const room of rooms) {
      expect(room.roster.get().size).toBe(2)
      expect(trial.kinds(room).filter((kind) => kind.startsWith('left'))).toEqual([])
    }
  }),

  roomLaw(
    'PART-3',
    'a window that runs out ends the membership; who was away hears of it and comes in anew',
    async (trial) => {
      const [ann, bob, cat] = await trial.gather('ann', 'bob', 'cat')
      await trial.cut(['bob'], ['ann', 'cat'])
      await trial.shows(ann, 'cat')
      await trial.shows(cat, 'ann*')
      expect(trial.kinds(cat, 'bob').slice(-2)).toEqual(['away:transport-closed', 'left:expired'])
      await trial.heal()
      await trial.shows(ann, 'cat', 'bob')
      await trial.shows(cat, 'ann*', 'bob')
      await trial.shows(bob, 'ann*', 'cat')
      await trial.eventually(() => bob.status.get(), { kind: 'member' })
    },
  ),

  roomLaw('PART-4', 'silence on a living link is absence after a while, and a short one is nothing', async (trial) => {
    const [ann, bob] = await trial.gather('ann', 'bob')
    await trial.session.hush('ann', 'bob')
    await trial.elapse(trial.timing.intervalMs)
    await trial.heal()
    await trial.elapse(2 * trial.timing.maxTimeoutMs)
    expect(trial.kinds(ann, 'bob')).toEqual(['joined'])
    await trial.session.hush('ann', 'bob')
    await trial.shows(ann, 'bob?')
    await trial.shows(bob, 'ann*?')
    expect(trial.kinds(ann, 'bob').at(-1)).toBe('away:timeout')
    expect(trial.kinds(bob, 'ann').at(-1)).toBe('away:timeout')
    await trial.heal()
    await trial.shows(ann, 'bob')
    await trial.shows(bob, 'ann*')
    expect(trial.kinds(ann, 'bob').at(-1)).toBe('recovered')
  }),

  roomLaw('PART-5', 'whom a third member hears is not away', async (trial) => {
    const [ann, bob, cat] = await trial.gather('ann', 'bob', 'cat')
    await trial.session.cut('ann', 'bob')
    await trial.elapse(2 * trial.timing.windowMs)
    expect(trial.shown(ann).toSorted()).toEqual(['bob', 'cat'])
    expect(trial.shown(bob).toSorted()).toEqual(['ann*', 'cat'])
    expect(trial.shown(cat).toSorted()).toEqual(['ann*', 'bob'])
    expect(trial.kinds(ann, 'bob')).not.toContain('left:expired')
  }),

  roomLaw(
    'PART-6',
    'who says that it goes away is away at once, and back with its next word; hidden is no absence',
    async (trial) => {
      const [ann, bob, cat] = await trial.gather('ann', 'bob', 'cat')
      bob.announce('hidden')
      await trial.eventually(() => cat.roster.get().get(bob.selfId)?.hidden, true)
      expect(cat.roster.get().get(bob.selfId)?.liveness.kind).toBe('connected')
      bob.announce('away')
      await trial.shows(ann, 'bob?', 'cat')
      await trial.shows(cat, 'ann*', 'bob?')
      expect(trial.kinds(ann, 'bob').at(-1)).toBe('away:announced')
      await trial.elapse(2 * trial.timing.intervalMs)
      expect(trial.shown(ann), 'before it is back').toContain('bob?')
      bob.announce('here')
      await trial.shows(cat, 'ann*', 'bob')
      await trial.eventually(() => cat.roster.get().get(bob.selfId)?.hidden, false)
    },
  ),

  roomLaw('PART-7', 'who hears nobody of two is lost itself, and costs nobody a place for a window', async (trial) => {
    const [ann, bob, cat] = await trial.gather('ann', 'bob', 'cat')
    const { clock } = trial.harness
    await trial.cut(['ann'], ['bob', 'cat'])
    const cutAtMs = clock.now()
    await trial.eventually(() => ann.localFabric.get(), 'lost')
    expect(cat.localFabric.get()).toBe('up')
    // Nobody's window has run out before one has passed since the cut, however soon the others noticed it.
    await trial.elapse(cutAtMs + 0.7 * trial.timing.windowMs - clock.now())
    expect(trial.shown(ann).toSorted()).toEqual(['bob?', 'cat?'])
    await trial.heal()
    await trial.eventually(() => ann.localFabric.get(), 'up')
    await trial.shows(ann, 'bob', 'cat')
    await trial.hosted([ann, bob, cat], 'ann')
    const about = trial.events(ann).filter(({ kind }) => kind === 'local-fabric')
    expect(about).toEqual([
      { kind: 'local-fabric', state: 'lost' },
      { kind: 'local-fabric', state: 'up' },
    ])
  }),

  roomLaw('ROOM-10', 'who comes while another is away is shown that it is', async (trial) => {
    const [ann, bob] = await trial.gather('ann', 'bob')
    await trial.vanish('bob')
    await trial.shows(ann, 'bob?')
    const cat = await trial.join('cat')
    expect(trial.shown(cat)).toEqual(['ann*', 'bob?'])
    const [here, there] = [ann, cat].map((room) => room.roster.get().get(bob.selfId)?.liveness)
    expect(there).toMatchObject({ kind: 'away', reason: 'transport-closed' })
    if (here?.kind !== 'away' || there?.kind !== 'away') expect.fail('both show it away')
    expect(Math.abs(here.returnByMs - there.returnByMs)).toBeLessThan(trial.timing.maxTimeoutMs)
    await trial.shows(cat, 'ann*')
    expect(trial.kinds(cat, 'bob').at(-1)).toBe('left:expired')
  }),

  roomLaw('ROOM-9', 'a roster that was lost on its way is made up for', async (trial) => {
    const seam = new FaultySeam(await trial.seam('ann'))
    const ann = await trial.adopt('ann', seam, { role: 'host' })
    const [bob, cat] = [await trial.join('bob'), await trial.join('cat')]
    await trial.shows(bob, 'ann*', 'cat')
    seam.spoil = (to, payload) => (to === cat.selfId ? null : payload)
    await trial.settle(bob.leave())
    await trial.shows(ann, 'cat')
    await trial.elapse(trial.timing.intervalMs / 2)
    expect(trial.shown(cat).toSorted(), 'what cat was not told').toEqual(['ann*', 'bob'])
    seam.spoil = null
    await trial.shows(cat, 'ann*')
  }),

  roomLaw('ROOM-26', 'a roster that came out wrong is found out and put right', async (trial) => {
    const seam = new FaultySeam(await trial.seam('ann'))
    const ann = await trial.adopt('ann', seam, { role: 'host' })
    const cat = await trial.join('cat')
    seam.spoil = (to, payload) => (to === cat.selfId ? rewritten(payload, 'Barbara', 'Barbera') : payload)
    const bob = await trial.join('bob', { memberName: 'Barbara' })
    await trial.eventually(() => cat.roster.get().get(bob.selfId)?.name, 'Barbera')
    seam.spoil = null
    await trial.eventually(() => cat.roster.get().get(bob.selfId)?.name, 'Barbara')
    expect(ann.roster.get().get(bob.selfId)?.name).toBe('Barbara')
  }),
]

/** Changes or loses what it sends. */
class FaultySeam extends DelegateSeam {
  /** `null` for a frame that is lost. */
  spoil: ((to: PeerId, payload: Uint8Array) => Uint8Array | null) | null = null

  override sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
    const spoilt = this.spoil === null ? payload : this.spoil(peer, payload)
    return spoilt === null ? Promise.resolve() : super.sendTo(peer, spoilt, options)
  }
}

/** `bytes` with each `from` made `to`, which is as long. */
function rewritten(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
  return Uint8Array.from(text.replaceAll(from, to), (char) => char.charCodeAt(0))
}
