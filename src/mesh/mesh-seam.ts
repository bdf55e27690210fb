import type { Clock } from '../base/clock.ts'
import { watchNetwork } from '../base/network-wake.ts'
import { observable, type ReadableAtom } from '../base/observable.ts'
import type { Random } from '../base/random.ts'
import type { PeerId, PeerIdentity, WaitOptions } from '../seam/contract.ts'
import { ArrivalBudgets } from '../seam/arrival-budgets.ts'
import { SeamCore } from '../seam/seam-core.ts'
import type { CreateRoom, SignalAddress } from '../signal/protocol.ts'
import type { OpenBytePipe } from './relay/byte-pipe.ts'
import type { HopGate } from './relay/hop-carrier.ts'
import type { LinkDriver } from './link/link-driver.ts'
import { newLinkId } from './presence/link-envelope.ts'
import type { IntroductionGate } from './presence/introductions.ts'
import { DATA_HEADER_BYTES, DATA_HEADERS, NONCE_BYTES } from './link/link-frames.ts'
import { IceServers } from './link/ice-servers.ts'
import { LinkStatuses, type LinkStatus } from './link/link-status.ts'
import { LinkHandshake, type RefusalReason } from './link/link-handshake.ts'
import { MeshBonds } from './link/mesh-bonds.ts'
import { MeshRelays } from './mesh-relays.ts'
import { MeshSignalling } from './mesh-signalling.ts'
import type { MeshEffect, MeshInput, RelayPolicy } from './mesh-steps.ts'
import { Mesh } from './mesh.ts'
import { MAX_FRAME_BYTES, MAX_LOSSY_PAYLOAD_BYTES, PeerLink, type PeerLinkEnd } from './link/peer-link.ts'
import type { Presence, PresenceHandlers, ServerHealth, SignallingStatus } from './presence/presence.ts'
import type { RoomAddress } from './seal/room-address.ts'
import type { RoomTrust } from './seal/seal-key.ts'
import type { SealGate } from './seal/signal-seal.ts'

/**
 * One weave: a presence in the room, a mesh that decides, links that carry, and the seam they make. It carries out what the mesh decides and tells it what happens.
 */
export class MeshSeam {
  readonly core: SeamCore
  readonly #options: MeshSeamOptions
  readonly #session: string
  readonly #signals: MeshSignalling
  readonly #mesh: Mesh
  #relays: MeshRelays | null = null
  /** The step under way, and those that wait for it. */
  readonly #inputs: MeshInput[] = []
  readonly #bonds: MeshBonds
  readonly #links: Map<string, PeerLink> = new Map()
  /** Links that still send their last words. */
  readonly #closing: Set<Promise<void>> = new Set()
  readonly #timers: Map<string, unknown> = new Map()
  readonly #statuses = new LinkStatuses()
  readonly #unwatch: readonly (() => void)[]
  readonly #refusals: Map<RefusalReason, number> = new Map()
  readonly #changed = observable<number>(0)
  #lastFailure: string | null = null
  #malformed = 0
  #keptIceServers = 0
  /** By links that are no more. */
  #lossyDropped = 0

