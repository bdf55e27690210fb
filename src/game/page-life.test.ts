import { beforeEach, describe, expect, it } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { Cluster } from '../raft/test-support/cluster.ts'
import { followPage } from './page-life.ts'

class PageDouble {
  readonly window = new EventTarget()
  readonly document = Object.assign(new EventTarget(), { visibilityState: 'visible' })

  show(visibilityState: 'visible' | 'hidden'): void {
    this.document.visibilityState = visibilityState
    this.document.dispatchEvent(new Event('visibilitychange'))
  }
}

let page: PageDouble
let heard: string[]
let stop: () => void

beforeEach(() => {
  page = new PageDouble()
  heard = []
  const node = {
    pause: (reason: string) => {
      heard.push(reason)
      return Promise.reject(new Error('closed'))
    },
    resume: () => void heard.push('resume'),
  }
  stop = followPage(node, page)
})

describe('a page', () => {
  it('[GAME-30] that is hidden, frozen or left hands leadership over, and is back when it is seen again', () => {
    page.show('hidden')
    page.document.dispatchEvent(new Event('freeze'))
    page.document.dispatchEvent(new Event('resume'))
    page.show('visible')
    page.window.dispatchEvent(new Event('pagehide'))
    page.window.dispatchEvent(new Event('pageshow'))
    expect(heard).toEqual(['hidden', 'frozen', 'hidden', 'resume', 'left', 'resume'])
  })

  it('[GAME-30] is followed no longer than its game lasts', () => {
    stop()
    page.show('hidden')
    expect(heard).toEqual([])
  })

  it('[GAME-30] is not missed where there is none', () => {
    const node = { pause: () => Promise.resolve(), resume: () => {} }
    expect(() => followPage(node)()).not.toThrow()
  })
})

describe('a table of two', () => {
  it('[GAME-30] goes on while one of its pages is hidden, whichever that is', async () => {
    const cluster = new Cluster({ seed: 5, latencyMs: 20 })
    const nodes = await cluster.startAll('ann', 'bob')
    await cluster.leader()
    const pages = nodes.map(() => new PageDouble())
    const stops = nodes.map((node, i) => followPage(node, pages[i] as PageDouble))
    for (const hidden of [0, 1, 0, 1]) {
      pages[hidden]?.show('hidden')
      pages[1 - hidden]?.show('visible')
      const { index } = await cluster.clock.run(nodes[hidden]?.propose(utf8('turn')) ?? Promise.reject(new Error()))
      await cluster.clock.run(nodes[1 - hidden]?.propose(utf8('turn')) ?? Promise.reject(new Error()))
      expect(nodes[1 - hidden]?.role.get()).toBe('leader')
      await cluster.clock.advance(10_000)
      expect(nodes[hidden]?.commitIndex.get()).toBeGreaterThan(index)
    }
    for (const end of stops) end()
    await cluster.close()
  })
})
