import { expect, it } from 'vitest'
import type { Seam } from '../../seam/contract.ts'
import { MuxSeam } from '../../seam/mux-seam.ts'
import { NamedMux } from '../../seam/named-mux.ts'
import type { Link, LinkDriver } from './link-driver.ts'
import { MeshWorld, ROOM } from '../test-support/mesh-world.ts'

it('[CARRY-5] sends that are awaited one after the other are of one turn, through two muxes too', async () => {
  const world = new MeshWorld()
  let messages = 0
  const counting = (driver: LinkDriver): LinkDriver => ({
    open(options): Link {
      const link = driver.open(options)
      const send = link.send.bind(link)
      link.send = (bytes) => {
        messages++
        send(bytes)
      }
      return link
    },
  })
  const host = world.loom({ links: counting(world.links.driver()) })
  const a = await world.run(host.reopen(ROOM))
  const b = await world.run(world.loom().join(ROOM))
  await world.listing(2, a, b)
  const sent = async (seam: Seam): Promise<number> => {
    messages = 0
    for (let i = 0; i < 100; i++) await seam.sendTo(b.selfId, new Uint8Array(64))
    await world.clock.advance(1)
    return messages
  }
  // The first at once, the others together.
  expect(await sent(a)).toBe(2)
  expect(await sent(new NamedMux(new MuxSeam(a).channel(1)).channel('moves'))).toBe(2)
  await world.end(a, b)
})
