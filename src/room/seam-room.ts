import { orAborted, throwIfAborted, withinMs } from '../base/abort.ts'
import { type Clock, tracked } from '../base/clock.ts'
import { AdmissionRefusedError, ClosedError, ConfigError, NotHostError } from '../base/errors.ts'
import { mapStream } from '../base/map-stream.ts'
import { observable, type ReadableAtom } from '../base/observable.ts'
import type { Random } from '../base/random.ts'
import type { CloseReason, PeerId, PeerIdentity, Seam, SendOptions, WaitOptions } from '../seam/contract.ts'
import { MuxSeam } from '../seam/mux-seam.ts'
import { NamedMux } from '../seam/named-mux.ts'
import type { ResumeToken } from '../seam/resume-token.ts'
import { ControlLine } from './control-line.ts'
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
import { rosterOf, type RosterView } from './core/roster-view.ts'
import { RoomCore, type RoomInput } from './core/room-core.ts'
import { memberOf, type RoomState } from './core/room-state.ts'
import { MemberChannel } from './member-channel.ts'
import { EventStream } from './event-stream.ts'
import { checkedPolicy, defaultPolicy } from './profile.ts'
import { RoomKeys } from './room-keys.ts'

/** Channels of the mux that a room puts on its seam. A game's own are 1 to 3, so neither takes the other's frames for its own. */
const CONTROL_TAG = 16
const FRAMES_TAG = 17
const CHANNELS_TAG = 18

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
  readonly #role = observable<RoomRole>('joiner')
  readonly #status = observable<RoomStatus>({ kind: 'joining' }, (a, b) => a.kind === b.kind)
  readonly #roster = observable<ReadonlyMap<PeerId, Member>>(new Map())
  readonly #host = observable<PeerId | null>(null)
  readonly #roomId = observable<RoomId | null>(null)
  readonly #localFabric = observable<LocalFabric>('up')
  readonly #policy = observable<AdmissionPolicy>(defaultPolicy())
  readonly #events = new EventStream<MembershipEvent>()
  readonly #frames: MemberChannel
  readonly #channels: Map<string, { readonly channel: MemberChannel; readonly whileAway: string }> = new Map()
  readonly #inputs: RoomInput[] = []
  #base: Base
  #stepping = false
  #shown: RosterView | null = null
  #timer: unknown
  #token: ResumeToken | null = null
  #waiting: Waiting | null = null
  #ending: Promise<void> | null = null

  constructor(seam: Seam, settings: RoomSettings) {
    this.#settings = settings
    const { clock, random, identity, timing } = settings
    this.#core = new RoomCore({ selfId: seam.selfId, key: identity.publicKey, timing, random }, clock.now())
    this.#keys = new RoomKeys(settings)
    this.#frames = this.#makeChannel(null, DEFAULT_KEEP_BYTES)
    this.#base = this.#attach(seam)
    this.#arm()
  }

  get selfId(): PeerId {
    return this.#core.selfId
  }

  get role(): ReadableAtom<RoomRole> {
    return this.#role
  }

  get status(): ReadableAtom<RoomStatus> {
    return this.#status
  }

  get roster(): ReadableAtom<ReadonlyMap<PeerId, Member>> {
    return this.#roster
  }

  get host(): ReadableAtom<PeerId | null> {
    return this.#host
  }

  get roomId(): ReadableAtom<RoomId | null> {
    return this.#roomId
  }

  get localFabric(): ReadableAtom<LocalFabric> {
    return this.#localFabric
  }

  get policy(): ReadableAtom<AdmissionPolicy> {
    return this.#policy
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
    const issuer = { epoch: 1, id, key, title: '', titleIssuedAt: clock.wallNow() }
    const about = { roomId, epoch: 1, version: 1, host: id, policy, nextSeniority: 1, departed: [] }
    this.#token = token
    this.#take({ kind: 'found', token, state: { ...about, issuers: [issuer], members: [member] } })
  }

  /** Resolves when admitted. The caller bounds it, and ends the room where it fails. */
  join(token: ResumeToken | null): Promise<void> {
    const admitted = new Promise<void>((resolve, reject) => {
      this.#waiting = {
        token,
        settle: (result) => {
          if (result.kind === 'success') resolve()
          else if (result.kind === 'refused') reject(new AdmissionRefusedError(result.code, result.retryable))
        },
        fail: reject,
      }
    })
    this.#take({ kind: 'join', token })
    return admitted
  }

  reattach(seam: Seam): void {
    if (this.#core.phase === 'ended') throw new ClosedError('the room has ended: join it anew')
    const before = this.#base
    before.release()
    if (seam.selfId !== this.selfId) this.#tearChannels({ kind: 'unreachable' })
    this.#base = this.#attach(seam)
    this.#take({ kind: 'reattached', selfId: seam.selfId })
    this.#take({ kind: 'links', peers: this.#linked() })
    if (before.seam !== seam) void before.seam.close()
  }

  async resume(token: ResumeToken, options: WaitOptions = {}): Promise<ResumeResult> {
    throwIfAborted(options.signal)
    const invalid: ResumeResult = { kind: 'refused', code: 'resume-token-invalid', retryable: false }
    if (this.#core.phase === 'ended') return { kind: 'refused', code: 'resume-window-expired', retryable: false }
    const roomId = this.#roomId.get()
    if (roomId !== null && token.roomId !== roomId) return invalid
    if (this.#status.get().kind === 'member') {
      return token.credential === this.#token?.credential || token.peerId === this.selfId
        ? { kind: 'success' }
        : invalid
    }
    return orAborted(this.#resuming(token), options.signal)
  }

  #resuming(token: ResumeToken): Promise<ResumeResult> {
    if (this.#waiting?.result !== undefined && this.#waiting.token?.credential === token.credential) {
      return this.#waiting.result
    }
    const { clock, timing } = this.#settings
    let settle: (result: ResumeResult) => void = () => {}
    const answered = new Promise<ResumeResult>((resolve) => (settle = resolve))
    const late = new Error('no answer to a resume')
    const waiting: Waiting = { token, settle: (result) => settle(result), fail: () => settle(WINDOW_OVER) }
    const result = withinMs(clock, timing.resumeTimeoutMs, answered, () => late).catch((error: unknown) => {
      if (error !== late) throw error
      if (this.#waiting === waiting) this.#waiting = null
      return { kind: 'timed-out' } as const
    })
    this.#waiting?.settle({ kind: 'timed-out' })
    this.#waiting = waiting
    waiting.result = result
    this.#take({ kind: 'join', token })
    return result
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
    const base = this.#base.named.channel(id)
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
    this.#take({ kind: 'policy', change: checkedPolicy(change, this.#policy.get()) })
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
    if (!this.#core.hosts) throw new NotHostError(this.#host.get())
  }

  /* ── The core's way in and out ─────────────────────────────────────────────────────────────── */

  /** One input after the other: what an effect brings about waits until the step is done. */
  #take(input: RoomInput): void {
    this.#inputs.push(input)
    if (this.#stepping) return
    this.#stepping = true
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        const effects = this.#core.step(next, this.#settings.clock.now())
        this.#show()
        for (const effect of effects) this.#carryOut(effect)
      }
    } finally {
      this.#stepping = false
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
        this.#settle({ kind: 'success' })
        break
      case 'refused':
        this.#settle(effect)
        break
      case 'ended':
        this.#end(effect.reason)
    }
  }

  #settle(result: ResumeResult): void {
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.settle(result)
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
    const { state, view, hosts, localFabric } = this.#core
    if (state !== null) this.#roomId.set(state.roomId)
    if (state !== null) this.#policy.set(state.policy)
    this.#localFabric.set(localFabric)
    if (view !== this.#shown) {
      this.#shown = view
      this.#host.set(view?.host ?? null)
      this.#roster.set(view === null ? new Map() : rosterOf(view, this.selfId))
      this.#showMembers(this.#frames)
      for (const { channel } of this.#channels.values()) this.#showMembers(channel)
    }
    this.#role.set(hosts ? 'host' : 'joiner')
    this.#status.set(this.#currentStatus())
  }

  #currentStatus(): RoomStatus {
    const before = this.#status.get()
    if (this.#core.phase === 'ended') return before
    if (this.#core.state === null) return { kind: 'joining' }
    const isIn = this.#core.phase === 'inside' && this.#base.seam.state.get().kind !== 'torn'
    return isIn ? { kind: 'member' } : { kind: 'rejoining' }
  }

  #showMembers(channel: MemberChannel): void {
    const { state, phase } = this.#core
    if (state === null || phase === 'ended') return
    const members = new Set(state.members.map(({ id }) => id))
    channel.setMembers(members, (peer) => memberOf(state, peer)?.was ?? null)
  }

  #makeChannel(id: string | null, keepBytes: number): MemberChannel {
    const { random } = this.#settings
    return new MemberChannel({
      selfId: this.#core.selfId,
      keepBytes,
      random,
      onHeard: (from) => this.#take({ kind: 'heard', from }),
      onMissed: (peer, frames) => this.#events.push({ kind: 'missed', peer, channel: id, frames }),
      onClose: () => {
        if (id !== null) this.#channels.delete(id)
      },
    })
  }

  /* ── The seam ──────────────────────────────────────────────────────────────────────────────── */

  #attach(seam: Seam): Base {
    const mux = new MuxSeam(seam)
    const channel = mux.channel(CONTROL_TAG)
    const control = new ControlLine(channel, this.#settings.clock)
    const named = new NamedMux(mux.channel(CHANNELS_TAG))
    this.#frames.attach(mux.channel(FRAMES_TAG))
    for (const [id, open] of this.#channels) open.channel.attach(named.channel(id))
    const unlisten = [
      channel.peers.listen(() => this.#take({ kind: 'links', peers: this.#linked() })),
      seam.state.listen((state) => {
        if (state.kind === 'torn') this.#take({ kind: 'torn' })
      }),
    ]
    void control.read((from, message) => this.#take({ kind: 'message', from, message }))
    const release = (): void => {
      for (const stop of unlisten) stop()
    }
    return { seam, channel, control, named, release }
  }

  /** To be called once, when `#base` is in place. */
  start(): void {
    this.#take({ kind: 'links', peers: this.#linked() })
  }

  #linked(): ReadonlySet<PeerId> {
    return new Set([...this.#base.channel.peers.get()].filter((peer) => peer !== this.#base.seam.selfId))
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
    this.#status.set({ kind: 'ended', reason })
    this.#events.end()
    this.#waiting?.fail(new ClosedError(`the room ended before this peer was admitted: ${reason}`))
    this.#waiting = null
    this.#ending ??= this.#shutDown(reason)
  }

  async #shutDown(reason: EndReason): Promise<void> {
    const { clock } = this.#settings
    const closed: CloseReason = { kind: reason === 'left' ? 'normal' : 'remote-requested' }
    this.#tearChannels(closed)
    this.#frames.tear(closed)
    const base = this.#base
    await withinMs(clock, LEAVE_DRAIN_MS, base.control.drained(), () => new Error('late')).catch(() => {})
    base.release()
    await withinMs(clock, LEAVE_DRAIN_MS, base.seam.close(closed), () => new Error('late')).catch(() => {})
  }

  #tearChannels(reason: CloseReason): void {
    const open = [...this.#channels.values()]
    this.#channels.clear()
    for (const { channel } of open) channel.tear(reason)
  }
}

/** Who waits to be let in. */
interface Waiting {
  readonly token: ResumeToken | null
  readonly settle: (result: ResumeResult) => void
  readonly fail: (error: Error) => void
  /** Of a resume, for whoever asks for the same. */
  result?: Promise<ResumeResult>
}

/** What a room has of the seam that it is on. */
interface Base {
  readonly seam: Seam
  readonly channel: Seam
  readonly control: ControlLine
  readonly named: NamedMux
  readonly release: () => void
}

const WINDOW_OVER: ResumeResult = { kind: 'refused', code: 'resume-window-expired', retryable: false }
