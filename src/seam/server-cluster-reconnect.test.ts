import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Tag, WaitOptions } from './contract.ts'
import type { ResumeToken } from './resume-token.ts'
import { roundRobin, ServerClusterReconnect } from './server-cluster-reconnect.ts'

const tag = (peerKey: string): Tag => ({ sessionName: 'oak', peerKey })
const endpoints = [tag('0'), tag('1'), tag('2')]
const token: ResumeToken = { peerId: 'ann', roomId: 'oak-42', issuedAt: 1_000 }

/** A loom that joins what it is told to and notes it. */
function recordingLoom(): {
  joined: Tag[]
  options: (WaitOptions | undefined)[]
  join: (t: Tag, o?: WaitOptions) => Promise<string>
} {
  const joined: Tag[] = []
  const options: (WaitOptions | undefined)[] = []
  const join = (t: Tag, o?: WaitOptions): Promise<string> => {
    joined.push(t)
    options.push(o)
    return Promise.resolve(`seam to ${t.peerKey}`)
  }
  return { joined, options, join }
}

describe('ServerClusterReconnect', () => {
  it('[CLUSTER-1] an empty list of endpoints is a RangeError', () => {
    expect(() => new ServerClusterReconnect({ endpoints: [] })).toThrow(RangeError)
  })

  it("[CLUSTER-1] the list is the caller's at construction: changing the array later changes nothing", () => {
    const list = [...endpoints]
    const cluster = new ServerClusterReconnect({ endpoints: list })
    list.length = 0
    cluster.advanceEndpoint()
    expect(cluster.currentEndpoint()).toBe(endpoints[1])
  })

  it('[CLUSTER-2] connects to one endpoint at a time: a join of the current one, and no other', async () => {
    const loom = recordingLoom()
    const cluster = new ServerClusterReconnect({ endpoints })
    expect(await cluster.connect(loom)).toBe('seam to 0')
    expect(loom.joined).toEqual([endpoints[0]])
    expect(cluster.currentEndpoint()).toBe(endpoints[0])
  })

  it('[CLUSTER-2] a failed join rejects as it is, and neither retries nor advances', async () => {
    const refused = new Error('refused')
    const join = vi.fn(() => Promise.reject(refused))
    const cluster = new ServerClusterReconnect({ endpoints })
    await expect(cluster.connect({ join })).rejects.toBe(refused)
    expect(join).toHaveBeenCalledTimes(1)
    expect(cluster.currentEndpoint()).toBe(endpoints[0])
  })

  it('[CLUSTER-2] the abort signal goes to the join', async () => {
    const loom = recordingLoom()
    const { signal } = new AbortController()
    await new ServerClusterReconnect({ endpoints }).connect(loom, { signal })
    expect(loom.options).toEqual([{ signal }])
  })

  it('[CLUSTER-3] a transport tear advances to the next endpoint, and the next connect joins that', async () => {
    const loom = recordingLoom()
    const cluster = new ServerClusterReconnect({ endpoints })
    await cluster.connect(loom)
    cluster.onTransportTear()
    expect(await cluster.connect(loom)).toBe('seam to 1')
    expect(loom.joined).toEqual([endpoints[0], endpoints[1]])
  })

  it('[CLUSTER-3] a tear during a connect leaves that connect on the endpoint it began with', async () => {
    let settle: (value: string) => void = () => {}
    const joined: Tag[] = []
    const join = (t: Tag): Promise<string> => {
      joined.push(t)
      return new Promise((resolve) => (settle = resolve))
    }
    const cluster = new ServerClusterReconnect({ endpoints })
    const connecting = cluster.connect({ join })
    cluster.onTransportTear()
    settle('seam')
    await connecting
    expect(joined).toEqual([endpoints[0]])
    expect(cluster.currentEndpoint()).toBe(endpoints[1])
  })

  it('[CLUSTER-4] the default order is round robin from the first endpoint', () => {
    const cluster = new ServerClusterReconnect({ endpoints })
    const seen = Array.from({ length: 7 }, () => {
      const { peerKey } = cluster.currentEndpoint()
      cluster.advanceEndpoint()
      return peerKey
    })
    expect(seen).toEqual(['0', '1', '2', '0', '1', '2', '0'])
  })

  it('[CLUSTER-4] roundRobin starts where it is told to, in every list', () => {
    fc.assert(
      fc.property(fc.nat({ max: 50 }), fc.integer({ min: 1, max: 9 }), (start, size) => {
        const next = roundRobin(start)
        for (let i = 0; i < 2 * size; i++) expect(next(size)).toBe((start + i) % size)
      }),
    )
  })

  it.each([-1, 0.5, Number.NaN])('[CLUSTER-4] roundRobin(%s) is a RangeError', (start) => {
    expect(() => roundRobin(start)).toThrow(RangeError)
  })

  it('[CLUSTER-4] a list of one stays where it is', () => {
    const cluster = new ServerClusterReconnect({ endpoints: [tag('only')] })
    cluster.onTransportTear()
    expect(cluster.currentEndpoint().peerKey).toBe('only')
  })

  it('[CLUSTER-5] the selector is asked once at construction and once per advance, with the size of the list', () => {
    const selector = vi.fn((size: number) => size - 1)
    const cluster = new ServerClusterReconnect({ endpoints, selector })
    expect(cluster.currentEndpoint()).toBe(endpoints[2])
    cluster.currentEndpoint()
    cluster.advanceEndpoint()
    cluster.onTransportTear()
    expect(selector.mock.calls).toEqual([[3], [3], [3]])
  })

  it.each([-1, 3, 1.5, Number.NaN])('[CLUSTER-6] a selector that returns %s is a RangeError', (index) => {
    expect(() => new ServerClusterReconnect({ endpoints, selector: () => index })).toThrow(RangeError)
    let calls = 0
    const cluster = new ServerClusterReconnect({ endpoints, selector: () => (calls++ === 0 ? 1 : index) })
    expect(() => cluster.advanceEndpoint()).toThrow(RangeError)
    expect(cluster.currentEndpoint()).toBe(endpoints[1])
  })

  it('[CLUSTER-7] there is no token until one is set, and the last one set counts', () => {
    const cluster = new ServerClusterReconnect({ endpoints })
    expect(cluster.pendingToken()).toBeNull()
    cluster.setToken(token)
    const later = { ...token, issuedAt: 2_000 }
    cluster.setToken(later)
    expect(cluster.pendingToken()).toBe(later)
  })

  it('[CLUSTER-8] the token survives a change of endpoint', async () => {
    const cluster = new ServerClusterReconnect({ endpoints })
    await cluster.connect(recordingLoom())
    cluster.setToken(token)
    cluster.onTransportTear()
    await cluster.connect(recordingLoom())
    expect(cluster.pendingToken()).toBe(token)
  })

  it('[CLUSTER-9] clearToken forgets it', () => {
    const cluster = new ServerClusterReconnect({ endpoints })
    cluster.setToken(token)
    cluster.clearToken()
    expect(cluster.pendingToken()).toBeNull()
  })

  it('[CLUSTER-10] nothing happens in the background: without a call, no join and no timer', () => {
    vi.useFakeTimers()
    try {
      const loom = recordingLoom()
      const cluster = new ServerClusterReconnect({ endpoints })
      cluster.onTransportTear()
      expect(vi.getTimerCount()).toBe(0)
      expect(loom.joined).toEqual([])
    } finally {
      vi.useRealTimers()
    }
  })

  it('[CLUSTER-11] generic over what it connects: endpoints and result are of any type', async () => {
    const cluster = new ServerClusterReconnect({ endpoints: ['ws://a', 'ws://b'] })
    const length: number = await cluster.connect({ join: (url: string) => Promise.resolve(url.length) })
    expect(length).toBe(6)
  })
})
