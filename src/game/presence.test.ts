import { describe, expect, it } from 'vitest'
import { InMemoryLoom, InMemoryTag } from '../fabric/memory/index.ts'
import type { Seam } from '../seam/contract.ts'
import { VirtualClock } from '../sim/index.ts'
import { Presence } from './presence.ts'
import { type Announcement, decodePresence } from './presence-frame.ts'

const clock = new VirtualClock()
const settled = (): Promise<void> => clock.advance(0)

async function seams(count: number): Promise<Seam[]> {
  const loom = new InMemoryLoom()
  const made = [await loom.host({ sessionName: 'presence' })]
  while (made.length < count) made.push(await loom.join(new InMemoryTag('more')))
  return made
}

/** A presence that has nothing to hide. */
function present(seam: Seam): Presence {
  const presence = new Presence(seam)
  presence.announce({ role: 'bystander' })
  return presence
}

function heard(presence: Presence): Record<string, Announcement> {
  return Object.fromEntries(presence.heard.get())
}

/** Announcements that arrived at a seam nobody else reads. */
function listen(seam: Seam): { asks: boolean; role: string }[] {
  const frames: { asks: boolean; role: string }[] = []
  void (async () => {
    for await (const { payload } of seam.incoming) {
      const frame = decodePresence(payload)
      if (frame !== null) frames.push({ asks: frame.asks, role: frame.announcement.role })
    }
  })()
  return frames
}

describe('Presence', () => {
  it('[PRES-1] tells whoever is there and whoever comes, and everybody on each change', async () => {
    const loom = new InMemoryLoom()
    const ann = present(await loom.host({ sessionName: 'p' }))
    const bob = present(await loom.join(new InMemoryTag('bob')))
    await settled()
    expect(heard(bob)).toEqual({ 'peer-1': { role: 'bystander' } })
    ann.announce({ role: 'founder' })
    const cat = present(await loom.join(new InMemoryTag('cat')))
    await settled()
    expect(heard(bob)).toEqual({ 'peer-1': { role: 'founder' }, 'peer-3': { role: 'bystander' } })
    expect(heard(cat)).toEqual({ 'peer-1': { role: 'founder' }, 'peer-2': { role: 'bystander' } })
  })

  it('[PRES-1] says nothing before it is told what to say, and then answers who asked', async () => {
    const [own, other] = (await seams(2)) as [Seam, Seam]
    const frames = listen(other)
    const presence = new Presence(own)
    await other.sendTo(own.selfId, Uint8Array.of(1, 1, 1))
    await settled()
    expect(frames).toEqual([])
    presence.announce({ role: 'founder' })
    await settled()
    expect(frames).toEqual([{ asks: true, role: 'founder' }])
  })

  it('[PRES-1] answers a peer that asks, once per question', async () => {
    const [own, other] = (await seams(2)) as [Seam, Seam]
    const frames = listen(other)
    const presence = present(own)
    await settled()
    expect(frames).toEqual([{ asks: true, role: 'bystander' }])
    await other.sendTo(own.selfId, Uint8Array.of(1, 1, 1))
    await settled()
    expect(frames).toEqual([
      { asks: true, role: 'bystander' },
      { asks: false, role: 'bystander' },
    ])
    presence.close()
    await other.sendTo(own.selfId, Uint8Array.of(1, 1, 1))
    await settled()
    expect(frames).toHaveLength(2)
  })

  it("[PRES-2] an announcement is its sender's and goes with it", async () => {
    const [own, other] = (await seams(2)) as [Seam, Seam]
    const presence = new Presence(own)
    await other.broadcast(Uint8Array.of(1, 0, 1))
    await settled()
    expect(heard(presence)).toEqual({ [other.selfId]: { role: 'founder' } })
    await other.close()
    await settled()
    expect(heard(presence)).toEqual({})
  })

  it('[PRES-2] joiners are in the order in which they became that', async () => {
    const [own, first, second] = (await seams(3)) as [Seam, Seam, Seam]
    const presence = new Presence(own)
    const asJoiner = Uint8Array.of(1, 0, 2, 1, 103)
    await first.broadcast(Uint8Array.of(1, 0, 0))
    await second.broadcast(asJoiner)
    await first.broadcast(asJoiner)
    await second.broadcast(asJoiner)
    await settled()
    expect([...presence.heard.get().keys()]).toEqual([second.selfId, first.selfId])
  })

  it('[PRES-3] a malformed frame is counted and changes nothing', async () => {
    const [own, other] = (await seams(2)) as [Seam, Seam]
    const presence = new Presence(own)
    await other.broadcast(Uint8Array.of(1, 0, 1))
    for (const bytes of [[], [9], [1, 0, 9], [1, 0, 3, 255, 255, 255]]) await other.broadcast(Uint8Array.from(bytes))
    await settled()
    expect(presence.malformedFrames).toBe(4)
    expect(heard(presence)).toEqual({ [other.selfId]: { role: 'founder' } })
  })

  it('[PRES-4] one frame is under way per peer, and the newest announcement follows it', async () => {
    const [own, other] = (await seams(2)) as [Seam, Seam]
    const sent: Uint8Array[] = []
    const done: (() => void)[] = []
    const slow: Seam = Object.create(own, {
      sendTo: {
        value: (_: string, frame: Uint8Array) => {
          sent.push(frame)
          return new Promise<void>((resolve) => done.push(resolve))
        },
      },
      peers: { value: own.peers },
      incoming: { value: own.incoming },
      selfId: { value: own.selfId },
    })
    const presence = present(slow)
    presence.announce({ role: 'founder' })
    presence.announce({ role: 'joiner', gameId: null })
    for (let i = 0; i < 10; i++) await other.broadcast(Uint8Array.of(1, 1, 0))
    await settled()
    expect(sent).toHaveLength(1)
    done[0]?.()
    await settled()
    expect(sent.map((frame) => decodePresence(frame)?.announcement.role)).toEqual(['bystander', 'joiner'])
  })
})
