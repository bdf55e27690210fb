import { expect } from 'vitest'
import { until } from '../../base/observable.ts'
import type { Pattern, Seam, Swatch } from '../../seam/contract.ts'
import { seededRandom } from '../../sim/seeded-random.ts'
import { VirtualClock } from '../../sim/virtual-clock.ts'
import type { LinkDriver } from '../link/link-driver.ts'
import { MeshLoom, type MeshLoomOptions, type WeaveMeans } from '../mesh-loom.ts'
import type { RelayPolicy } from '../mesh-steps.ts'
import { RelayedPresence } from '../relay/relayed-presence.ts'
import { SignalTag } from '../seal/signal-tag.ts'
import { VirtualLinks } from './virtual-links.ts'
import { VirtualSignalServers } from './virtual-signal-servers.ts'

/** Looms in a test's time: the real thing but for sockets and links. */
export class MeshWorld {
  readonly clock: VirtualClock = new VirtualClock()
  readonly servers: VirtualSignalServers = new VirtualSignalServers(this.clock, [ONE, TWO, THREE])
  readonly links: VirtualLinks = new VirtualLinks(this.clock)

  loom({ links = this.links.driver(), relay = 'never', ...options }: WorldLoomOptions = {}): MeshLoom {
    const given: MeshLoomOptions = {
      app: 'tests',
      servers: [ONE, TWO],
      WebSocket: this.servers.WebSocket,
      clock: this.clock,
      random: seededRandom(7),
      ...options,
    }
    return new MeshLoom(given, {
      weave: () => ({ driver: links, ...(relay === 'never' ? {} : relaying(relay)) }),
      roles: [],
    })
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.run(promise, { limitMs: 600_000 })
  }

  async pair(): Promise<{ a: Seam; b: Seam; host: MeshLoom; joiner: MeshLoom }> {
    const [host, joiner] = [this.loom(), this.loom()]
    const a = await this.run(host.reopen(ROOM))
    const b = await this.run(joiner.join(ROOM))
    await this.listing(2, a, b)
    return { a, b, host, joiner }
  }

  async listing(size: number, ...seams: Seam[]): Promise<void> {
    for (const seam of seams) await this.run(until(seam.peers, (peers) => peers.size === size))
  }

  async next(seam: Seam): Promise<Swatch> {
    const reader = seam.incoming[Symbol.asyncIterator]()
    const { value } = await this.run(reader.next())
    await reader.return?.()
    return value as Swatch
  }

  /** Closes the seams: then nothing of them may be left. */
  async end(...seams: Seam[]): Promise<void> {
    for (const seam of seams) await this.run(seam.close())
    await this.clock.advance(50)
    expect([this.servers.openSockets, this.links.open.size, this.clock.pendingTimers]).toEqual([0, 0, 0])
  }
}

export function rosterOf(seam: Seam): number[] {
  const sizes: number[] = []
  seam.peers.listen((peers) => sizes.push(peers.size))
  return sizes
}

export const ONE = 'ws://one.example/'
export const TWO = 'ws://two.example/'
/** In no loom's list unless it is put there. */
export const THREE = 'ws://three.example/'
export const ROOM: SignalTag = new SignalTag({ room: 'oak' })
export const OAK: Pattern = { sessionName: 'oak', roomKey: 'oak' }

function relaying(relay: RelayPolicy): Omit<WeaveMeans, 'driver'> {
  let presence: RelayedPresence | null = null
  return {
    relay,
    relayed: (link, at, events) => presence?.openPipe(link, at, events) ?? null,
    presence: (options) => (presence = new RelayedPresence(options, relay === 'always')),
  }
}

export interface WorldLoomOptions extends Partial<MeshLoomOptions> {
  /** Default `never`. */
  readonly relay?: RelayPolicy
  readonly links?: LinkDriver
}
