import { describe, expect, it } from 'vitest'
import type { LinkStatus } from 'selvage/webrtc'
import { LinkWatch } from './link-watch.ts'

const connected: LinkStatus = {
  state: 'connected',
  route: 'direct',
  via: null,
  roundTripMs: 4.2,
  jitterMs: 0.3,
  why: null,
}
const interrupted: LinkStatus = { ...connected, state: 'interrupted', why: 'nothing gets through for now' }

describe('the links that a page watches', () => {
  it('are told with what the loom says of them, the third peer that carries one included', () => {
    const hop = { ...connected, route: 'relayed', via: 'cleo' } as const
    const links = new LinkWatch(15_000).of(
      new Map<string, LinkStatus>([
        ['ada', connected],
        ['bea', hop],
      ]),
      0,
    )
    expect(links.get('ada')).toEqual({ ...connected, interruption: null })
    expect(links.get('bea')).toMatchObject({ route: 'relayed', via: 'cleo' })
  })

  it('count from the moment of an interruption, until the other is not listed any more', () => {
    const watch = new LinkWatch(15_000)
    const at = (status: LinkStatus, nowMs: number): unknown =>
      watch.of(new Map([['ada', status]]), nowMs).get('ada')?.interruption
    expect(at(connected, 0)).toBeNull()
    expect(at(interrupted, 5_000)).toEqual({ forS: 0, keptForS: 15 })
    expect(at(interrupted, 9_500)).toEqual({ forS: 4, keptForS: 11 })
    expect(at(interrupted, 25_000)).toEqual({ forS: 20, keptForS: 0 })
    expect(at(connected, 26_000)).toBeNull()
    expect(at(interrupted, 30_000)).toEqual({ forS: 0, keptForS: 15 })
  })
})
