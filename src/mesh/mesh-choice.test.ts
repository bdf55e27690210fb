import { expect, it } from 'vitest'
import { seededRandom } from '../sim/seeded-random.ts'
import type { LinkRoute } from './link/link-status.ts'
import type { MeshEffect, MeshInput } from './mesh-steps.ts'
import { Mesh } from './mesh.ts'

/** Two ends, and the links between them: what one end says on a link reaches the other in order, after any time. */
class Pair {
  readonly #random: () => number
  readonly #ends: readonly [Mesh, Mesh]
  readonly #waiting: Map<string, [to: number, input: MeshInput][]> = new Map()
  readonly #closed: Set<string> = new Set()

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    const end = (selfId: string): Mesh =>
      new Mesh({ selfId, random: this.#random, newLinkId: () => 'none', relay: 'fallback' })
    this.#ends = [end('a'), end('b')]
  }

  get carriers(): (string | null)[] {
    return [this.#ends[0].linkOf('b'), this.#ends[1].linkOf('a')]
  }

  make(link: string, route: LinkRoute): void {
    for (const to of [0, 1]) {
      this.#tell(to, { kind: 'dialled', at: addressOf(1 - to), link, route })
      this.#send(link, to, { kind: 'proved', link })
    }
  }

  /** False when nothing is on its way any more. */
  pass(): boolean {
    const queues = [...this.#waiting.values()].filter((queue) => queue.length > 0)
    const queue = queues[Math.floor(this.#random() * queues.length)]
    const next = queue?.shift()
    if (next !== undefined) this.#tell(...next)
    return next !== undefined
  }

  #tell(at: number, input: MeshInput): void {
    for (const effect of (this.#ends[at] as Mesh).step(input)) this.#run(at, effect)
  }

  #run(at: number, effect: MeshEffect): void {
    if (effect.kind === 'carry') this.#send(effect.link, 1 - at, { kind: 'chosen', link: effect.link })
    if (effect.kind !== 'drop' || this.#closed.has(effect.link)) return
    this.#closed.add(effect.link)
    this.#send(effect.link, 1 - at, { kind: 'ended', link: effect.link, why: 'failed' })
  }

  #send(link: string, to: number, input: MeshInput): void {
    const key = `${link} to ${to}`
    this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), [to, input]])
  }
}

function addressOf(end: number): { peer: string; session: string } {
  const peer = ['a', 'b'][end] as string
  return { peer, session: `${peer}1` }
}

it('[RTC-23] [RELAY-23] whatever the order in which links are proved, both ends come to use the same one', () => {
  for (let seed = 0; seed < 2_000; seed++) {
    const pair = new Pair(seed)
    pair.make('relayed', 'relayed')
    if (seed % 2 === 0) for (let i = 0; i < seed % 7; i++) pair.pass()
    pair.make('direct', 'direct')
    while (pair.pass());
    expect(pair.carriers, `seed ${seed}`).toEqual(['direct', 'direct'])
  }
})
