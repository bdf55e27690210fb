import { describe, expect, it } from 'vitest'
import { announcePage } from './page-presence.ts'
import { Party, shown } from './test-support/party.ts'

class PageDouble {
  readonly window = new EventTarget()
  readonly document = Object.assign(new EventTarget(), { visibilityState: 'visible' })

  show(visibilityState: 'visible' | 'hidden'): void {
    this.document.visibilityState = visibilityState
    this.document.dispatchEvent(new Event('visibilitychange'))
  }
}

describe('a room on a page', () => {
  it('[PART-9] says that its page is hidden, frozen, left or back, for as long as the room lasts', async () => {
    const party = new Party()
    const [ann, bob] = await party.gather('ann', 'bob')
    const page = new PageDouble()
    announcePage(bob!, page)
    const seen = async (): Promise<unknown> => {
      await party.advance(20)
      const { hidden, liveness } = ann!.roster.get().get('bob') ?? {}
      return [hidden, liveness?.kind]
    }
    page.show('hidden')
    expect(await seen()).toEqual([true, 'connected'])
    page.document.dispatchEvent(new Event('freeze'))
    expect(await seen()).toEqual([true, 'away'])
    page.show('visible')
    expect(await seen()).toEqual([false, 'connected'])
    page.window.dispatchEvent(new Event('pagehide'))
    expect(await seen()).toEqual([true, 'away'])
    page.window.dispatchEvent(new Event('pageshow'))
    expect(await seen()).toEqual([false, 'connected'])
    await party.settle(bob!.leave())
    page.show('hidden')
    await party.advance(20)
    expect(shown(ann!)).toEqual([])
  })

  it('[PART-9] and needs no page', async () => {
    const party = new Party()
    announcePage(await party.host('ann'))()
  })
})
