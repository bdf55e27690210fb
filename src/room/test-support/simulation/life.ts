import type { PeerId } from '../../../seam/contract.ts'
import type { ResumeToken } from '../../../seam/resume-token.ts'
import { decodeRoomMessage, encodeRoomMessage } from '../../codec.ts'
import type { EndReason, RejectCode } from '../../contract.ts'
import type { RoomEffect } from '../../core/membership.ts'
import type { RoomMessage } from '../../core/message.ts'
import { RoomCore, type RoomInput } from '../../core/room-core.ts'
import { memberOf, type RoomState } from '../../core/room-state.ts'
import { defaultPolicy } from '../../profile.ts'
import { RoomKeys } from '../../room-keys.ts'
import type { Device } from './device.ts'
import type { Station } from './mesh.ts'
import type { RoomWorld } from './room-world.ts'
import { MAX_MEMBERS_HERE, ROOM_ID, SETTINGS } from './settings.ts'

/** One process of a device: the core, the codec and the keys of a room, driven over the mesh. */
export class Life implements Station {
  peer: PeerId
  readonly device: Device
  readonly core: RoomCore
  /** On the mesh. Not while its seam is torn. */
  isAttached = false
  tornSinceMs: number | null = null
  /** Since when it has been in the room under the host that it has now; `null` outside. */
  followsSinceMs: number | null = null
  readonly #world: RoomWorld
  readonly #keys: RoomKeys
  readonly #inputs: RoomInput[] = []
  #isStepping = false

