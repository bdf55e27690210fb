import type { SignalSocket } from '../../signal/signal-socket.ts'
import type { Link, LinkEvents } from '../link/link-driver.ts'
import type { MeshLoom } from '../mesh-loom.ts'
import type { MeshWorld } from './mesh-world.ts'

/** A peer whose process may end: from one moment to the next it does nothing and hears nothing. */
export class Mortal {
  readonly #world: MeshWorld
  readonly #sockets: SignalSocket[] = []
  readonly #links: Link[] = []
  readonly #timers: unknown[] = []
  #gone = false

  constructor(world: MeshWorld) {
    this.#world = world
  }

  loom(): MeshLoom {
    const { clock, servers, links } = this.#world
    const whileAlive = <A extends unknown[]>(act: (...args: A) => void): ((...args: A) => void) => {
      return (...args) => {
        if (!this.#gone) act(...args)
      }
    }
    const deaf = (events: LinkEvents): LinkEvents => {
      const heard = Object.entries(events).map(([name, hear]: [string, (...args: unknown[]) => void]) => [
        name,
        whileAlive(hear),
      ])
      return Object.fromEntries(heard) as LinkEvents
    }
    const sockets = this.#sockets
    return this.#world.loom({
      clock: {
        now: () => clock.now(),
        wallNow: () => clock.wallNow(),
        track: (io) => clock.track(io),
        clearTimeout: (handle) => clock.clearTimeout(handle),
        setTimeout: (run, ms) => {
          const handle = clock.setTimeout(whileAlive(run), ms)
          this.#timers.push(handle)
          return handle
        },
      },
      links: {
        open: (options) => {
          const link = links.driver().open({ ...options, events: deaf(options.events) })
          this.#links.push(link)
          return link
        },
      },
      WebSocket: class extends servers.WebSocket {
        constructor(url: string) {
          super(url)
          sockets.push(this)
        }
        override addEventListener(type: string, listener: (event: never) => void): void {
          super.addEventListener(type as never, whileAlive(listener as (event: unknown) => void) as never)
        }
      },
    })
  }

  vanish(): void {
    this.#gone = true
  }

  /** What a browser does for a page that is closed. */
  closePage(): void {
    for (const socket of this.#sockets) socket.close(1001)
  }

  /** What the network and the platform do sooner or later about one that has vanished. */
  bury(): void {
    for (const socket of this.#sockets) socket.close()
    for (const link of this.#links) void link.close()
    for (const timer of this.#timers) this.#world.clock.clearTimeout(timer)
  }
}
