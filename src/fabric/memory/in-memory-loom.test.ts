import { describe, expect, it } from 'vitest'
import { RoomTakenError } from '../../base/errors.ts'
import { testIdentity } from '../../sim/test-identity.ts'
import { InMemoryLoom, InMemoryTag } from './index.ts'

const pattern = { sessionName: 'tic-tac-toe' }

describe('InMemoryLoom', () => {
  it('[MEM-1] any tag joins its one session, and weave is host and join', async () => {
    const loom = new InMemoryLoom()
    const host = await loom.weave({ kind: 'new', pattern })
    const joiner = await loom.weave({ kind: 'existing', tag: new InMemoryTag('player-2') })
    expect(host.peers.get()).toEqual(new Set([host.selfId, joiner.selfId]))
    const foreign = { sessionName: 'tic-tac-toe', peerKey: 'x' } as InMemoryTag
    await expect(loom.join(foreign)).rejects.toBeInstanceOf(TypeError)
  })

  it('[MEM-2] peers without an identity have readable names', async () => {
    const loom = new InMemoryLoom()
    const ids = [await loom.host(pattern), await loom.join(new InMemoryTag('a')), await loom.join(new InMemoryTag('b'))]
    expect(ids.map((seam) => seam.selfId)).toEqual(['peer-1', 'peer-2', 'peer-3'])
  })

  it('[LOOM-9] a second live host is refused, and a next one comes in among those who stayed', async () => {
    const loom = new InMemoryLoom()
    const host = await loom.host(pattern)
    const joiner = await loom.join(new InMemoryTag('joiner'))
    await expect(loom.host(pattern)).rejects.toBeInstanceOf(RoomTakenError)
    await host.close()
    const next = await loom.host(pattern)
    expect(next.peers.get()).toEqual(new Set([joiner.selfId, next.selfId]))
  })

  it('[MEM-5] a host of the same identity supersedes its own seam', async () => {
    const loom = new InMemoryLoom({ peerIdentity: testIdentity('ann') })
    const joiner = await loom.host(pattern).then(() => loom.as(testIdentity('bob')).join(new InMemoryTag('bob')))
    const back = await loom.host(pattern)
    expect(back.peers.get()).toEqual(new Set(['ann', 'bob']))
    expect(joiner.peers.get()).toEqual(new Set(['ann', 'bob']))
  })

  it('[LOOM-10] maxPeers is a count', async () => {
    for (const maxPeers of [0, -1, 1.5, Number.NaN]) {
      await expect(new InMemoryLoom().host({ ...pattern, maxPeers })).rejects.toBeInstanceOf(RangeError)
    }
  })
})