  constructor(options: MeshSeamOptions) {
    this.#options = options
    const { identity, random, maxPayloadBytes, lostAfterMs } = options
    this.#session = newLinkId()
    this.#mesh = new Mesh({ selfId: identity.id, random, newLinkId, lostAfterMs, relay: options.relay })
    this.core = new SeamCore({
      selfId: identity.id,
      maxPayloadBytes: () => maxPayloadBytes,
      maxFrameBytes: () => this.#maxFrameBytes(),
      maxLossyPayloadBytes: () => Math.min(MAX_LOSSY_PAYLOAD_BYTES, this.#maxFrameBytes()),
      headers: DATA_HEADERS,
      budgets: new ArrivalBudgets(maxPayloadBytes),
      onMalformed: () => void this.#malformed++,
      onClose: () => this.#release(),
      onCutOff: (peer) => this.#step({ kind: 'cut-off', peer }),
    })
    this.#bonds = new MeshBonds(this.core)
    this.#signals = new MeshSignalling({
      self: { peer: identity.id, session: this.#session },
      identity,
      presence: options.presence,
      room: options.room,
      sealKey: options.sealKey,
      takesRelayed: options.relayed !== undefined,
      clock: options.clock,
      link: (id) => this.#links.get(id),
      isListed: ({ peer }) => this.core.peers.get().has(peer),
      events: {
        onWays: () => this.#relays?.changed(),
        onInput: (input) => this.#step(input),
        onSignal: (from, link, body) => this.#onSignal(from, link, body),
        onUnsent: (why) => {
          this.#lastFailure = why
        },
        onMalformed: () => void this.#malformed++,
      },
    })
    if (options.relayed !== undefined) this.#relays = this.#openRelays(options.relayed)
    this.#unwatch = [
      (options.wake ?? watchNetwork)(() => this.#step({ kind: 'wake' })),
      this.signalling.listen(() => this.#publishLinks()),
    ]
  }

  get signalling(): ReadableAtom<SignallingStatus> {
    return this.#signals.presence.status
  }

  get servers(): ReadableAtom<readonly ServerHealth[]> | undefined {
    return this.#signals.presence.servers
  }

  /** Round trips are measured while it is listened to. */
  get links(): ReadableAtom<ReadonlyMap<PeerId, LinkStatus>> {
    if (!this.core.torn && !this.#timers.has(MEASURE)) this.#measure()
    return this.#statuses.status
  }

  get diagnostics(): MeshDiagnostics {
    let lossyDropped = this.core.lossyDropped + this.#bonds.lossyDropped + this.#lossyDropped
    for (const link of this.#links.values()) lossyDropped += link.lossyDropped
    return {
      refused: new Map(this.#refusals),
      refusedSignals: this.#signals.refusedSignals,
      refusedCalls: this.#signals.refusedCalls,
      refusedIntroductions: this.#signals.refusedIntroductions,
      refusedHops: new Map(this.#relays?.refused),
      trust: this.#options.trust,
      malformed: this.#malformed,
      lossyDropped,
      keptIceServers: this.#keptIceServers,
      openLinks: this.#links.size + this.#closing.size,
    }
  }

  /** Changes with everything that the mesh hears of. */
  get changed(): ReadableAtom<number> {
    return this.#changed
  }

  /** False when nobody is left to be linked with. */
  get hasProspects(): boolean {
    return this.#mesh.hasProspects
  }

  /** Why the last link that failed did, for people. */
  get lastFailure(): string | null {
    return this.#lastFailure
  }

  enter(create: CreateRoom, options: WaitOptions): Promise<void> {
    return this.#signals.presence.enter(create, options)
  }

  exists(options: WaitOptions): Promise<boolean> {
    return this.#signals.presence.exists(options)
  }

  /* ── Mesh ──────────────────────────────────────────────────────────────────────────────────── */

  /** What one step leads to is another step, after it. */
  #step(input: MeshInput): void {
    this.#inputs.push(input)
    if (this.#inputs.length > 1) return
    try {
      for (let next: MeshInput | undefined = input; next !== undefined && !this.core.torn; next = this.#inputs[0]) {
        for (const effect of this.#mesh.step(next)) {
          // A listener may close the seam in between: nothing is opened after that.
          if (!this.core.torn) this.#run(effect)
        }
        this.#inputs.shift()
      }
    } finally {
      this.#inputs.length = 0
    }
    if (this.core.torn) return
    this.#publishLinks()
    this.#tellChange()
  }

  #run(effect: MeshEffect): void {
    switch (effect.kind) {
      case 'dial':
      case 'accept':
        if (effect.kind === 'dial') this.#signals.attempt(effect.at)
        this.#links.set(effect.link, this.#openLink(effect))
        return
      case 'drop':
        return this.#drop(effect.link, effect.goodbye)
      case 'carry': {
        const link = this.#links.get(effect.link)
        if (link === undefined) return
        this.#bonds.carry(effect.peer, link, effect.link)
        this.#relays?.prepare()
        return this.#signals.linked(effect.link, effect.at, this.#carries(effect.link))
      }
      case 'unlist':
        if (effect.lost) this.#statuses.lost(effect.peer)
        return this.#bonds.end(effect.peer)
      case 'restart':
        return this.#restart(effect.link, effect.at)
      case 'seek':
        return this.#signals.presence.seek?.()
      case 'ask':
        return this.#links.get(effect.link)?.ask()
      case 'arm':
        return this.#arm(effect.timer, effect.ms)
      case 'disarm':
        return this.#disarm(effect.timer)
    }
  }

  #restart(id: string, to: SignalAddress): void {
    this.#signals.attempt(to)
    this.#links.get(id)?.restart()
  }

  #drop(id: string, goodbye: 'closed' | 'superseded' | null): void {
    const link = this.#links.get(id)
    if (link === undefined) return
    this.#links.delete(id)
    if (!this.core.torn) this.#signals.unlinked(id)
    if (goodbye !== null) this.#bonds.flush(link.peer, link)
    this.#bonds.detach(link.peer, link)
    this.#lossyDropped += link.lossyDropped
    this.#letClose(link.close(goodbye))
  }

  /** The seam's own close waits for links that are still sending their last words. */
  #letClose(closed: Promise<void>): void {
    const closing = closed.finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  #arm(timer: string, ms: number): void {
    const { clock } = this.#options
    this.#disarm(timer)
    const handle = clock.setTimeout(() => {
      this.#timers.delete(timer)
      this.#step({ kind: 'due', timer })
    }, ms)
    this.#timers.set(timer, handle)
  }

  #disarm(timer: string): void {
    this.#options.clock.clearTimeout(this.#timers.get(timer))
    this.#timers.delete(timer)
  }

