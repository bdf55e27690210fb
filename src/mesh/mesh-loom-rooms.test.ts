import { describe, expect, it } from 'vitest'
import { RoomNotFoundError, RoomTakenError, SignalingUnavailableError } from '../base/errors.ts'
import { until } from '../base/observable.ts'
import type { PeerIdentity } from '../seam/contract.ts'
import { createPeerIdentity } from '../seam/peer-identity.ts'
import { SEARCH_BOUND_MS } from './presence/room-search.ts'
import { MeshWorld, OAK, ONE, ROOM, rosterOf, TWO } from './test-support/mesh-world.ts'

describe('the rooms of a mesh, in virtual time', () => {
  it('[RTC-8] with every server dead the pauses grow, and are drawn anew by every peer', async () => {
    const world = new MeshWorld()
    const { a, b, host } = await world.pair()
    world.servers.stop(ONE)
    world.servers.stop(TWO)
    world.servers.asked.length = 0
    await world.clock.advance(60_000)
    const firstMinute = world.servers.asked.length
    expect(firstMinute).toBeGreaterThan(16)
    await world.clock.advance(240_000)
    expect(world.servers.asked.length - firstMinute).toBeLessThan(4 * firstMinute)
    expect(host.signalling(a).get()).toMatchObject({
      kind: 'searching',
      lastError: expect.any(SignalingUnavailableError),
    })
    expect([a.peers.get().size, b.peers.get().size]).toEqual([2, 2])
    world.servers.start(TWO)
    await world.run(until(host.signalling(a), ({ kind }) => kind === 'attached'))
    await world.run(world.clock.advance(30_000))
    const late = await world.run(world.loom().join(ROOM))
    await world.listing(3, a, b, late)
    await world.end(a, b, late)
  })

  it('[RTC-8] a newcomer outlasts the pause of who moves to the next server', async () => {
    // The longest pauses there are.
    const world = new MeshWorld()
    const random = (): number => 0.999
    const a = await world.run(world.loom({ random }).reopen(ROOM))
    world.servers.stop(ONE)
    const newcomer = await world.run(world.loom({ random }).join(ROOM))
    await world.listing(2, a, newcomer)
    await world.end(a, newcomer)
  })

  it('[RTC-8] a room that nobody is in is reported within a bound, also while a server is dead', async () => {
    const world = new MeshWorld()
    world.servers.stop(ONE)
    const begun = world.clock.now()
    await expect(world.run(world.loom().join(ROOM))).rejects.toBeInstanceOf(RoomNotFoundError)
    expect(world.clock.now() - begun).toBeLessThan(SEARCH_BOUND_MS + 1_000)
    await world.end()
  })

  it('[RTC-8] who alone lost its server finds the others there again instead of opening the room elsewhere', async () => {
    const world = new MeshWorld()
    const { a, b, host, joiner } = await world.pair()
    const seen = rosterOf(a)
    world.servers.dropOldest(ONE)
    await world.clock.advance(5)
    expect(host.signalling(a).get().kind).toBe('searching')
    await world.clock.advance(2_000)
    const home = { kind: 'attached', url: ONE }
    expect([host.signalling(a).get(), joiner.signalling(b).get()]).toEqual([home, home])
    expect(seen).toEqual([])
    const late = await world.run(world.loom().join(ROOM))
    await world.listing(3, a, b, late)
    await world.end(a, b, late)
  })

  it('[RTC-11] away from the first server a room finds its way home, and those who met apart are linked', async () => {
    const world = new MeshWorld()
    world.servers.stop(ONE)
    const host = world.loom()
    const a = await world.run(host.reopen(ROOM))
    expect(host.signalling(a).get()).toEqual({ kind: 'attached', url: TWO })
    world.servers.start(ONE)
    const b = await world.run(world.loom({ servers: [ONE] }).reopen(ROOM))
    await world.listing(2, a, b)
    expect(host.signalling(a).get()).toEqual({ kind: 'attached', url: ONE })
    await world.end(a, b)
  })

  it('[RTC-3] a room whose only attachment is the own ghost is not found by join, and reopened by reopen', async () => {
    const world = new MeshWorld()
    const peerIdentity: PeerIdentity = await createPeerIdentity()
    const ghost = await world.run(world.loom({ peerIdentity }).reopen(ROOM))
    await expect(world.run(world.loom({ peerIdentity }).join(ROOM))).rejects.toBeInstanceOf(RoomNotFoundError)
    const back = await world.run(world.loom({ peerIdentity }).reopen(ROOM))
    expect(back.peers.get().size).toBe(1)
    await world.end(ghost, back)
  })

  it.each([[[ONE]], [[ONE, TWO]]])('[RTC-12] the own ghost takes no room from its owner, on %j', async (servers) => {
    const world = new MeshWorld()
    const peerIdentity: PeerIdentity = await createPeerIdentity()
    const mine = world.loom({ peerIdentity, servers })
    const ghost = await world.run(mine.host(OAK))
    await expect(world.run(world.loom({ servers }).host(OAK))).rejects.toBeInstanceOf(RoomTakenError)
    const back = await world.run(mine.host(OAK))
    const friend = await world.run(world.loom({ servers }).join(ROOM))
    await world.listing(2, back, friend)
    // With somebody else in it the room is theirs too, whosever it was.
    await expect(world.run(mine.host(OAK))).rejects.toBeInstanceOf(RoomTakenError)
    await world.end(ghost, back, friend)
  })

  it.each([[[ONE]], [[ONE, TWO]]])('[RTC-2] a room that is full is taken like any other, on %j', async (servers) => {
    const world = new MeshWorld()
    const a = await world.run(world.loom({ servers }).host({ ...OAK, maxPeers: 2 }))
    const b = await world.run(world.loom({ servers }).join(ROOM))
    await expect(world.run(world.loom({ servers }).host(OAK))).rejects.toBeInstanceOf(RoomTakenError)
    await world.end(a, b)
  })

  it('[RTC-3] a ticket that never comes, or fails, is a server that cannot be used', async () => {
    const world = new MeshWorld()
    const never = (): Promise<string> => new Promise(() => {})
    const fails = (): Promise<string> => Promise.reject(new Error('no session'))
    const servers = [
      { url: ONE, ticket: never },
      { url: TWO, ticket: fails },
    ]
    const hosting = world.loom({ servers }).host({ sessionName: 'oak' })
    await expect(world.run(hosting)).rejects.toBeInstanceOf(SignalingUnavailableError)
    await world.end()
  })
})
