import { orAborted, throwIfAborted, withinMs } from '../base/abort.ts'
import { type Clock, tracked } from '../base/clock.ts'
import { ClosedError, ConfigError, NotHostError } from '../base/errors.ts'
import { mapStream } from '../base/map-stream.ts'
import type { ReadableAtom } from '../base/observable.ts'
import type { Random } from '../base/random.ts'
import type { CloseReason, PeerId, PeerIdentity, Seam, SendOptions, WaitOptions } from '../seam/contract.ts'
import type { ResumeToken } from '../seam/resume-token.ts'
import {
  type AdmissionPolicy,
  type Candidate,
  type ChannelOptions,
  DEFAULT_KEEP_BYTES,
  type EndReason,
  type LocalFabric,
  type Member,
  type MembershipEvent,
  type ResumeResult,
  type Room,
  type RoomFrame,
  type RoomId,
  type RoomOptions,
  type RoomRole,
  type RoomStatus,
} from './contract.ts'
import type { CoreTiming, RoomEffect } from './core/membership.ts'
import { RoomCore, type RoomInput } from './core/room-core.ts'
import { memberOf, type RoomState } from './core/room-state.ts'
import { MemberChannel } from './member-channel.ts'
import { Entrance } from './entrance.ts'
import { EventStream } from './event-stream.ts'
import { checkedPolicy } from './profile.ts'
import { RoomBase } from './room-base.ts'
import { RoomKeys } from './room-keys.ts'
import { RoomLevels } from './room-levels.ts'

/** How long a room that ends waits for its last words to be taken, milliseconds. */
export const LEAVE_DRAIN_MS = 500

/** Most bytes a channel may keep for one member. */
export const MAX_KEEP_BYTES = 4_194_304

/** A room's settings, defaults filled in. */
export interface RoomSettings {
  readonly identity: PeerIdentity
  readonly verify: NonNullable<RoomOptions['verify']>
  readonly admit: NonNullable<RoomOptions['admit']>
  readonly password: string | null
  readonly clock: Clock
  readonly random: Random
  readonly timing: CoreTiming & { readonly admitTimeoutMs: number; readonly resumeTimeoutMs: number }
  readonly profile: Omit<Candidate, 'id'>
}

/** Drives a {@link RoomCore} over a seam: the core decides, this carries out. Made by a `SeamRoomFactory`. */
export class SeamRoom implements Room {
  readonly #settings: RoomSettings
  readonly #core: RoomCore
  readonly #keys: RoomKeys
  readonly #levels = new RoomLevels()
  readonly #entrance: Entrance
  readonly #events = new EventStream<MembershipEvent>()
  readonly #frames: MemberChannel
  readonly #channels: Map<string, { readonly channel: MemberChannel; readonly whileAway: string }> = new Map()
  readonly #inputs: RoomInput[] = []
  #base: RoomBase
  #isStepping = false
  #timer: unknown
  #token: ResumeToken | null = null
  #ending: Promise<void> | null = null

  constructor(seam: Seam, settings: RoomSettings) {
    this.#settings = settings
    const { clock, random, identity, timing } = settings
    this.#core = new RoomCore({ selfId: seam.selfId, key: identity.publicKey, timing, random }, clock.now())
    this.#keys = new RoomKeys(settings)
    this.#entrance = new Entrance(clock)
    this.#frames = this.#makeChannel(null, DEFAULT_KEEP_BYTES)
    this.#base = new RoomBase(seam, clock)
    this.#attach()
    this.#arm()
  }

  get selfId(): PeerId {
    return this.#core.selfId
  }

  get role(): ReadableAtom<RoomRole> {
    return this.#levels.role
  }

  get status(): ReadableAtom<RoomStatus> {
    return this.#levels.status
  }

  get roster(): ReadableAtom<ReadonlyMap<PeerId, Member>> {
    return this.#levels.roster
  }

  get host(): ReadableAtom<PeerId | null> {
    return this.#levels.host
  }

  get roomId(): ReadableAtom<RoomId | null> {
    return this.#levels.roomId
  }

  get localFabric(): ReadableAtom<LocalFabric> {
    return this.#levels.localFabric
  }

  get policy(): ReadableAtom<AdmissionPolicy> {
    return this.#levels.policy
  }

  get events(): AsyncIterable<MembershipEvent> {
    return this.#events
  }

