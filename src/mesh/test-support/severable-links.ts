import type { Link, LinkDriver, LinkOptions } from '../link/link-driver.ts'

/** The links of another driver, which can be cut: without a word, and for good. */
export class SeverableLinks implements LinkDriver {
  readonly sendsLossyApart: boolean
  readonly #driver: LinkDriver
  readonly #open: Set<() => void> = new Set()
  #severed = false

  constructor(driver: LinkDriver) {
    this.#driver = driver
    this.sendsLossyApart = driver.sendsLossyApart === true
  }

  open(options: LinkOptions): Link {
    const { events } = options
    const link = this.#driver.open({
      ...options,
      events: {
        onSignal: (body) => {
          if (!this.#severed) events.onSignal(body)
        },
        onOpen: () => events.onOpen(),
        onMessage: (bytes) => events.onMessage(bytes),
        onLossy: (bytes) => events.onLossy(bytes),
        onDrain: () => events.onDrain(),
        onPath: (path) => events.onPath(path),
        onTrouble: (why) => events.onTrouble(why),
        onClosed: (why) => events.onClosed(why),
      },
    })
    this.#open.add(() => {
      events.onClosed('cut')
      void link.close()
    })
    return link
  }

  sever(): void {
    this.#severed = true
    for (const cut of this.#open) cut()
  }
}
