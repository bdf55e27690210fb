import { expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '../base/clock.ts'
import { startSignalServer } from '../server/index.ts'
import type { LinkDriver } from './link/link-driver.ts'
import { MeshLoom } from './mesh-loom.ts'
import { VirtualLinks } from './test-support/virtual-links.ts'

vi.setConfig({ testTimeout: 30_000 })

it('[TURNCRED-7] each link is offered the TURN servers of the signalling server beside its own, and again when it restarts', async () => {
  const turn = { secret: 'north, south, east and west', urls: ['turn:turn.example'] }
  const server = await startSignalServer({ turn })
  onTestFinished(() => server.close())
  const links = new VirtualLinks(systemClock)
  const offered: (readonly RTCIceServer[])[] = []
  const driver: LinkDriver = {
    open: (options) => {
      offered.push(options.iceServers)
      return links.driver().open(options)
    },
  }
  const own = { urls: 'stun:stun.example' }
  let asked = 0
  const iceServers = async (): Promise<RTCIceServer[]> => [own, { urls: `stun:${++asked}.example` }]
  const means = { weave: () => ({ driver }), roles: [], iceServers }
  const loom = (): MeshLoom => new MeshLoom({ app: 'turn', servers: [server.url], WebSocket }, means)
  const [ann, bob] = [loom(), loom()]
  const seam = await ann.host({ sessionName: 'oak' })
  onTestFinished(() => seam.close())
  const joined = await bob.join(ann.invite(seam))
  onTestFinished(() => joined.close())
  expect(offered).toHaveLength(2)
  const given = expect.objectContaining({ urls: turn.urls, credential: expect.any(String) })
  for (const servers of offered) expect(servers).toEqual([own, { urls: expect.any(String) }, given])
  expect(asked).toBe(2)
  links.path('interrupted')
  await vi.waitFor(() =>
    expect(new Set([...links.open].map(({ iceServers: [, second] }) => second?.urls))).toEqual(
      new Set(['stun:3.example', 'stun:4.example']),
    ),
  )
  for (const link of links.open) expect(link.iceServers[2]).toEqual(given)
})