  get incoming(): AsyncIterable<RoomFrame> {
    return mapStream(this.#frames.seam.incoming, ({ sender, payload }) => ({ sender, payload }))
  }

  get resumeToken(): ResumeToken | null {
    return this.#token
  }

  /* ── Coming in ─────────────────────────────────────────────────────────────────────────────── */

  /** Founds the room: this peer hosts it. */
  async found(roomId: RoomId, policy: AdmissionPolicy): Promise<void> {
    const { identity, profile, clock } = this.#settings
    const { key, id } = { key: identity.publicKey, id: this.selfId }
    const token = await this.#io(this.#keys.issue(roomId, id, key))
    const member = { ...profile, id, key, hidden: false, seniority: 0, resumes: 0, was: null, away: null }
    const issuer = { epoch: 1, id, key, title: '', titleIssuedAt: Math.floor(clock.wallNow()) }
    const about = { roomId, epoch: 1, version: 1, host: id, policy, nextSeniority: 1, departed: [] }
    this.#token = token
    this.#take({ kind: 'found', token, state: { ...about, issuers: [issuer], members: [member] } })
  }

  /** Resolves when admitted. The caller bounds it, and ends the room where it fails. */
  join(token: ResumeToken | null): Promise<void> {
    return this.#entrance.join(() => this.#take({ kind: 'join', token }))
  }

  reattach(seam: Seam): void {
    if (this.#core.phase === 'ended') throw new ClosedError('the room has ended: join it anew')
    const before = this.#base
    before.release()
    if (seam.selfId !== this.selfId) this.#tearChannels({ kind: 'unreachable' })
    this.#base = new RoomBase(seam, this.#settings.clock)
    this.#take({ kind: 'links', peers: new Set() })
    this.#take({ kind: 'reattached', selfId: seam.selfId })
    this.#attach()
    void before.seam.close()
  }

  async resume(token: ResumeToken, options: WaitOptions = {}): Promise<ResumeResult> {
    throwIfAborted(options.signal)
    const roomId = this.roomId.get()
    if (this.#core.phase === 'ended') return { kind: 'refused', code: 'resume-window-expired', retryable: false }
    if (roomId !== null && token.roomId !== roomId) return TOKEN_INVALID
    if (this.status.get().kind === 'member') {
      const isOurs = token.credential === this.#token?.credential || token.peerId === this.selfId
      return isOurs ? { kind: 'success' } : TOKEN_INVALID
    }
    const { resumeTimeoutMs } = this.#settings.timing
    const resuming = this.#entrance.resume(token, resumeTimeoutMs, () => this.#take({ kind: 'join', token }))
    return orAborted(resuming, options.signal)
  }

  /* ── Among the members ─────────────────────────────────────────────────────────────────────── */

  channel(id: string, options: ChannelOptions = {}): Seam {
    const { whileAway = 'kept', keepBytes = DEFAULT_KEEP_BYTES } = options
    if (!Number.isInteger(keepBytes) || keepBytes < 1 || keepBytes > MAX_KEEP_BYTES) {
      throw new RangeError(`keepBytes is a whole number from 1 to ${MAX_KEEP_BYTES}, not ${keepBytes}`)
    }
    if (this.#ending !== null) throw new ClosedError('the room has ended: join it anew')
    const open = this.#channels.get(id)
    if (open !== undefined && open.whileAway !== whileAway) {
      throw new ConfigError(`channel ${id} is open as ${open.whileAway}: close it first`)
    }
    if (open !== undefined) return open.channel.seam
    const base = this.#base.channel(id)
    const channel = this.#makeChannel(id, whileAway === 'kept' ? keepBytes : 0)
    this.#channels.set(id, { channel, whileAway })
    channel.attach(base)
    this.#showMembers(channel)
    return channel.seam
  }

  async broadcast(payload: Uint8Array, options?: SendOptions): Promise<void> {
    if (this.#core.phase !== 'ended') await this.#frames.seam.broadcast(payload, options)
  }

  async sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void> {
    if (this.#core.phase !== 'ended') await this.#frames.seam.sendTo(peer, payload, options)
  }

  announce(presence: 'here' | 'hidden' | 'away'): void {
    this.#take({ kind: 'announce', presence })
  }

  setPolicy(change: Partial<AdmissionPolicy>): void {
    this.#checkHosts()
    this.#take({ kind: 'policy', change: checkedPolicy(change, this.policy.get()) })
  }

  kick(peer: PeerId, options: { readonly ban?: boolean | undefined } = {}): void {
    this.#checkHosts()
    this.#take({ kind: 'kick', peer, ban: options.ban === true })
  }

  leave(): Promise<void> {
    this.#take({ kind: 'leave' })
    return this.#ending ?? Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave()
  }

  #checkHosts(): void {
    if (!this.#core.hosts) throw new NotHostError(this.host.get())
  }

  /* ── The core's way in and out ─────────────────────────────────────────────────────────────── */

  /** One input after the other: what an effect brings about waits until the step is done. */
  #take(input: RoomInput): void {
    this.#inputs.push(input)
    if (this.#isStepping) return
    this.#isStepping = true
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        const effects = this.#core.step(next, this.#settings.clock.now())
        this.#show()
        for (const effect of effects) this.#carryOut(effect)
      }
    } finally {
      this.#isStepping = false
    }
  }

  #carryOut(effect: RoomEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#base.control.send(effect.to, effect.message)
        break
      case 'event':
        this.#events.push(effect.event)
        break
      case 'hello': {
        const { to } = effect
        const epoch = this.#core.state?.epoch ?? 0
        const exchange = { ...effect, from: this.selfId, epoch }
        this.#after(this.#keys.hello(exchange), (message) => this.#base.control.send(to, message))
        break
      }
      case 'vet': {
        const { from, hello } = effect
        const state = this.#core.state as RoomState
        const isNewcomer = hello.token === null && memberOf(state, from) === undefined
        const vetting = this.#keys.vet(state, hello, { from, to: this.selfId }, isNewcomer)
        this.#after(vetting, (found) => this.#take({ kind: 'vetted', from, hello, vetting: found }))
        break
      }
      case 'issue': {
        const { to, key } = effect
        const issued = this.#keys.issue((this.#core.state as RoomState).roomId, to, key)
        this.#after(issued, (token) => this.#take({ kind: 'issued', to, token }))
        break
      }
      case 'trust': {
        const { from, token, state, by } = effect
        const found = this.#keys.isRightful(state, from, by)
        this.#after(found, (isRightful) => this.#take({ kind: 'trusted', token, state, isRightful }))
        break
      }
      case 'token':
        this.#token = effect.token
        break
      case 'admitted':
        this.#entrance.settle({ kind: 'success' })
        break
      case 'refused':
        this.#entrance.settle(effect)
        break
      case 'ended':
        this.#end(effect.reason)
    }
  }

  /** `work` is signing and checking: what becomes of it counts only while the room lives. */
  #after<T>(work: Promise<T>, then: (value: T) => void): void {
    this.#io(work).then(
      (value) => {
        if (this.#core.phase !== 'ended') then(value)
      },
      // A key that cannot sign is found out by whoever waits for its signature, within a bound.
      () => {},
    )
  }

  #io<T>(work: Promise<T>): Promise<T> {
    return tracked(this.#settings.clock, work)
  }

  /* ── What is shown ─────────────────────────────────────────────────────────────────────────── */

  /** Brings the levels up to date: who hears of an event reads them as they are after it. */
  #show(): void {
    if (!this.#levels.show(this.#core, this.#base.isTorn)) return
    this.#showMembers(this.#frames)
    for (const { channel } of this.#channels.values()) this.#showMembers(channel)
  }

  #showMembers(channel: MemberChannel): void {
    const { state, view, phase } = this.#core
    if (state === null || phase === 'ended') return
    const away = view?.members.filter((member) => member.away !== null) ?? []
    channel.setMembers(
      new Set(state.members.map(({ id }) => id)),
      new Set(away.map(({ id }) => id)),
      (peer) => memberOf(state, peer)?.was ?? null,
      (peer) => state.departed.some(({ id, reason }) => id === peer && reason === 'left'),
    )
  }

  #makeChannel(id: string | null, keepBytes: number): MemberChannel {
    const { random } = this.#settings
    return new MemberChannel({
      selfId: this.#core.selfId,
      keepBytes,
      reachesAll: id === null,
      random,
      onHeard: (from) => this.#take({ kind: 'heard', from }),
      onMissed: (peer, frames) => this.#events.push({ kind: 'missed', peer, channel: id, frames }),
      onClose: () => {
        if (id !== null) this.#channels.delete(id)
      },
    })
  }

