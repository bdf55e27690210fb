import { describe, expect, it } from 'vitest'
import { watchNetwork } from './network-wake.ts'

describe('watchNetwork', () => {
  it('[KEEP-7] calls when the page is online again, shown or thawed, until it is ended', () => {
    const window = new EventTarget()
    const document = Object.assign(new EventTarget(), { visibilityState: 'visible' })
    let woken = 0
    const connection = new EventTarget()
    const stop = watchNetwork(() => woken++, { window, document, connection })
    window.dispatchEvent(new Event('online'))
    document.dispatchEvent(new Event('visibilitychange'))
    window.dispatchEvent(new Event('pageshow'))
    expect(woken).toBe(3)
    connection.dispatchEvent(new Event('change'))
    expect(woken).toBe(4)
    document.visibilityState = 'hidden'
    document.dispatchEvent(new Event('visibilitychange'))
    document.dispatchEvent(new Event('freeze'))
    window.dispatchEvent(new Event('offline'))
    window.dispatchEvent(new Event('pagehide'))
    expect(woken).toBe(4)
    stop()
    window.dispatchEvent(new Event('online'))
    connection.dispatchEvent(new Event('change'))
    document.visibilityState = 'visible'
    document.dispatchEvent(new Event('visibilitychange'))
    expect(woken).toBe(4)
  })

  it('[KEEP-7] does nothing where there is no page', () => {
    expect(() => watchNetwork(() => {}, null)()).not.toThrow()
  })
})