  /* ── Links ─────────────────────────────────────────────────────────────────────────────────── */

  #openLink({ kind, link: id, at, polite, route }: MeshEffect & { kind: 'dial' | 'accept' }): PeerLink {
    const { identity, driver, iceServers, iceTransportPolicy, clock, room } = this.#options
    let opens = kind === 'dial'
    const { peer } = at
    /** What may not be said ends the link, and the peer's stay. */
    const unless = (allowed: boolean): void => {
      if (allowed) return
      this.#malformed++
      this.#step({ kind: 'cut-off', peer })
    }
    const link: PeerLink = new PeerLink({
      link: id,
      at,
      initiator: kind === 'dial',
      polite,
      driver: (route === 'relayed' ? this.#relays?.driver : undefined) ?? (async () => driver),
      iceServers: new IceServers({
        own: iceServers,
        given: async () => (await this.#signals.presence.turnServers?.()) ?? [],
        clock,
        onKept: () => void this.#keptIceServers++,
      }),
      iceTransportPolicy,
      identity,
      clock,
      handshake: new LinkHandshake(
        {
          room,
          session: this.#session,
          publicKey: identity.publicKey,
          nonce: crypto.getRandomValues(new Uint8Array(NONCE_BYTES)),
        },
        at,
      ),
      events: {
        onSignal: (body) => {
          this.#signals.say(at, id, opens, body)
          opens = false
        },
        onProved: () => this.#step({ kind: 'proved', link: id }),
        onFrame: (payload, delivery, isPart) => unless(this.#bonds.received(peer, link, payload, delivery, isPart)),
        onGranted: (bytes) => unless(this.#bonds.granted(peer, link, bytes)),
        onAck: (received) => unless(this.#bonds.acknowledged(peer, link, received)),
        onResume: (said) => {
          this.#step({ kind: 'chosen', link: id })
          unless(this.#bonds.resumed(peer, link, said))
          this.#tellChange()
        },
        onWritable: () => this.#bonds.writable(peer, link),
        onHop: (bytes) => (this.#relays === null ? void this.#malformed++ : this.#relays.heard(id, bytes)),
        onIntroduction: (said) => this.#signals.heard(id, said),
        onPath: (path) => {
          this.#signals.path(id, path === 'connected')
          if (path === 'interrupted') this.#signals.presence.probe?.()
          this.#step({ kind: 'path', link: id, path })
        },
        onTrouble: (why) => this.#onTrouble(peer, why),
        onMeasured: () => this.#publishLinks(),
        onRefused: (reason) => void this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1),
        onMalformed: () => void this.#malformed++,
        onEnded: (end, why) => this.#onLinkEnded(id, peer, end, why),
      },
    })
    return link
  }

  #onTrouble(peer: PeerId, why: string): void {
    this.#lastFailure = `no link to ${peer} was ready yet: ${why}`
    this.#statuses.failed(peer, why)
    this.#publishLinks()
  }

  #openRelays(server: OpenBytePipe): MeshRelays {
    const { ways } = this.#signals
    return new MeshRelays(server, {
      clock: this.#options.clock,
      carriersOf: (at) => ways.carriersOf(at),
      wayOn: (from, to) => ways.wayOn(from, to),
      isOpen: (link) => ways.isCarrying(link),
      isBelow: (link, bytes) => this.#links.get(link)?.isBelow(bytes) === true,
      send: (link, frame) => this.#links.get(link)?.send(frame, 'reliable'),
      ask: (link) => this.#links.get(link)?.ask(),
      onMalformed: () => void this.#malformed++,
    })
  }

  /** Only what goes through nobody itself carries for others: one hop, and never a hop of a hop. */
  #carries(link: string): boolean {
    return this.#relays !== null && this.#mesh.links.find(({ id }) => id === link)?.route === 'direct'
  }

  #onLinkEnded(id: string, peer: PeerId, end: PeerLinkEnd, why: string): void {
    this.#lastFailure = `the link to ${peer} ended: ${why}`
    this.#statuses.failed(peer, why)
    this.#drop(id, null)
    const listed = this.core.peers.get().has(peer)
    this.#step({ kind: 'ended', link: id, why: end === 'failed' || end === 'refused' ? end : 'goodbye' })
    if (end === 'superseded' && listed && this.core.peers.get().size === 1)
      void this.core.close({ kind: 'remote-requested' })
  }

  #onSignal(from: SignalAddress, link: string, body: string): void {
    const known = this.#mesh.links.find((view) => view.id === link)
    // Only the peer that a link is with may signal about it.
    if (known?.peer !== from.peer || known.session !== from.session) return
    this.#step({ kind: 'answered', link })
    this.#links.get(link)?.signal(body)
  }