  /* ── The seam and the clock ────────────────────────────────────────────────────────────────── */

  #attach(): void {
    const base = this.#base
    this.#frames.attach(base.frames)
    for (const [id, { channel }] of this.#channels) channel.attach(base.channel(id))
    base.listen({
      onLinks: (peers) => this.#take({ kind: 'links', peers }),
      onTorn: () => this.#take({ kind: 'torn' }),
      onMessage: (from, message) => this.#take({ kind: 'message', from, message }),
    })
  }

  #arm(): void {
    const { clock, timing } = this.#settings
    this.#timer = clock.setTimeout(() => {
      this.#take({ kind: 'tick', stalled: this.#base.control.stalledFor(timing.minTimeoutMs) })
      if (this.#core.phase !== 'ended') this.#arm()
    }, timing.intervalMs / 4)
  }

  /* ── The end ───────────────────────────────────────────────────────────────────────────────── */

  #end(reason: EndReason): void {
    this.#settings.clock.clearTimeout(this.#timer)
    this.#levels.end(reason)
    this.#events.end()
    this.#entrance.end(reason)
    this.#ending ??= this.#shutDown(reason)
  }

  async #shutDown(reason: EndReason): Promise<void> {
    const { clock } = this.#settings
    const closed: CloseReason = { kind: reason === 'left' ? 'normal' : 'remote-requested' }
    this.#tearChannels(closed)
    this.#frames.tear(closed)
    const base = this.#base
    await withinMs(clock, LEAVE_DRAIN_MS, base.control.drained(), () => new Error('late')).catch(() => {})
    await withinMs(clock, LEAVE_DRAIN_MS, base.close(closed), () => new Error('late')).catch(() => {})
  }

  #tearChannels(reason: CloseReason): void {
    const open = [...this.#channels.values()]
    this.#channels.clear()
    for (const { channel } of open) channel.tear(reason)
  }
}

const TOKEN_INVALID: ResumeResult = { kind: 'refused', code: 'resume-token-invalid', retryable: false }
