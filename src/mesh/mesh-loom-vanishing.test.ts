import { describe, expect, it } from 'vitest'
import { LinkFailedError } from '../base/errors.ts'
import type { Seam, WaitOptions } from '../seam/contract.ts'
import { LOST_AFTER_MS } from './mesh.ts'
import type { MeshLoom } from './mesh-loom.ts'
import { LINK_BOUND_MS } from './link/peer-link.ts'
import { MeshWorld, OAK, ROOM } from './test-support/mesh-world.ts'
import { Mortal } from './test-support/mortal.ts'

/** By then a join in virtual time is over, whichever of the two ends decides which link carries. */
const LATEST_MS = 90

describe('peers that vanish and callers that give up, in virtual time', () => {
  it('[RTC-3] a friend who vanishes without a word at any millisecond of a join leaves nothing open', async () => {
    const outcomes = { linked: 0, failed: 0 }
    for (let afterMs = 0; afterMs < 60; afterMs += 2) {
      const world = new MeshWorld()
      const friend = new Mortal(world)
      await world.run(friend.loom().reopen(ROOM))
      const joining = world
        .loom()
        .join(ROOM)
        .catch((error: unknown) => error)
      await world.clock.advance(afterMs)
      friend.vanish()
      const outcome = await world.run(joining)
      if (outcome instanceof LinkFailedError) outcomes.failed++
      else outcomes.linked++
      if (!(outcome instanceof LinkFailedError)) await world.run((outcome as Seam).close())
      friend.bury()
      await world.end()
    }
    expect(outcomes.failed).toBeGreaterThan(5)
    expect(outcomes.linked).toBeGreaterThan(5)
  })

  it('[RTC-3] a newcomer who vanishes without a word at any millisecond leaves nothing with who was there', async () => {
    for (let afterMs = 0; afterMs < 60; afterMs += 2) {
      const world = new MeshWorld()
      const loom = world.loom()
      const host = await world.run(loom.reopen(ROOM))
      const timers = world.clock.pendingTimers
      const newcomer = new Mortal(world)
      newcomer
        .loom()
        .join(ROOM)
        .catch(() => {})
      await world.clock.advance(afterMs)
      newcomer.vanish()
      await world.clock.advance(20_000)
      newcomer.bury()
      await world.clock.advance(Math.max(LINK_BOUND_MS, LOST_AFTER_MS) + 100)
      expect([loom.diagnostics(host).openLinks, host.peers.get().size]).toEqual([0, 1])
      expect(world.clock.pendingTimers).toBe(timers)
      await world.end(host)
    }
  })

  it('[RTC-4] an abort at any millisecond of a join leaves nothing open', async () => {
    let aborted = 0
    for (let afterMs = 0; afterMs < LATEST_MS; afterMs++) {
      const world = new MeshWorld()
      const host = await world.run(world.loom().reopen(ROOM))
      const controller = new AbortController()
      const reason = new Error("the caller's own")
      const joining = world
        .loom()
        .join(ROOM, { signal: controller.signal })
        .catch((error: unknown) => error)
      await world.clock.advance(afterMs)
      controller.abort(reason)
      const outcome = await world.run(joining)
      if (outcome === reason) aborted++
      await (outcome === reason ? world.end(host) : world.end(host, outcome as Seam))
    }
    expect(aborted).toBeGreaterThan(10)
    // Nobody is aborted who is there already.
    expect(aborted).toBeLessThan(LATEST_MS)
  })

  it('[RTC-4] an abort at the call, or in any turn around the making of the weave, leaves nothing open nor listening', async () => {
    const begin = {
      host: (loom: MeshLoom, options: WaitOptions) => loom.host(OAK, options),
      join: (loom: MeshLoom, options: WaitOptions) => loom.join(ROOM, options),
      reopen: (loom: MeshLoom, options: WaitOptions) => loom.reopen(ROOM, options),
    }
    for (const [name, weave] of Object.entries(begin)) {
      for (let turns = -1; turns < 8; turns++) {
        const world = new MeshWorld()
        const controller = new AbortController()
        const { signal } = controller
        let listening = 0
        const wake = (): (() => void) => {
          listening++
          void inTurns(turns, () => controller.abort(name))
          return () => void listening--
        }
        const weaving = weave(world.loom({ wake }), { signal }).catch((error: unknown) => error)
        if (turns < 0) controller.abort(name)
        await world.clock.advance(20)
        expect([await world.run(weaving), listening, world.clock.now()]).toEqual([name, 0, 20])
        await world.end()
      }
    }
  })
})

/** Runs `act` so many turns of the microtask queue from now; 0: at once. */
async function inTurns(turns: number, act: () => void): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await undefined
  act()
}
