import { randomBetween } from '../../../base/random.ts'
import type { PeerId } from '../../../seam/contract.ts'
import type { ResumeToken } from '../../../seam/resume-token.ts'
import { memberOf, type RoomState } from '../../core/room-state.ts'
import { PROTOCOL_VERSION, type RoomMessage } from '../../core/message.ts'
import { issueToken } from '../../resume-credential.ts'
import type { Device } from './device.ts'
import type { Life } from './life.ts'
import type { Misfortunes } from './mixes.ts'
import type { RoomWorld } from './room-world.ts'
import { ROOM_ID, SETTINGS } from './settings.ts'

/** Draws what goes wrong next, and makes it happen. */
export class Fate {
  readonly #world: RoomWorld
  readonly #weights: readonly (readonly [keyof Misfortunes, number])[]
  #marks = 0

  constructor(world: RoomWorld) {
    this.#world = world
    this.#weights = Object.entries(world.mix.misfortunes) as [keyof Misfortunes, number][]
  }

  strike(): void {
    const sum = this.#weights.reduce((total, [, weight]) => total + weight, 0)
    let left = this.#world.random() * sum
    const found = this.#weights.find(([, weight]) => (left -= weight) < 0)
    if (found !== undefined) this.#happen(found[0])
  }

  #happen(what: keyof Misfortunes): void {
    const world = this.#world
    const one = this.#anyOf(world.persons)
    const other = this.#anyOf(world.persons)
    const host = this.#host()
    world.trace(() => `-- ${what} (${one.name}, ${other.name}; ${host?.name} hosts)`)
    switch (what) {
      case 'cut':
        world.mesh.cut(one.name, other.name)
        return world.mesh.cut(other.name, one.name)
      case 'cutOneWay':
        return world.mesh.cut(one.name, other.name)
      case 'clog':
        return world.mesh.cut(one.name, other.name, { clogged: true })
      case 'isolate':
        return this.#split([one])
      case 'isolateHost':
        return this.#split([host ?? one])
      case 'split':
        return this.#split(world.persons.filter(() => world.random() < 0.5))
      case 'heal':
        return world.mesh.heal()
      case 'crash':
        return this.#end(one, (life) => life.vanish())
      case 'crashHost':
        return this.#end(host ?? one, (life) => life.vanish())
      case 'reload':
        return this.#reload(one)
      case 'reloadHost':
        return this.#reload(host ?? one)
      case 'tear':
        return this.#end(one, (life) => this.#tear(life))
      case 'leave':
        return this.#end(one, (life) => life.take({ kind: 'leave' }))
      case 'leaveHost':
        return this.#end(host ?? one, (life) => life.take({ kind: 'leave' }))
      case 'freeze':
        return this.#freeze(one)
      case 'hide':
        return one.life?.take({ kind: 'announce', presence: world.random() < 0.5 ? 'hidden' : 'here' })
      case 'skipClock':
        return one.skip(randomBetween(world.random, 2 * SETTINGS.intervalMs + 100, 20 * SETTINGS.windowMs))
      case 'moveWall':
        return one.moveWall(randomBetween(world.random, -60_000, 60_000))
      case 'policy':
        return host?.life?.take({ kind: 'policy', change: { deny: new Set([`nobody-${++this.#marks}`]) } })
      case 'kick':
        return host?.life?.take({ kind: 'kick', peer: other.life?.peer ?? other.name, ban: false })
      case 'chat':
        return this.#chat(one, other)
      case 'steal':
        return this.#steal(other)
      case 'forge':
        return this.#forge(other)
    }
  }

  /* ── Links ─────────────────────────────────────────────────────────────────────────────────── */

  #split(side: readonly Device[]): void {
    const { mesh, persons } = this.#world
    for (const here of side) {
      for (const there of persons) {
        if (side.includes(there)) continue
        mesh.cut(here.name, there.name)
        mesh.cut(there.name, here.name)
      }
    }
  }

  #chat(one: Device, other: Device): void {
    if (one.life !== null && other.life !== null && !one.isFrozen) {
      this.#world.mesh.send(one.life, other.life.peer, new Uint8Array(0))
    }
  }

  /* ── Pages ─────────────────────────────────────────────────────────────────────────────────── */

  /** A room that nobody is left of is over, so somebody always is. */
  #end(device: Device, how: (life: Life) => void): void {
    const { life } = device
    if (life === null || !life.isAttached || device.isFrozen) return
    const others = this.#world.carriers.filter((each) => each !== life)
    if (others.length > 0) how(life)
  }

  #reload(device: Device): void {
    this.#end(device, (life) => {
      life.vanish()
      device.come()
    })
  }

  #tear(life: Life): void {
    life.tear()
    this.#world.after(randomBetween(this.#world.random, 50, 1.5 * SETTINGS.windowMs), () => {
      if (life.device.life === life) life.reattach(life.device.nextPeer())
    })
  }

  #freeze(device: Device): void {
    const { life } = device
    if (life === null || device.isFrozen) return
    const isAnnounced = this.#world.random() < 0.5
    if (isAnnounced) life.take({ kind: 'announce', presence: 'away' })
    device.freeze()
    this.#world.after(randomBetween(this.#world.random, 300, 2 * SETTINGS.windowMs), () => {
      if (device.life !== life) return
      device.thaw()
      if (isAnnounced) life.take({ kind: 'announce', presence: 'here' })
    })
  }

  /* ── A stranger ────────────────────────────────────────────────────────────────────────────── */

  /** Comes with the token of another: as it was found, or signed anew. */
  #steal(victim: Device): void {
    const { token } = victim
    const { thief, random } = this.#world
    if (token === null) return
    if (random() < 0.5) this.#use(token)
    else {
      const issuedAt = Math.floor(thief.wallNow())
      const what = { roomId: ROOM_ID, peerId: token.peerId, ownerKey: thief.identity.publicKey }
      const forged = issueToken(thief.identity, { ...what, issuedAt, expiresAt: issuedAt + SETTINGS.tokenLifeMs })
      this.#world.whenDone(forged, (own) => this.#use(own))
    }
  }

  #use(token: ResumeToken): void {
    const { thief, isCalm } = this.#world
    if (isCalm) return
    if (thief.life === null) thief.come(token)
    else thief.life.take({ kind: 'join', token })
  }

  /** Says what only a host, or a member, may say. */
  #forge(victim: Device): void {
    const { thief, random } = this.#world
    const { life } = thief
    const state = victim.life?.core.state
    const to = victim.life?.peer
    if (life === null || state == null || to === undefined) return
    life.say(to, this.#anyOf(forgeries(life.peer, to, state, Math.floor(random() * 3))))
  }

  #host(): Device | undefined {
    return this.#world.persons.find(({ life }) => life?.core.hosts === true)
  }

  #anyOf<T>(items: readonly T[]): T {
    return items[Math.floor(this.#world.random() * items.length)] as T
  }
}

