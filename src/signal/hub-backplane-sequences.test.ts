import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SignalHub } from './hub.ts'
import type { HubEffect, HubInput } from './hub.ts'
import { signalLimits } from './signal-limits.ts'
import { attach } from './test-support/hub-scene.ts'
import { SharedRooms, type SharedRoomsLine } from './test-support/shared-rooms.ts'

const HUBS = 3

/** One client: what it knows of its room, by what it was told. */
interface Client {
  readonly who: string
  room: string | null
  /** `null` unless attached. */
  view: Set<string> | null
}

/** A hub, its line, and its clients. */
class Site {
  readonly hub: SignalHub = new SignalHub(signalLimits({ maxPeersPerRoom: 2, maxSessionsPerPeer: 2 }), { shared: true })
  readonly line: SharedRoomsLine
  readonly clients: Map<number, Client> = new Map()
  #lastId = 0
  /** The name it had before its line was cut. */
  cutName: string | null = null

  constructor(rooms: SharedRooms) {
    this.line = rooms.line()
    void this.line.open((event) => this.step({ kind: 'backplane', event }))
  }

  step(input: HubInput): void {
    for (const effect of this.hub.step(input)) this.#follow(effect)
  }

  attach(who: string, room: string): void {
    const id = ++this.#lastId
    this.clients.set(id, { who, room, view: null })
    this.step({ kind: 'connected', connection: id, nowMs: 0 })
    this.#say(id, JSON.stringify(attach(who, 'if-missing', { room })))
  }

  /** The client at `index` of those here goes, with or without a word; or says something to somebody it knows. */
  act(index: number, act: 'detach' | 'disconnect' | 'signal'): void {
    const [id, client] = [...this.clients][index % Math.max(1, this.clients.size)] ?? []
    if (id === undefined || client === undefined) return
    const [known] = client.view ?? []
    if (act === 'signal') {
      const [peer, session] = known?.split('/') ?? []
      if (peer !== undefined) this.#say(id, JSON.stringify({ type: 'signal', to: { peer, session }, body: 'hello' }))
      return
    }
    if (act === 'detach') this.#say(id, '{"type":"detach"}')
    this.clients.delete(id)
    this.step({ kind: 'disconnected', connection: id })
  }

  cut(): void {
    this.cutName ??= this.line.cut()
  }

  mend(): void {
    if (this.cutName === null) return
    const name = this.cutName
    this.cutName = null
    this.line.mend(name)
  }

  #say(connection: number, text: string): void {
    this.step({ kind: 'message', connection, text, nowMs: 0 })
  }

  #follow(effect: HubEffect): void {
    if (effect.kind === 'ask') return this.line.ask(effect.request)
    if (effect.kind === 'close') {
      expect(this.clients.delete(effect.connection)).toBe(true)
      return
    }
    if (effect.kind !== 'send') return
    const { message } = effect
    for (const connection of effect.connections) {
      const client = this.clients.get(connection)
      if (client === undefined) throw new Error('told who is not connected')
      if (message.type === 'attached') {
        expect(client.view).toBe(null)
        client.view = new Set(message.peers.map(({ peer, session }) => `${peer}/${session}`))
        expect(client.view).not.toContain(client.who)
      } else if (message.type === 'joined') {
        expect(client.view).not.toContain(`${message.peer}/${message.session}`)
        client.view?.add(`${message.peer}/${message.session}`)
      } else if (message.type === 'left') {
        expect(client.view?.delete(`${message.peer}/${message.session}`)).toBe(true)
      } else if (message.type === 'signal') {
        expect(client.view).toContain(`${message.from.peer}/${message.from.session}`)
      } else if (message.type === 'error' && client.view === null) {
        client.room = null
      }
    }
  }
}

const anySite = fc.nat({ max: HUBS - 1 })
const anyAct = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('attach' as const),
      site: anySite,
      who: fc.constantFrom('ann/1', 'ann/2', 'bob/1', 'cyd/1'),
      room: fc.constantFrom('oak', 'ash'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('detach', 'disconnect', 'signal'),
      site: anySite,
      index: fc.nat(20),
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constantFrom('pass', 'tell'), site: anySite }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('cut', 'mend', 'lapse'), site: anySite }) },
)

describe('hubs that share their rooms: any sequence of inputs, requests and events', () => {
  it('[HUB-34] nothing throws, each is told exactly who comes and goes, and in the end all agree on who is where', () => {
    fc.assert(
      fc.property(fc.array(anyAct, { maxLength: 150 }), (acts) => {
        const rooms = new SharedRooms()
        const sites = Array.from({ length: HUBS }, () => new Site(rooms))
        for (const act of acts) {
          const site = sites[act.site] as Site
          if (act.kind === 'attach') site.attach(act.who, act.room)
          else if ('index' in act) site.act(act.index, act.kind)
          else if (act.kind === 'pass') site.line.pass()
          else if (act.kind === 'tell') site.line.tell()
          else if (act.kind === 'cut') site.cut()
          else if (act.kind === 'mend') site.mend()
          else if (site.cutName !== null) rooms.expire(site.cutName)
        }
        for (const site of sites) site.mend()
        rooms.settle()
        agree(sites)
        for (const site of sites) while (site.clients.size > 0) site.act(0, 'disconnect')
        rooms.settle()
        expect(sites.map(({ hub }) => hub.size)).toEqual(sites.map(() => ({ connections: 0, rooms: 0 })))
        expect(rooms.directory.size).toBe(0)
      }),
      { numRuns: 400 },
    )
  })
})

/** What each knows, itself included, is who is attached to that room, whichever hub they are attached to. */
function agree(sites: readonly Site[]): void {
  const attached = sites.flatMap(({ clients }) => [...clients.values()].filter(({ view }) => view !== null))
  for (const { who, room, view } of attached) {
    const others = attached.filter((other) => other.room === room).map((other) => other.who)
    expect([...(view ?? []), who].sort()).toEqual(others.sort())
  }
}
