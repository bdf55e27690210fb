import { describe, expect, it } from 'vitest'
import { AdmissionRefusedError, JoinTimeoutError, NotHostError, RoomNotFoundError } from '../base/errors.ts'
import type { RoomOptions } from './contract.ts'
import { Party, shown } from './test-support/party.ts'

/** The reason for which `name` is refused, once the room is hosted under `options`. */
async function reasonOf(
  party: Party,
  name: string,
  options: RoomOptions & { spectator?: boolean } = {},
): Promise<string> {
  const failure = await party.join(name, options).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(AdmissionRefusedError)
  return (failure as AdmissionRefusedError).reason
}

describe('admission', () => {
  it('[ADMIT-1] holds no more than it may; a place left is free again', async () => {
    const party = new Party()
    const ann = await party.host('ann', { policy: { maxMembers: 2 } })
    const bob = await party.join('bob')
    expect(await reasonOf(party, 'cat')).toBe('room-full')
    await party.settle(bob.leave())
    await party.join('cat')
    expect(shown(ann)).toEqual(['cat'])
  })

  it('[ADMIT-1] spectators have places of their own', async () => {
    const party = new Party()
    const ann = await party.host('ann', { policy: { maxMembers: 1, maxSpectators: 1 } })
    await party.join('eve', { spectator: true })
    expect(await reasonOf(party, 'fay', { spectator: true })).toBe('room-full')
    expect(await reasonOf(party, 'bob')).toBe('room-full')
    expect(ann.roster.get().get('eve')).toMatchObject({ spectator: true })
  })

  it('[ADMIT-2] lets in who knows the password, and says nothing of it to others', async () => {
    const party = new Party()
    const ann = await party.host('ann', { policy: { password: 'oak' } })
    expect(await reasonOf(party, 'mal')).toBe('wrong-password')
    expect(await reasonOf(party, 'mal', { password: 'elm' })).toBe('wrong-password')
    await party.join('bob', { password: 'oak' })
    expect(shown(ann)).toEqual(['bob'])
  })

  it('[ADMIT-3] keeps to its lists, and to its lock', async () => {
    const party = new Party()
    const ann = await party.host('ann', { policy: { allow: new Set(['bob', 'cat']), deny: new Set(['cat']) } })
    expect(await reasonOf(party, 'dan')).toBe('not-allowed')
    expect(await reasonOf(party, 'cat')).toBe('banned')
    await party.join('bob')
    ann.setPolicy({ allow: null, deny: new Set(), locked: true })
    expect(await reasonOf(party, 'cat')).toBe('room-locked')
    ann.setPolicy({ locked: false })
    await party.join('cat')
    expect(shown(ann)).toEqual(['bob', 'cat'])
  })

  it('[ADMIT-4] asks the application, whose throw refuses', async () => {
    const party = new Party()
    const asked: string[] = []
    await party.host('ann', {
      admit: async ({ id, name }) => {
        asked.push(`${id} as ${name}`)
        if (id === 'mal') throw new Error('no')
        return id === 'cat' ? { kind: 'refuse', code: 'too-late', retryable: true } : { kind: 'admit' }
      },
    })
    await party.join('bob', { memberName: 'Bob' })
    expect(await reasonOf(party, 'mal')).toBe('refused')
    expect(await party.join('cat').catch((error: unknown) => error)).toMatchObject({
      reason: 'too-late',
      retryable: true,
    })
    expect(asked).toEqual(['bob as Bob', 'mal as mal', 'cat as cat'])
  })

  it('[ADMIT-5] kick ends a membership, ban keeps it ended; only a host may', async () => {
    const party = new Party()
    const [ann, bob, cat] = await party.gather('ann', 'bob', 'cat')
    expect(() => bob!.kick('cat')).toThrow(NotHostError)
    expect(() => bob!.setPolicy({ locked: true })).toThrow(NotHostError)
    ann!.kick('bob')
    ann!.kick('cat', { ban: true })
    await party.advance(50)
    expect(shown(ann!)).toEqual([])
    expect(bob!.status.get()).toEqual({ kind: 'ended', reason: 'kicked' })
    expect(cat!.status.get()).toEqual({ kind: 'ended', reason: 'banned' })
    await party.join('bob')
    expect(await reasonOf(party, 'cat')).toBe('banned')
    const token = cat!.resumeToken
    if (token === null) throw new Error('cat had a token')
    const back = await party.join('cat', { token }).catch((error: unknown) => error)
    expect(back).toMatchObject({ reason: 'banned', retryable: false })
  })

  it('[ADMIT-6] nobody answers within the bound: JoinTimeoutError, and nothing is left behind', async () => {
    const party = new Party()
    const silent = await party.settle(party.loom('silent').host({ sessionName: 'oak' }))
    await expect(party.join('bob')).rejects.toBeInstanceOf(JoinTimeoutError)
    expect(party.clock.now()).toBe(3_000)
    expect(silent.peers.get()).toEqual(new Set(['silent']))
    expect(party.clock.pendingTimers).toBe(0)
  })

  it("[ADMIT-6] an aborted join rejects with its signal's reason, a loom's failure is the caller's", async () => {
    const party = new Party()
    const reason = new Error('changed my mind')
    const aborting = new AbortController()
    await party.settle(party.loom('silent').host({ sessionName: 'oak' }))
    const joining = party.factory('bob').join(party.tag(), { signal: aborting.signal })
    await Promise.all([party.advance(100).then(() => aborting.abort(reason)), expect(joining).rejects.toBe(reason)])
    expect(party.clock.pendingTimers).toBe(0)
    await expect(new Party().join('bob')).rejects.toBeInstanceOf(RoomNotFoundError)
  })

  it('[ADMIT-7] a lost hello is said again', async () => {
    const party = new Party({ simulated: true })
    const ann = await party.host('ann')
    const joining = party.join('bob', { admitTimeoutMs: 3_000 })
    await party.advance(12)
    party.network.cut('ann', 'bob')
    await party.advance(400)
    party.network.heal()
    await joining
    expect(shown(ann)).toEqual(['bob'])
  })

  it('[ADMIT-8] names, ids and rules that cannot be said are a RangeError', async () => {
    const party = new Party()
    for (const options of [
      { memberName: '' },
      { memberName: 'x'.repeat(129) },
      { roomId: '' },
      { metadata: new Uint8Array(1025) },
      { deviceId: 'x'.repeat(129) },
    ]) {
      await expect(party.host('ann', options), JSON.stringify(options)).rejects.toBeInstanceOf(RangeError)
    }
    expect(() => party.factory('ann', { policy: { maxMembers: 0 } })).toThrow(RangeError)
    expect(() => party.factory('ann', { intervalMs: 0 })).toThrow(RangeError)
    expect(() => party.factory('ann', { intervalMs: 500, maxTimeoutMs: 400 })).toThrow(RangeError)
  })
})
