import { tracked } from '../base/clock.ts'
import type { OpenBytePipe } from './relay/byte-pipe.ts'
import type { HopGate } from './relay/hop-carrier.ts'
import type { HopStation, HopStationPort } from './relay/hop-station.ts'
import type { LinkDriver } from './link/link-driver.ts'

/**
 * The relays of one weave: links for pairs that cannot link directly, through a third peer or through what keeps the
 * room, and what this peer carries for others. Loaded once anybody is linked with.
 */
export class MeshRelays {
  readonly refused: Map<HopGate, number> = new Map()
  readonly #server: OpenBytePipe
  readonly #port: Omit<HopStationPort, 'refused'>
  #station: HopStation | null = null
  #loading: Promise<HopStation> | null = null
  #preparing: unknown
  /** What came over which link before the station was there. */
  #early: [string, Uint8Array][] = []
  #closed = false

  /** `server`: pipes through what keeps the room. */
  constructor(server: OpenBytePipe, port: Omit<HopStationPort, 'refused'>) {
    this.#server = server
    this.#port = port
  }

  /** Makes the relayed links. Rejects where the code for it cannot be loaded; the next call tries again. */
  readonly driver = async (): Promise<LinkDriver> => {
    const [station, { sealedLinks }] = await this.#code()
    return sealedLinks(station.opening(this.#server))
  }

  /**
   * Loads ahead of need, {@link PREPARE_AFTER_MS} from now: when it is needed, the server that the page came from may be
   * gone, often with the signalling server. Where that fails, the next link or the first need tries again.
   */
  prepare(): void {
    const { clock } = this.#port
    this.#preparing ??= clock.setTimeout(() => {
      tracked(clock, this.#code()).catch(() => (this.#preparing = undefined))
    }, PREPARE_AFTER_MS)
  }

  /** What follows the type of a hop frame that came over the link `from`. */
  heard(from: string, bytes: Uint8Array): void {
    if (this.#station !== null) return this.#station.heard(from, bytes)
    if (this.#early.length >= MAX_EARLY_HOPS) return this.#refuse('congested')
    this.#early.push([from, bytes])
    // Where it cannot be loaded whoever sent this hears no answer, and takes another way.
    if (this.#loading === null) this.#load().catch(() => this.#early.splice(0).forEach(() => this.#refuse('congested')))
  }

  /** Who is linked with whom has changed. */
  changed(): void {
    this.#station?.changed()
  }

  close(): void {
    this.#closed = true
    this.#port.clock.clearTimeout(this.#preparing)
    this.#early = []
    this.#station?.close()
  }

  #code(): Promise<[HopStation, typeof import('./relay/sealed-links.ts')]> {
    return Promise.all([this.#load(), import('./relay/sealed-links.ts')])
  }

  #load(): Promise<HopStation> {
    this.#loading ??= tracked(this.#port.clock, import('./relay/hop-station.ts')).then(
      (code) => this.#open(new code.HopStation({ ...this.#port, refused: (gate) => this.#refuse(gate) })),
      (error: unknown) => {
        this.#loading = null
        throw error
      },
    )
    return this.#loading
  }

  #open(station: HopStation): HopStation {
    this.#station = station
    for (const [from, bytes] of this.#early.splice(0)) if (!this.#closed) station.heard(from, bytes)
    return station
  }

  #refuse(gate: HopGate): void {
    this.refused.set(gate, (this.refused.get(gate) ?? 0) + 1)
  }
}

/** The first frames of a link go before the code that carries those of others. */
const PREPARE_AFTER_MS = 1_000

/** Packets held while the code that carries them is loaded. */
const MAX_EARLY_HOPS = 64
