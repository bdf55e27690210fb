import { equalBytes } from '../../../base/bytes.ts'
import type { EndReason } from '../../contract.ts'
import type { Phase, RoomEffect } from '../../core/membership.ts'
import type { RoomInput } from '../../core/room-core.ts'
import { isNewer, type MemberRecord, memberOf, type RoomState, viewOf } from '../../core/room-state.ts'
import type { Device } from './device.ts'
import type { Life } from './life.ts'
import type { RoomWorld } from './room-world.ts'
import { ROOM_ID, SETTINGS } from './settings.ts'

export type Rule =
  /** A seat (id, key, name, place) is its owner's, on every copy. */
  | 'own seat'
  /** Who is in a room stays in that room. */
  | 'one room'
  /** A copy is never exchanged for an older one. */
  | 'no way back'
  /** Of one host there is one state under one epoch and version. */
  | 'one word'
  /** Nobody expires who is in reach of who says so. */
  | 'reachable stays'
  /** A place is held for a whole window after its owner was last in reach. */
  | 'held for a window'
  /** A new host takes over roster, rules, issuers and windows as they were. */
  | 'handed on'
  /** Nobody ends who did not leave, was not sent away and was not torn off for a window. */
  | 'nobody lost'
  /** A token that a host of the room issued is never called a forgery by a host that knows this issuer. */
  | 'token stands'
  /** Calm brings one host, and everybody on every roster, within the bound. */
  | 'converges'
  /** What has converged stays as it is. */
  | 'settles'

export class RuleError extends Error {
  override readonly name = 'RuleError'
  readonly rule: Rule

  constructor(rule: Rule, message: string) {
    super(`${rule}: ${message}`)
    this.rule = rule
  }
}

export interface Before {
  readonly state: RoomState | null
  readonly phase: Phase
  readonly hosts: boolean
}

export interface Counts {
  admitted: number
  resumed: number
  expired: number
  kicked: number
  successions: number
  handovers: number
  merges: number
}

/**
 * What has to hold after every step, whatever has failed. The world knows what the cores cannot: who is whose, who is
 * in whose reach, and since when.
 */
export class RoomRules {
  readonly counts: Counts = {
    admitted: 0,
    resumed: 0,
    expired: 0,
    kicked: 0,
    successions: 0,
    handovers: 0,
    merges: 0,
  }
  readonly #world: RoomWorld
  readonly #words: Map<string, number> = new Map()
  /** By credential, who issued it. */
  readonly #issued: Map<string, Uint8Array> = new Map()
  readonly #wereSentAway: Set<string> = new Set()

  constructor(world: RoomWorld) {
    this.#world = world
  }

  /** Called after every step of every core. */
  stepped(life: Life, input: RoomInput, before: Before, effects: readonly RoomEffect[]): void {
    const { state } = life.core
    if (life.device.isStranger) this.#expect(state === null, 'own seat', 'a stranger is in')
    this.#count(life, input, effects)
    if (input.kind === 'vetted') this.#checkToken(life, input, effects)
    if (input.kind === 'issued') this.#issued.set(input.token.credential ?? '', life.device.identity.publicKey)
    if (state === null || state === before.state) {
      if (input.kind === 'leave' && before.hosts) this.#checkHandover(before.state, effects)
      return
    }
    this.#checkSeats(life, state)
    if (before.state !== null) this.#checkStep(life, input, before.state, state)
    if (life.core.hosts) this.#checkWord(state)
  }

  ended(life: Life, reason: EndReason | null): void {
    const isOurs = reason === null || reason === 'left' || life.device.isStranger
    const wasTorn =
      reason === 'unreachable' &&
      life.tornSinceMs !== null &&
      this.#world.nowMs - life.tornSinceMs >= SETTINGS.windowMs - SLACK_MS
    const wasSentAway = reason === 'kicked' && this.#wereSentAway.has(life.person)
    this.#expect(isOurs || wasTorn || wasSentAway, 'nobody lost', `${life.peer} ended: ${reason}`)
  }