  /* ── The rest ──────────────────────────────────────────────────────────────────────────────── */

  /** What every link takes in one piece. */
  #maxFrameBytes(): number {
    let max = MAX_FRAME_BYTES - DATA_HEADER_BYTES
    for (const link of this.#links.values()) max = Math.min(max, link.maxFramePayloadBytes)
    return max
  }

  #publishLinks(): void {
    const measureOf = (peer: PeerId): PeerLink | null => this.#links.get(this.#mesh.linkOf(peer) ?? '') ?? null
    this.#statuses.publish(this.#mesh.peers, measureOf, this.signalling.get().kind === 'attached')
  }

  #measure(): void {
    for (const { id, stage } of this.#mesh.links) if (stage === 'connected') this.#links.get(id)?.ask()
    const again = this.#options.clock.setTimeout(() => {
      this.#timers.delete(MEASURE)
      if (this.#statuses.isWatched) this.#measure()
    }, MEASURE_EVERY_MS)
    this.#timers.set(MEASURE, again)
  }

  #tellChange(): void {
    this.#changed.set(this.#changed.get() + 1)
  }

  /** Meanwhile the other links deliver nothing any more. */
  async #afterHops(): Promise<void> {
    for (const link of this.#links.values()) {
      this.#bonds.flush(link.peer, link)
      this.#bonds.detach(link.peer, link)
    }
    await Promise.all(this.#closing)
  }

  async #release(): Promise<void> {
    for (const unwatch of this.#unwatch) unwatch()
    this.#signals.close()
    for (const timer of [...this.#timers.keys()]) this.#disarm(timer)
    const hops = [...this.#links].filter(([, link]) => link.via !== null)
    for (const [id] of hops) this.#drop(id, 'closed')
    this.#statuses.clear()
    this.#tellChange()
    // Their last words go over the link to who carries them.
    if (hops.length > 0) await this.#afterHops()
    for (const id of [...this.#links.keys()]) this.#drop(id, 'closed')
    this.#relays?.close()
    await Promise.all(this.#closing)
  }
}

export interface MeshSeamOptions {
  /** Opens this weave's presence in the room; it is entered later. */
  readonly presence: (self: SignalAddress, handlers: PresenceHandlers) => Presence
  readonly room: RoomAddress
  /** Seals the room's signalling. */
  readonly sealKey: CryptoKey
  readonly trust: RoomTrust
  readonly identity: PeerIdentity
  readonly driver: LinkDriver
  readonly relay?: RelayPolicy | undefined
  /** Pipes through what keeps the room. Absent: no link is relayed, by anybody, and nothing is carried for others. */
  readonly relayed?: OpenBytePipe | undefined
  readonly iceServers: () => Promise<readonly RTCIceServer[]>
  readonly iceTransportPolicy: RTCIceTransportPolicy
  /** Largest payload sent and taken, bytes. */
  readonly maxPayloadBytes: number
  readonly clock: Clock
  readonly random: Random
  readonly lostAfterMs?: number | undefined
  /** As of `keepConnected`. Default: the page's own events. */
  readonly wake?: ((attemptNow: () => void) => () => void) | undefined
}

/** How often round trips are measured. */
const MEASURE_EVERY_MS = 10_000

/** Name of the timer for it. */
const MEASURE = 'measure'

/** Counts since the weave began. */
export interface MeshDiagnostics {
  /** Links that were refused before they were listed, by cause. */
  readonly refused: ReadonlyMap<RefusalReason, number>
  /** Signals that were refused before they were read, by gate. */
  readonly refusedSignals: ReadonlyMap<SealGate, number>
  /** Links that others wanted to make, more often than anybody may. */
  readonly refusedCalls: number
  /** What linked peers said of others, or asked to hand on, and was not taken, by gate. */
  readonly refusedIntroductions: ReadonlyMap<IntroductionGate, number>
  /** Packets that others wanted carried, or said to carry for this peer, and were not taken, by gate. */
  readonly refusedHops: ReadonlyMap<HopGate, number>
  /** Whether the room's servers can read its signalling. */
  readonly trust: RoomTrust
  /** Frames and signals that were none, dropped. */
  readonly malformed: number
  /** Lossy frames dropped for want of room. */
  readonly lossyDropped: number
  /** Searches for another path with ICE servers given before: those asked failed, were late, or the engine took no others. */
  readonly keptIceServers: number
  /** Links now open, those being made and those being closed included. */
  readonly openLinks: number
}
