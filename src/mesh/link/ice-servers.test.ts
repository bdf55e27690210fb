import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../sim/virtual-clock.ts'
import { IceServers, RENEW_BOUND_MS } from './ice-servers.ts'

const named = (name: string): RTCIceServer => ({ urls: `turn:${name}.example` })

/** One link's servers, whose sources a test decides on. */
class Scene {
  readonly clock = new VirtualClock()
  own: () => Promise<readonly RTCIceServer[]> = async () => [named('own')]
  given: () => Promise<readonly RTCIceServer[]> = async () => [named('given')]
  kept = 0
  readonly used: string[][] = []
  readonly servers = new IceServers({
    own: () => this.own(),
    given: () => this.given(),
    clock: this.clock,
    onKept: () => void this.kept++,
  })

  readonly use = (servers: RTCIceServer[]): void => void this.used.push(namesOf(servers))

  async renew(): Promise<void> {
    await this.clock.run(this.servers.renew(this.use))
  }
}

function namesOf(servers: readonly RTCIceServer[]): string[] {
  return servers.map(({ urls }) => /turn:(.*)\.example/.exec(String(urls))?.[1] ?? '')
}

async function opened(): Promise<Scene> {
  const scene = new Scene()
  expect(namesOf(await scene.servers.first())).toEqual(['own', 'given'])
  return scene
}

describe('the ICE servers of a link', () => {
  it('[RTC-10] are asked for before it is made, and a source of its own that fails keeps it from being made', async () => {
    const scene = new Scene()
    scene.own = async () => Promise.reject(new Error('no session'))
    await expect(scene.servers.first()).rejects.toThrow('no session')
  })

  it('[RTC-60] are asked for again before a restart', async () => {
    const scene = await opened()
    scene.own = async () => [named('own2')]
    scene.given = async () => [named('given2')]
    await scene.renew()
    expect([scene.used, scene.kept]).toEqual([[['own2', 'given2']], 0])
  })

  it('[RTC-60] one source that fails keeps its former servers, the other renews them', async () => {
    const scene = await opened()
    scene.own = async () => Promise.reject(new Error('no session'))
    scene.given = async () => [named('given2')]
    await scene.renew()
    expect([scene.used, scene.kept]).toEqual([[['own', 'given2']], 1])
  })

  it('[RTC-60] one that takes too long holds a restart up for its bound, and its answer is there for the next', async () => {
    const scene = await opened()
    let answer: (servers: RTCIceServer[]) => void = () => {}
    scene.own = () => new Promise((resolve) => (answer = resolve))
    const since = scene.clock.now()
    await scene.renew()
    expect(scene.clock.now() - since).toBe(RENEW_BOUND_MS)
    expect([scene.used, scene.kept]).toEqual([[['own', 'given']], 1])
    answer([named('late')])
    scene.own = async () => Promise.reject(new Error('no session'))
    await scene.renew()
    expect(scene.used[1]).toEqual(['late', 'given'])
    expect(scene.clock.pendingTimers).toBe(0)
  })

  it('[RTC-60] are asked for once while several want them', async () => {
    const scene = await opened()
    let asked = 0
    scene.own = async () => [named(`own${++asked}`)]
    await scene.clock.run(Promise.all([scene.servers.renew(scene.use), scene.servers.renew(scene.use)]))
    expect([scene.used, asked]).toEqual([[['own1', 'given']], 1])
    await scene.renew()
    expect(asked).toBe(2)
  })

  it('[RTC-60] that the engine does not take hold no restart up', async () => {
    const scene = await opened()
    await scene.clock.run(
      scene.servers.renew(() => {
        throw new Error('InvalidModificationError')
      }),
    )
    expect(scene.kept).toBe(1)
  })

  it('[RTC-60] of a link that is closed meanwhile are not handed on, and nothing waits any more', async () => {
    const scene = await opened()
    scene.own = () => new Promise(() => {})
    const renewing = scene.servers.renew(scene.use)
    scene.servers.close()
    await scene.clock.run(renewing)
    expect([scene.used, scene.kept, scene.clock.pendingTimers]).toEqual([[], 0, 0])
  })

  it('[TURNCRED-7] that were given before stay where none are given now', async () => {
    const scene = await opened()
    scene.given = async () => []
    await scene.renew()
    expect([scene.used, scene.kept]).toEqual([[['own', 'given']], 0])
  })
})
