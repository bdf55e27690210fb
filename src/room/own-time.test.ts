import { describe, expect, it } from 'vitest'
import type { Clock } from '../base/clock.ts'
import { InMemoryLoom, InMemoryTag } from '../fabric/memory/index.ts'
import { DelegateSeam } from '../conformance/delegate-seam.ts'
import type { PeerId, SendOptions } from '../seam/contract.ts'
import type { VirtualClock } from '../sim/index.ts'
import { SeamRoomFactory } from './seam-room-factory.ts'
import { FAST, Party, shown } from './test-support/party.ts'

/** A page's clock: it stops for as long as the page is frozen, and what fell due meanwhile runs afterwards. */
class PageClock implements Clock {
  readonly #clock: VirtualClock
  #due: (() => void)[] | null = null

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  wallNow(): number {
    return this.#clock.wallNow()
  }

  setTimeout(run: () => void, ms: number): unknown {
    return this.#clock.setTimeout(() => {
      if (this.#due === null) run()
      else this.#due.push(run)
    }, ms)
  }

  clearTimeout(handle: unknown): void {
    this.#clock.clearTimeout(handle)
  }

  freeze(): void {
    this.#due = []
  }

  thaw(): void {
    const due = this.#due ?? []
    this.#due = null
    for (const run of due) run()
  }
}

/** A seam that takes no frames for one peer while it is blocked, as a link does whose buffer stays full. */
class BlockedSeam extends DelegateSeam {
  blocked: PeerId | null = null

  override async sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
    while (peer === this.blocked) await new Promise<void>((resolve) => (this.#release = resolve))
    await super.sendTo(peer, payload, options)
  }

  unblock(): void {
    this.blocked = null
    this.#release()
  }

  #release: () => void = () => {}
}

describe('a room on its own time', () => {
  it('[PART-11] a host whose page slept judges nobody by that time, and its windows are as long as ever', async () => {
    const party = new Party({ simulated: true })
    const clock = new PageClock(party.clock)
    const ann = await party.host('ann', { clock })
    await party.join('bob')
    await party.join('cat')
    party.network.crash('cat')
    await party.advance(500)
    expect(shown(ann)).toEqual(['bob', 'cat?'])
    clock.freeze()
    await party.advance(1_700)
    clock.thaw()
    await party.advance(1_000)
    expect(shown(ann)).toEqual(['bob', 'cat?'])
    await party.advance(1_500)
    expect(shown(ann)).toEqual(['bob'])
  })

  it('[PART-11] and asks again before it takes the silence of that time for an absence', async () => {
    const party = new Party({ simulated: true, peerLossMs: 60_000 })
    const clock = new PageClock(party.clock)
    const ann = await party.host('ann', { clock })
    await party.join('bob')
    party.watch(ann)
    clock.freeze()
    party.network.cut('ann', 'bob')
    await party.advance(1_500)
    party.network.heal()
    clock.thaw()
    await party.advance(1_000)
    expect(party.kinds(ann, 'bob')).toEqual(['joined'])
  })

  it('[PART-12] a member whose link takes no frames is away for that reason, until it takes them', async () => {
    const party = new Party()
    const loom = party.loom('ann')
    const seam = new BlockedSeam(await party.settle(loom.host({ sessionName: 'oak' })))
    const ann = await party.settle(party.factory('ann').adopt(seam, { role: 'host' }))
    party.watch(ann)
    await party.join('bob')
    seam.blocked = 'bob'
    ann.setPolicy({ locked: true })
    await party.advance(600)
    expect(party.kinds(ann, 'bob')).toEqual(['joined', 'away:back-pressure'])
    seam.unblock()
    await party.advance(300)
    expect(party.kinds(ann, 'bob')).toEqual(['joined', 'away:back-pressure', 'recovered'])
  })

  it('[ROOM-9] a copy that missed a word is healed by the next ping', async () => {
    const party = new Party()
    const seam = new BlockedSeam(await party.settle(party.loom('ann').host({ sessionName: 'oak' })))
    const ann = await party.settle(party.factory('ann').adopt(seam, { role: 'host' }))
    const bob = await party.join('bob')
    await party.advance(50)
    const sendTo = seam.sendTo.bind(seam)
    // Every frame of this instant is lost.
    seam.sendTo = () => Promise.resolve()
    ann.setPolicy({ locked: true })
    await party.advance(1)
    seam.sendTo = sendTo
    expect(bob.policy.get().locked).toBe(false)
    await party.advance(2 * FAST.intervalMs)
    expect(bob.policy.get().locked).toBe(true)
  })

  it('[ROOM-10] a latecomer sees who is away, and until when', async () => {
    const party = new Party({ simulated: true })
    const [ann] = await party.gather('ann', 'bob')
    party.network.crash('bob')
    await party.advance(500)
    const cat = await party.join('cat')
    expect(shown(cat)).toEqual(['ann*', 'bob?'])
    const [theirs, ours] = [ann!, cat].map((room) => room.roster.get().get('bob')?.liveness)
    if (theirs?.kind !== 'away' || ours?.kind !== 'away') throw new Error('bob is not away')
    expect(Math.abs(theirs.returnByMs - ours.returnByMs)).toBeLessThan(20)
  })

  it('[RESUME-14] tokens of real keys bring back their owner and nobody else', async () => {
    const loom = new InMemoryLoom()
    const factory = new SeamRoomFactory(loom)
    const host = await factory.host({ sessionName: 'oak' })
    const seam = await loom.join(new InMemoryTag('bob'))
    const bob = await factory.adopt(seam, { role: 'joiner', memberName: 'Bob' })
    const token = bob.resumeToken
    if (token === null) throw new Error('no token')
    await seam.close()
    const thief = factory.join(new InMemoryTag('mal'), { token })
    await expect(thief).rejects.toMatchObject({ reason: 'resume-token-invalid' })
    bob.reattach(await loom.join(new InMemoryTag('bob')))
    expect(await bob.resume(token)).toEqual({ kind: 'success' })
    expect([...host.roster.get().values()].map((member) => member.name)).toEqual(['Bob'])
    await bob.leave()
    await host.leave()
  })
})
