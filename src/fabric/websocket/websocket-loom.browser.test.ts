import { expect, inject, it } from 'vitest'
import type { Seam } from '../../seam/contract.ts'
import { SignalTag, WebSocketLoom } from './index.ts'

async function take(seam: Seam, count: number): Promise<Uint8Array[]> {
  const taken: Uint8Array[] = []
  for await (const { payload } of seam.incoming) {
    taken.push(payload.slice())
    if (taken.length === count) break
  }
  return taken
}

it('[WS-5] a program in Node and a page share a room', async () => {
  const { server, roomKey, peer } = inject('nodePeer')
  const loom = new WebSocketLoom({ app: 'tests', servers: [server] })
  await using seam = await loom.join(new SignalTag({ room: roomKey }))
  expect([...seam.peers.get()]).toContain(peer)
  const said = [new Uint8Array(), Uint8Array.of(1, 2, 3), new Uint8Array(200_000).map((_, i) => i)]
  for (const payload of said) await seam.sendTo(peer, payload.slice())
  expect(await take(seam, said.length)).toEqual(said)
})
