import { expect, inject, it, vi } from 'vitest'
import { WebRtcLoom, type WebRtcLoomOptions } from './index.ts'

/** A file of its own: what another test of the page has loaded is loaded. */
it('[HOP-10] what a relay takes is loaded soon after a link stands, and not before', async () => {
  const loomOf = (options: Partial<WebRtcLoomOptions> = {}): WebRtcLoom =>
    new WebRtcLoom({ app: 'selvage tests', servers: inject('signalServers'), iceServers: [], ...options })
  const weave = async (options: Partial<WebRtcLoomOptions>, whileLinked = async () => {}): Promise<void> => {
    const host = loomOf(options)
    await using hosted = await host.host({ sessionName: 'oak' })
    await using joined = await loomOf(options).join(host.invite(hosted))
    await vi.waitFor(() => expect([hosted.peers.get().size, joined.peers.get().size]).toEqual([2, 2]), WAITING)
    await whileLinked()
  }
  await weave({ relay: 'never' })
  expect(loaded()).toEqual([])
  await weave({}, () => vi.waitFor(() => expect(loaded()).toEqual(['hop-station', 'sealed-links']), WAITING))
})

const WAITING = { timeout: 10_000 }

function loaded(): string[] {
  const names = performance.getEntriesByType('resource').map(({ name }) => name)
  return ['hop-station', 'sealed-links'].filter((file) => names.some((name) => name.includes(`/${file}.ts`)))
}