function forgeries(self: PeerId, victim: PeerId, state: RoomState, leap: number): readonly RoomMessage[] {
  const { roomId } = state
  const epoch = state.epoch + leap
  const old = memberOf(state, state.host)
  const members = old === undefined ? [] : [...state.members.filter(({ id }) => id !== self), { ...old, id: self }]
  const mine: RoomState = { ...state, epoch, version: state.version + 1, host: self, members }
  const token: ResumeToken = { peerId: victim, roomId, issuedAt: 0, credential: 'AQ' }
  const nonce = 1
  return [
    { kind: 'here', version: PROTOCOL_VERSION, roomId, epoch, host: self, connected: 12, nonce },
    { kind: 'here', version: PROTOCOL_VERSION, roomId, epoch, host: victim, connected: 12, nonce },
    { kind: 'roster', state: mine },
    { kind: 'roster', state: { ...state, epoch: epoch + 1, members: state.members.slice(0, 1) } },
    { kind: 'welcome', token, state: mine },
    { kind: 'token', token },
    { kind: 'reject', code: 'kicked', retryable: false },
    { kind: 'presence', presence: 'away' },
    { kind: 'goodbye' },
    { kind: 'evicted', reason: 'kicked' },
    { kind: 'yield', to: self },
    { kind: 'merge' },
  ]
}
