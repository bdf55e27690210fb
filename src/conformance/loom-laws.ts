import { expect } from 'vitest'
import { RoomFullError, RoomNotFoundError, RoomTakenError } from '../base/errors.ts'
import { numbered, numbersOf } from './law-payloads.ts'
import { seamLaw, type SeamLaw } from './seam-harness.ts'

export const loomLaws: readonly SeamLaw[] = [
  seamLaw('LOOM-3', 'a loom says what it is, and whether it can be used', async ({ harness }) => {
    const { roles, availability } = harness.capability()
    expect(roles.size).toBeGreaterThan(0)
    expect(['available', 'unavailable', 'unknown']).toContain(availability.kind)
  }),

  seamLaw('LOOM-8', 'joining a room that nobody is in is RoomNotFoundError', async (trial) => {
    const room = trial.harness.room()
    await expect(trial.settle(room.join())).rejects.toBeInstanceOf(RoomNotFoundError)
    const host = trial.watch(await trial.settle(room.host()))
    const joiner = trial.watch(await trial.settle(room.join()))
    await trial.listing(host, [host.selfId, joiner.selfId])
  }),

  seamLaw('LOOM-9', 'hosting a room that is hosted is RoomTakenError, and the room goes on', async (trial) => {
    const { room, seams } = await trial.meet(2)
    await expect(trial.settle(room.host())).rejects.toBeInstanceOf(RoomTakenError)
    await trial.quiet()
    for (const seam of seams) expect(seam.peers.get().size).toBe(2)
  }),

  seamLaw(
    'LOOM-10',
    'a room takes as many peers as its pattern says, then RoomFullError; a place left is free again',
    async (trial) => {
      const { room, seams } = await trial.meet(3, { maxPeers: 3 })
      await expect(trial.settle(room.join())).rejects.toBeInstanceOf(RoomFullError)
      await trial.quiet()
      for (const seam of seams) expect(seam.peers.get().size).toBe(3)
      const [host, staying, leaving] = seams
      if (host === undefined || staying === undefined || leaving === undefined) throw new Error('three seams')
      await trial.settle(leaving.close())
      await trial.listing(host, [host.selfId, staying.selfId])
      await trial.quiet()
      const next = trial.watch(await trial.settle(room.join()))
      await trial.listing(host, [host.selfId, staying.selfId, next.selfId])
    },
  ),

  seamLaw(
    'LOOM-11',
    'an aborted join rejects with the reason of its signal, and nobody ever sees its peer',
    async (trial) => {
      const { room, seams } = await trial.meet(1)
      const host = seams[0]
      if (host === undefined) throw new Error('one seam')
      const seen: number[] = []
      host.peers.listen((peers) => seen.push(peers.size))
      const reason = new Error("the caller's own")
      await expect(trial.settle(room.join({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
      const controller = new AbortController()
      const joining = trial.failure(room.join({ signal: controller.signal }))
      controller.abort(reason)
      expect(await joining).toBe(reason)
      await trial.quiet()
      expect(seen).toEqual([])
      const joiner = trial.watch(await trial.settle(room.join({ signal: new AbortController().signal })))
      await trial.listing(host, [host.selfId, joiner.selfId])
    },
  ),

  seamLaw('LOOM-14', 'an aborted host rejects with the reason of its signal, and leaves no room', async (trial) => {
    const room = trial.harness.room()
    const reason = new Error("the caller's own")
    await expect(trial.settle(room.host({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
    const controller = new AbortController()
    const hosting = trial.failure(room.host({ signal: controller.signal }))
    controller.abort(reason)
    expect(await hosting).toBe(reason)
    await trial.quiet()
    await expect(trial.settle(room.join())).rejects.toBeInstanceOf(RoomNotFoundError)
  }),

  seamLaw(
    'LOOM-12',
    'the same identity coming again supersedes its old seam: others see it leave, then join',
    async (trial) => {
      const { room, seams } = await trial.meet(2)
      const [host, old] = seams
      if (host === undefined || old === undefined) throw new Error('two seams')
      const listed: boolean[] = []
      host.peers.listen((peers) => listed.push(peers.has(old.selfId)))
      const back = trial.watch(await trial.settle(room.rejoin(old)))
      expect(back.selfId).toBe(old.selfId)
      await trial.quiet()
      expect(listed).toEqual([false, true])
      const [atHost, atBack] = [trial.read(host), trial.read(back)]
      await trial.settle(host.sendTo(back.selfId, numbered(1)))
      expect(numbersOf(await atBack.take(1))).toEqual([1])
      await trial.settle(back.broadcast(numbered(2)))
      expect(numbersOf(await atHost.take(1))).toEqual([2])
    },
  ),

  seamLaw('LOOM-13', 'a session goes on without its host, and newcomers find it', async (trial) => {
    const { room, seams } = await trial.meet(3)
    const [host, b, c] = seams
    if (host === undefined || b === undefined || c === undefined) throw new Error('three seams')
    await trial.settle(host.close())
    await trial.listing(b, [b.selfId, c.selfId])
    await trial.quiet()
    const late = trial.watch(await trial.settle(room.join()))
    await trial.listing(c, [b.selfId, c.selfId, late.selfId])
    const reading = trial.read(late)
    await trial.settle(c.broadcast(numbered(4)))
    expect(numbersOf(await reading.take(1))).toEqual([4])
  }),
]
