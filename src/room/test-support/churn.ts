import type { Random } from '../../base/random.ts'
import type { ResumeToken } from '../../seam/resume-token.ts'
import { seededRandom } from '../../sim/index.ts'
import type { Room } from '../contract.ts'
import { FAST, Party } from './party.ts'

/** How long after the last fault every roster has to be right: one that stood still, the host's, and one that the next host opened. */
export const CONVERGENCE_MS: number = 3 * FAST.windowMs + 12 * FAST.maxTimeoutMs

/** A room of `size` under cuts, crashes, returns, departures and naps; in the end everything is healed. */
export class Churn {
  readonly party: Party
  readonly #random: Random
  readonly #names: readonly string[]
  readonly #rooms: Map<string, Room> = new Map()
  readonly #coming: Set<string> = new Set()
  readonly log: string[] = []

  constructor(seed: number, size: number) {
    this.#random = seededRandom(seed)
    this.party = new Party({ seed, simulated: true })
    this.#names = Array.from({ length: size }, (_, i) => `p${i}`)
  }

  async run(steps: number): Promise<void> {
    const [first = 'p0', ...others] = this.#names
    this.#rooms.set(first, await this.party.host(first))
    for (const name of others) this.#rooms.set(name, await this.party.join(name))
    for (let i = 0; i < steps; i++) {
      this.#fault()
      await this.party.advance(this.#random() * 600)
    }
    this.#note('heal')
    this.party.network.heal()
    await this.party.advance(CONVERGENCE_MS)
  }

  /** What is wrong now; every live room is to be a member of one room that shows exactly them. */
  violations(): string[] {
    const live = [...this.#rooms].filter(([, room]) => room.status.get().kind !== 'ended')
    const hosts = new Set(live.map(([, room]) => room.host.get()))
    const wrong: string[] = []
    if (live.length > 0 && hosts.size !== 1) wrong.push(`hosts: ${[...hosts].join(', ')}`)
    for (const [name, room] of live) {
      const { kind } = room.status.get()
      const shown = [...room.roster.get().values()].map(
        (member) => member.id + (member.liveness.kind === 'away' ? '?' : ''),
      )
      const wanted = live.map(([other]) => other).filter((other) => other !== name)
      if (kind !== 'member') wrong.push(`${name} is ${kind}`)
      if (shown.toSorted().join() !== wanted.toSorted().join()) wrong.push(`${name} shows ${shown.join()}`)
    }
    return wrong
  }

  #fault(): void {
    const roll = this.#random()
    const [one, other] = [this.#pick(), this.#pick()]
    if (roll < 0.35 && one !== other) {
      this.#note(`cut ${one} ${other}`)
      this.party.network.cut(one, other, { oneWay: this.#random() < 0.2 })
    } else if (roll < 0.45) this.#isolate(one)
    else if (roll < 0.6) {
      this.#note('heal')
      this.party.network.heal()
    } else if (roll < 0.75) this.#reload(one)
    else if (roll < 0.85) this.#reattach(one)
    else if (roll < 0.92) this.#leave(one)
    else this.#come(one, undefined)
  }

  #isolate(name: string): void {
    this.#note(`isolate ${name}`)
    for (const other of this.#names) if (other !== name) this.party.network.cut(name, other)
  }

  #reload(name: string): void {
    const room = this.#rooms.get(name)
    if (room === undefined || this.#rooms.size < 2) return
    this.#note(`reload ${name}`)
    const token = room.resumeToken ?? undefined
    this.#rooms.delete(name)
    this.party.network.crash(name)
    void room.leave()
    this.#come(name, token)
  }

  #reattach(name: string): void {
    const room = this.#rooms.get(name)
    if (room === undefined || this.#rooms.size < 2 || this.#coming.has(name)) return
    this.#note(`tear ${name}`)
    this.party.network.crash(name)
    this.#coming.add(name)
    const loom = this.party.loom(name)
    const again = (): void => {
      if (room.status.get().kind === 'ended') this.#coming.delete(name)
      else {
        loom.join(this.party.tag()).then(
          (seam) => {
            this.#coming.delete(name)
            if (room.status.get().kind === 'ended') void seam.close()
            else room.reattach(seam)
          },
          () => this.party.clock.setTimeout(again, 200),
        )
      }
    }
    again()
  }

  #leave(name: string): void {
    const room = this.#rooms.get(name)
    if (room === undefined || this.#rooms.size < 3) return
    this.#note(`leave ${name}`)
    this.#rooms.delete(name)
    void room.leave()
  }

  #come(name: string, token: ResumeToken | undefined): void {
    const room = this.#rooms.get(name)
    if (this.#coming.has(name) || (room !== undefined && room.status.get().kind !== 'ended')) return
    this.#note(`come ${name}${token === undefined ? '' : ' with its token'}`)
    this.#coming.add(name)
    this.party
      .factory(name)
      .join(this.party.tag(), { token })
      .then(
        (come) => {
          this.#coming.delete(name)
          this.#rooms.set(name, come)
        },
        (error: unknown) => {
          this.#coming.delete(name)
          this.#note(`${name} could not come: ${String(error)}`)
        },
      )
  }

  #pick(): string {
    return this.#names[Math.floor(this.#random() * this.#names.length)] ?? 'p0'
  }

  #note(what: string): void {
    this.log.push(`${Math.round(this.party.clock.now())} ${what}`)
  }
}
