import { describe, expect, it } from 'vitest'
import { InMemoryLoom, InMemoryTag } from '../fabric/memory/index.ts'
import { SeamRoomFactory } from './seam-room-factory.ts'
import { bytes, Party, shown, texts } from './test-support/party.ts'

describe('a room', () => {
  it('[ROOM-1] a host knows its room at once, and that it hosts', async () => {
    const party = new Party()
    const ann = await party.host('ann')
    expect(ann.role.get()).toBe('host')
    expect(ann.host.get()).toBe('ann')
    expect(ann.roomId.get()).not.toBeNull()
    expect(shown(ann)).toEqual([])
    expect(ann.resumeToken).toMatchObject({ peerId: 'ann', roomId: ann.roomId.get() })
  })

  it('[ROOM-2] join resolves when admitted: room, host, roster and token are known then', async () => {
    const party = new Party()
    const ann = await party.host('ann', { memberName: 'Ann' })
    const bob = await party.join('bob', { memberName: 'Bob', deviceId: 'phone', metadata: bytes('{}') })
    expect(bob.role.get()).toBe('joiner')
    expect(bob.status.get()).toEqual({ kind: 'member' })
    expect(bob.roomId.get()).toBe(ann.roomId.get())
    expect(bob.resumeToken).toMatchObject({ peerId: 'bob', roomId: ann.roomId.get() })
    expect(shown(bob)).toEqual(['ann*'])
    expect(bob.roster.get().get('ann')?.name).toBe('Ann')
    expect(ann.roster.get().get('bob')).toMatchObject({ name: 'Bob', deviceId: 'phone', metadata: bytes('{}') })
  })

  it('[ROOM-3] everybody is shown to everybody, and what one says reaches all others with its sender', async () => {
    const party = new Party()
    const [ann, bob, cat] = await party.gather('ann', 'bob', 'cat')
    expect(shown(ann!)).toEqual(['bob', 'cat'])
    expect(shown(bob!)).toEqual(['ann*', 'cat'])
    expect(shown(cat!)).toEqual(['ann*', 'bob'])
    const heard = [texts(ann!), texts(cat!)]
    await bob!.broadcast(bytes('hello'))
    await bob!.sendTo('cat', bytes('you'))
    await party.advance(10)
    expect(heard).toEqual([['bob: hello'], ['bob: hello', 'bob: you']])
  })

  it('[ROOM-4] who leaves is gone at once; who comes again is new', async () => {
    const party = new Party()
    const [ann, bob, cat] = await party.gather('ann', 'bob', 'cat')
    await party.settle(bob!.leave())
    await party.advance(10)
    expect(shown(ann!)).toEqual(['cat'])
    expect(party.kinds(cat!, 'bob').at(-1)).toBe('left:left')
    const again = await party.join('bob')
    expect(shown(again)).toEqual(['ann*', 'cat'])
    expect(bob!.status.get()).toEqual({ kind: 'ended', reason: 'left' })
    await bob!.broadcast(bytes('into the void'))
  })

  it('[ROOM-5] works without any option, on the real clock', async () => {
    const loom = new InMemoryLoom()
    const factory = new SeamRoomFactory(loom)
    const host = await factory.host({ sessionName: 'oak' })
    const joiner = await factory.join(new InMemoryTag('bob'))
    expect([...host.roster.get().keys()]).toEqual([joiner.selfId])
    await joiner.leave()
    await host.leave()
  })
})