  constructor(world: RoomWorld, device: Device, peer: PeerId) {
    this.#world = world
    this.device = device
    this.peer = peer
    const { identity } = device
    const { random } = world
    this.core = new RoomCore({ selfId: peer, key: identity.publicKey, timing: SETTINGS, random }, device.now())
    this.#keys = new RoomKeys({
      identity,
      verify: (key, bytes, signature) => Promise.resolve(world.verify(key, bytes, signature)),
      admit: () => ({ kind: 'admit' }),
      password: null,
      clock: device,
      random,
      timing: SETTINGS,
      profile: { name: device.name, deviceId: device.name, metadata: new Uint8Array(0), spectator: false },
    })
    this.attach()
    this.#tickSoon()
  }

  get person(): string {
    return this.device.name
  }

  get isOver(): boolean {
    return this.core.phase === 'ended'
  }

  /* ── What the application does ─────────────────────────────────────────────────────────────── */

  found(): void {
    const { publicKey: key } = this.device.identity
    const { peer: id } = this
    const profile = { name: this.person, deviceId: this.person, metadata: new Uint8Array(0), spectator: false }
    const member = { ...profile, id, key, hidden: false, seniority: 0, resumes: 0, was: null, away: null }
    const issuer = { epoch: 1, id, key, title: '', titleIssuedAt: Math.floor(this.device.wallNow()) }
    const policy = { ...defaultPolicy(), maxMembers: MAX_MEMBERS_HERE }
    const about = { roomId: ROOM_ID, epoch: 1, version: 1, host: id, policy, nextSeniority: 1, departed: [] }
    this.#after(this.#keys.issue(ROOM_ID, id, key), (token) => {
      this.device.keep(token)
      this.take({ kind: 'found', token, state: { ...about, issuers: [issuer], members: [member] } })
    })
  }

  join(token: ResumeToken | null): void {
    this.take({ kind: 'join', token })
    this.#world.after(SETTINGS.admitTimeoutMs, () => {
      if (this.core.state === null && !this.isOver && !this.device.isStranger) this.vanish()
    })
  }

  attach(): void {
    this.isAttached = true
    this.#world.mesh.attach(this)
  }

  /** The seam tears; the process goes on without. */
  tear(): void {
    this.isAttached = false
    this.tornSinceMs = this.#world.nowMs
    this.#world.mesh.detach(this, 'vanished')
    this.take({ kind: 'torn' })
    this.take({ kind: 'links', peers: new Set() })
  }

  /** Another seam, perhaps under another id. */
  reattach(peer: PeerId): void {
    if (this.isAttached || this.isOver) return
    this.peer = peer
    this.tornSinceMs = null
    this.take({ kind: 'reattached', selfId: peer })
    this.attach()
  }

  /** The process ends without a word. */
  vanish(): void {
    this.#world.mesh.detach(this, 'vanished')
    this.device.ended(this, null)
  }

  /* ── The core's way in and out ─────────────────────────────────────────────────────────────── */

  onLinks(peers: ReadonlySet<PeerId>): void {
    this.take({ kind: 'links', peers })
  }

  onFrame(from: PeerId, frame: Uint8Array): void {
    if (this.device.life !== this) return
    if (frame.length === 0) {
      this.take({ kind: 'heard', from })
      return
    }
    // Windows travel as time left, so it counts when the frame is read.
    this.device.whenAwake(() => {
      const message = decodeRoomMessage(frame, this.device.now())
      if (message === null && from !== 'thief') throw new Error('a frame of ours was not understood')
      if (message === null) return
      this.#world.trace(() => `${from} → ${this.peer} ${inWords(message)}`)
      this.take({ kind: 'message', from, message })
    })
  }

  take(input: RoomInput): void {
    if (this.device.life !== this) return
    if (this.device.isFrozen) {
      this.device.whenAwake(() => this.take(input))
      return
    }
    this.#inputs.push(input)
    if (this.#isStepping) return
    this.#isStepping = true
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#step(next)
    this.#isStepping = false
  }

  #step(input: RoomInput): void {
    const { core } = this
    const before = { state: core.state, phase: core.phase, hosts: core.hosts }
    const effects = core.step(input, this.device.now())
    const isSameOffice = before.phase === core.phase && before.state?.host === core.state?.host
    if (core.phase !== 'inside') this.followsSinceMs = null
    else if (!isSameOffice || this.followsSinceMs === null) this.followsSinceMs = this.#world.nowMs
    this.#world.stepped(this, input, before, effects)
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: RoomEffect): void {
    switch (effect.kind) {
      case 'send':
        this.say(effect.to, effect.message)
        break
      case 'hello': {
        const exchange = { ...effect, from: this.peer, epoch: this.core.state?.epoch ?? 0 }
        this.#after(this.#keys.hello(exchange), (message) => this.say(effect.to, message))
        break
      }
      case 'vet': {
        const { from, hello } = effect
        const state = this.core.state as RoomState
        const isNewcomer = hello.token === null && memberOf(state, from) === undefined
        const vetting = this.#keys.vet(state, hello, { from, to: this.peer }, isNewcomer)
        this.#after(vetting, (found) => this.take({ kind: 'vetted', from, hello, vetting: found }))
        break
      }
      case 'issue': {
        const { to, key } = effect
        const issued = this.#keys.issue((this.core.state as RoomState).roomId, to, key)
        this.#after(issued, (token) => this.take({ kind: 'issued', to, token }))
        break
      }
      case 'trust': {
        const { from, token, state, by } = effect
        const found = this.#keys.isRightful(state, from, by)
        this.#after(found, (isRightful) => this.take({ kind: 'trusted', token, state, isRightful }))
        break
      }
      case 'token':
        this.device.keep(effect.token)
        break
      case 'refused':
        this.#refused(effect.code, effect.retryable)
        break
      case 'ended':
        this.#ended(effect.reason)
        break
      case 'admitted':
      case 'event':
        this.#world.trace(() => `${this.peer}: ${effect.kind === 'event' ? inWords(effect.event) : 'admitted'}`)
    }
  }

  say(to: PeerId, message: RoomMessage): void {
    if (this.isAttached) this.#world.mesh.send(this, to, encodeRoomMessage(message, this.device.now()))
  }

  /** The application hears that its `join` was refused, and gives the token up where that is final. */
  #refused(code: RejectCode, retryable: boolean): void {
    this.#world.trace(() => `${this.peer}: refused, ${code}`)
    if (this.device.isStranger) return
    if (!retryable) this.device.keep(null)
    this.vanish()
  }

  #ended(reason: EndReason): void {
    this.#world.trace(() => `${this.peer}: ended, ${reason}`)
    if (this.isAttached) this.#world.mesh.detach(this, 'closed')
    if (reason !== 'unreachable') this.device.keep(null)
    this.device.ended(this, reason)
  }

  #after<T>(work: Promise<T>, then: (value: T) => void): void {
    this.#world.whenDone(work, (value) => {
      if (!this.isOver && this.device.life === this) then(value)
    })
  }

  #tickSoon(): void {
    this.#world.after(SETTINGS.intervalMs / 4, () => {
      if (this.device.life !== this) return
      this.device.whenAwake(() => {
        this.take({ kind: 'tick', stalled: this.#world.mesh.stalledFor(this, SETTINGS.minTimeoutMs) })
        this.#tickSoon()
      })
    })
  }
}

/** For a trace: what it says, without keys. */
function inWords(said: { readonly kind: string }): string {
  return JSON.stringify(said, (name, value: unknown) => {
    if (value instanceof Uint8Array || ['issuers', 'credential', 'policy', 'metadata', 'deviceId'].includes(name))
      return undefined
    return value instanceof Set ? [...(value as Set<unknown>)] : value
  })
}