  #checkSeats(life: Life, state: RoomState): void {
    this.#expect(state.roomId === ROOM_ID, 'one room', `${life.peer} is in ${state.roomId}`)
    const host = memberOf(state, state.host)
    this.#expect(host !== undefined, 'own seat', `${life.peer} has a host that is no member: ${state.host}`)
    const places = new Set(state.members.map(({ seniority }) => seniority))
    const ids = new Set(state.members.map(({ id }) => id))
    const { length } = state.members
    this.#expect(ids.size === length && places.size === length, 'own seat', `a seat is there twice at ${life.peer}`)
    for (const member of state.members) {
      const owner = this.#ownerOf(member)
      const isWhole =
        owner !== undefined && equalBytes(owner.identity.publicKey, member.key) && member.name === owner.name
      this.#expect(isWhole, 'own seat', `${life.peer} shows ${member.name} as ${member.id}`)
    }
  }

  #ownerOf({ id }: MemberRecord): Device | undefined {
    return this.#world.persons.find(({ name }) => id === name || id.startsWith(`${name}.`))
  }

  #checkStep(life: Life, input: RoomInput, before: RoomState, after: RoomState): void {
    this.#expect(!isNewer(before, after), 'no way back', `${life.peer} went ${wordOf(before)} → ${wordOf(after)}`)
    if (!life.core.hosts) return
    // What this host has decided on its own; what it was told is checked where it was said.
    const isTold = input.kind === 'message' && (input.message.kind === 'roster' || input.message.kind === 'welcome')
    if (isTold || input.kind === 'trusted') return
    if (before.host !== life.peer && after.host === life.peer) this.#checkTakeover(before, after)
    if (before.host === life.peer) this.#checkPlaces(before, after)
    for (const { id, reason } of after.departed) {
      const gone = memberOf(before, id)
      const isGone = gone !== undefined && memberOf(after, id) === undefined
      if (isGone && reason === 'expired') this.#checkExpiry(life, gone, before)
    }
  }

  /** A member's place and key never change in a host's hands, under whatever id it comes back. */
  #checkPlaces(before: RoomState, after: RoomState): void {
    for (const { seniority, key } of after.members) {
      const known = before.members.find((member) => member.seniority === seniority)
      this.#expect(known === undefined || equalBytes(known.key, key), 'own seat', `place ${seniority} changed hands`)
    }
  }

  #checkExpiry(life: Life, gone: MemberRecord, before: RoomState): void {
    this.counts.expired++
    const { nowMs } = this.#world
    const owner = this.#ownerOf(gone)
    if (owner?.life == null || owner.life.peer !== gone.id) return
    const other = owner.life
    const what = `${life.peer} lets ${gone.id} expire`
    const lastMs = this.#world.lastInTouchMs(life.device, owner)
    const wasFollowing = other.followsSinceMs !== null && other.core.state?.host === before.host
    // Both in one room under one host: what they say to each other counts.
    if (!wasFollowing || life.followsSinceMs === null) return
    const touchMs = this.#world.inTouchSinceMs(life.device, owner)
    if (touchMs !== null) {
      const sinceMs = Math.max(touchMs, other.followsSinceMs ?? nowMs, this.#watchedSinceMs(life, before))
      const inTouchMs = nowMs - sinceMs
      this.#expect(
        inTouchMs < this.#world.noticeMs,
        'reachable stays',
        `${what}, in touch for ${inTouchMs.toFixed(0)} ms`,
      )
    } else {
      const heldMs = nowMs - lastMs
      this.#expect(
        heldMs >= SETTINGS.windowMs - SLACK_MS,
        'held for a window',
        `${what} after ${heldMs.toFixed(0)} ms: ${JSON.stringify(gone.away)}`,
      )
    }
  }

  /** A new host judges its predecessor as it found it before. */
  #watchedSinceMs(life: Life, before: RoomState): number {
    return before.host === life.peer ? (life.followsSinceMs ?? this.#world.nowMs) : 0
  }

  #checkTakeover(before: RoomState, after: RoomState): void {
    this.counts.successions++
    this.#checkHandedOn(before, after)
    for (const member of before.members) {
      const there = memberOf(after, member.id)
      if (member.away === null || there === undefined || there.away === null) continue
      const keptMs = there.away.untilMs - member.away.untilMs
      this.#expect(keptMs > -1, 'handed on', `the window of ${member.id} is ${-keptMs} ms shorter`)
    }
  }

  #checkHandover(before: RoomState | null, effects: readonly RoomEffect[]): void {
    for (const effect of effects) {
      if (before === null || effect.kind !== 'send' || effect.message.kind !== 'roster') continue
      this.counts.handovers++
      this.#checkHandedOn(before, effect.message.state)
      return
    }
  }

  #checkHandedOn(before: RoomState, after: RoomState): void {
    this.#expect(after.epoch > before.epoch, 'handed on', `epoch ${before.epoch} → ${after.epoch}`)
    const marks = [before, after].map(({ policy }) => [...policy.deny].join())
    this.#expect(marks[0] === marks[1], 'handed on', `rules ${marks.join(' → ')}`)
    this.#expect(before.policy.maxMembers === after.policy.maxMembers, 'handed on', 'the room has another size')
    for (const member of before.members) {
      if (member.id === before.host) continue
      const there = memberOf(after, member.id)
      const isSame = there !== undefined && equalBytes(there.key, member.key) && there.seniority === member.seniority
      this.#expect(isSame, 'handed on', `${member.id} lost its seat`)
    }
    const known = new Set(after.issuers.map(({ id }) => id))
    const lost = before.issuers.filter(({ id }) => !known.has(id))
    this.#expect(lost.length === 0 || after.issuers.length === 32, 'handed on', 'tokens of earlier hosts')
  }

  #checkWord(state: RoomState): void {
    const { digest } = viewOf(state)
    const word = `${wordOf(state)} of ${state.host}`
    const said = this.#words.get(word)
    this.#expect(said === undefined || said === digest, 'one word', `two states ${word}`)
    this.#words.set(word, digest)
  }

  #checkToken(life: Life, input: RoomInput & { kind: 'vetted' }, effects: readonly RoomEffect[]): void {
    const { token } = input.hello
    if (token === null || input.from === 'thief' || !life.core.hosts) return
    const isCalledForged = effects.some((effect) => {
      return (
        effect.kind === 'send' && effect.message.kind === 'reject' && effect.message.code === 'resume-token-invalid'
      )
    })
    const issuer = this.#issued.get(token.credential ?? '')
    const isKnown = issuer !== undefined && life.core.state?.issuers.some(({ key }) => equalBytes(key, issuer)) === true
    this.#expect(!isCalledForged || !isKnown, 'token stands', `${life.peer} calls ${token.peerId}'s token forged`)
  }

  #count(life: Life, input: RoomInput, effects: readonly RoomEffect[]): void {
    if (input.kind === 'kick') this.counts.kicked++
    for (const effect of effects) {
      if (effect.kind === 'admitted') this.counts[effect.resumed ? 'resumed' : 'admitted']++
      if (effect.kind !== 'send') continue
      if (effect.message.kind === 'evicted' && effect.message.reason === 'kicked') this.#sentAway(effect.to)
      if (effect.message.kind === 'reject' && effect.message.code === 'kicked') this.#sentAway(effect.to)
      if (effect.message.kind === 'yield' && life.core.phase === 'outside') this.counts.merges++
    }
  }

  #sentAway(peer: string): void {
    const owner = this.#world.persons.find(({ life }) => life?.peer === peer)
    if (owner !== undefined) this.#wereSentAway.add(owner.name)
  }

  #expect(holds: boolean, rule: Rule, message: string): void {
    if (!holds) throw new RuleError(rule, `at ${this.#world.nowMs.toFixed(0)} ms ${message}`)
  }
}

/** Clocks are looked at a few times in an interval. */
const SLACK_MS = 2 * SETTINGS.intervalMs

function wordOf({ epoch, version }: RoomState): string {
  return `${epoch}.${version}`
}
