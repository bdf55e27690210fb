import { describe, expect, it } from 'vitest'
import { fromUtf8, utf8 } from '../base/bytes.ts'
import type { Seam } from '../seam/contract.ts'
import { CARRY } from './link/introduction-frames.ts'
import { BATCH, unpackBatch } from './link/link-batch.ts'
import type { LinkDriver } from './link/link-driver.ts'
import type { MeshLoom } from './mesh-loom.ts'
import { LOST_AFTER_MS } from './mesh.ts'
import { MeshWorld, ONE, ROOM, rosterOf, TWO } from './test-support/mesh-world.ts'

/** A member by name: its links can be told apart. */
function member(world: MeshWorld, name: string, servers: string[] = [ONE, TWO]): MeshLoom {
  return world.loom({ servers, links: world.links.driver(name) })
}

/** Its member says who it is linked with, and hands nothing on. */
function carryingForNobody(driver: LinkDriver): LinkDriver {
  return {
    open: (options) => {
      const link = driver.open(options)
      const send = link.send.bind(link)
      link.send = (message) => {
        const pass = (frame: Uint8Array): boolean => {
          if (frame[0] !== CARRY) send(frame.slice())
          return true
        }
        if (message[0] === BATCH) unpackBatch(message, pass)
        else pass(message)
      }
      return link
    },
  }
}

/** Three that are linked with one another, and no server left; the third one's links may be bent. */
async function trioWithoutServers(
  world: MeshWorld,
  bend: (driver: LinkDriver) => LinkDriver = (driver) => driver,
): Promise<[Seam, Seam, Seam]> {
  const a = await world.run(member(world, 'a').reopen(ROOM))
  const b = await world.run(member(world, 'b').join(ROOM))
  const c = await world.run(world.loom({ links: bend(world.links.driver('c')) }).join(ROOM))
  await world.listing(3, a, b, c)
  await world.clock.advance(100)
  world.servers.stop(ONE)
  world.servers.stop(TWO)
  await world.clock.advance(100)
  return [a, b, c]
}

describe('members introduce each other', () => {
  it('[LIST-9] members on different servers are linked with one another through one who reaches both', async () => {
    const world = new MeshWorld()
    const a = await world.run(world.loom({ servers: [ONE] }).reopen(ROOM))
    const b = await world.run(world.loom({ servers: [TWO] }).reopen(ROOM))
    const c = await world.run(world.loom().join(ROOM))
    await world.listing(3, a, b, c)
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      await world.run(from.sendTo(to.selfId, utf8('hello')))
      expect(fromUtf8((await world.next(to)).payload)).toBe('hello')
    }
    await world.end(a, b, c)
  })

  it('[LIST-9] to reach one is to reach all: a newcomer finds one member and is linked with everybody', async () => {
    const world = new MeshWorld()
    const a = await world.run(world.loom({ servers: [ONE] }).reopen(ROOM))
    const c = await world.run(world.loom().join(ROOM))
    world.servers.stop(ONE)
    await world.run(world.clock.advance(20_000))
    expect([a.peers.get().size, c.peers.get().size]).toEqual([2, 2])
    const b = await world.run(world.loom({ servers: [TWO] }).join(ROOM))
    await world.listing(3, a, b, c)
    await world.end(a, b, c)
  })

  it('[LIST-9] with every server dead a broken link is made again through a third peer, and nobody leaves', async () => {
    const world = new MeshWorld()
    const [a, b, c] = await trioWithoutServers(world)
    const seen = [rosterOf(a), rosterOf(b), rosterOf(c)]
    await world.run(a.sendTo(b.selfId, utf8('before')))
    world.links.breakBetween('a', 'b')
    await world.run(a.sendTo(b.selfId, utf8('after')))
    expect(fromUtf8((await world.next(b)).payload)).toBe('before')
    expect(fromUtf8((await world.next(b)).payload)).toBe('after')
    await world.clock.advance(2 * LOST_AFTER_MS)
    expect(seen).toEqual([[], [], []])
    await world.end(a, b, c)
  })

  it('[LIST-9] with every server dead a link whose path is gone is restarted through a third peer', async () => {
    const world = new MeshWorld()
    const [a, b, c] = await trioWithoutServers(world)
    const seen = [rosterOf(a), rosterOf(b)]
    const links = world.links.open.size
    world.links.interruptBetween('a', 'b')
    await world.clock.advance(1_000)
    await world.run(a.sendTo(b.selfId, utf8('through')))
    expect(fromUtf8((await world.next(b)).payload)).toBe('through')
    await world.clock.advance(2 * LOST_AFTER_MS)
    expect([seen, world.links.open.size]).toEqual([[[], []], links])
    await world.end(a, b, c)
  })

  it.each(['break', 'interrupt'] as const)(
    '[LIST-9] where a member that could carry carries nothing another does, in time (%s)',
    async (harm) => {
      const world = new MeshWorld()
      const [a, b, c] = await trioWithoutServers(world, (driver) => carryingForNobody(driver))
      world.servers.start(ONE)
      const d = await world.run(member(world, 'd').join(ROOM))
      await world.listing(4, a, b, c, d)
      world.servers.stop(ONE)
      await world.clock.advance(100)
      const seen = [rosterOf(a), rosterOf(b)]
      if (harm === 'break') world.links.breakBetween('a', 'b')
      else world.links.interruptBetween('a', 'b')
      await world.run(a.sendTo(b.selfId, utf8('after')))
      expect(fromUtf8((await world.next(b)).payload)).toBe('after')
      await world.clock.advance(2 * LOST_AFTER_MS)
      expect(seen).toEqual([[], []])
      await world.end(a, b, c, d)
    },
  )

  it('[LIST-9] a pair that no third peer links stays apart until a server is back', async () => {
    const world = new MeshWorld()
    const { a, b } = await world.pair()
    world.servers.stop(ONE)
    world.servers.stop(TWO)
    await world.clock.advance(100)
    world.links.breakAll()
    await world.listing(1, a, b)
    world.servers.start(TWO)
    await world.listing(2, a, b)
    await world.end(a, b)
  })

  it('[LIST-9] who closes is not called again for being introduced', async () => {
    const world = new MeshWorld()
    const [a, b, c] = await trioWithoutServers(world)
    const seen = [rosterOf(a), rosterOf(b)]
    await world.run(c.close())
    await world.clock.advance(2 * LOST_AFTER_MS)
    expect([seen, world.links.open.size]).toEqual([[[2], [2]], 2])
    await world.end(a, b)
  })

  it('[INTRO-6] what linked peers say of others and is not taken is counted', async () => {
    const world = new MeshWorld()
    const { a, b, host } = await world.pair()
    expect([...host.diagnostics(a).refusedIntroductions]).toEqual([])
    await world.end(a, b)
  })
})
