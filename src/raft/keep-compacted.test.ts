import { describe, expect, it, vi } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { ConfigError, OverloadedError } from '../base/errors.ts'
import { VirtualClock } from '../sim/index.ts'
import type { RaftConfig, RaftNode } from './contract.ts'
import { CAPTURE_RETRY_MS, type CapturedState, keepCompacted } from './keep-compacted.ts'
import { raftNode } from './raft-node.ts'
import { nowhere } from './test-support/nowhere.ts'

const cluster = { voters: new Set(['a']), learners: new Set<string>() }

async function soloNode(clock: VirtualClock, config: RaftConfig = {}): Promise<RaftNode> {
  const node = await clock.run(raftNode({ id: 'a', cluster, transport: nowhere('a'), config, clock }))
  await clock.run(node.awaitLeadership())
  return node
}

/** An application whose state is how many turns it has seen, as of the last index it has read. */
function counting(node: RaftNode): { capture(): CapturedState | null; readonly turns: number } {
  const seen = { index: 0, turns: 0 }
  void (async () => {
    for await (const item of node.committedFrom(1)) {
      if (item.kind === 'install') continue
      seen.index = item.kind === 'entry' ? item.entry.index : item.index
      if (item.kind === 'entry') seen.turns++
    }
  })()
  return {
    capture: () => (seen.index === 0 ? null : { index: seen.index, state: utf8(String(seen.turns)) }),
    get turns() {
      return seen.turns
    },
  }
}

describe('keepCompacted', () => {
  it('[SNAP-14] keeps a log below its threshold, however many entries come', async () => {
    const clock = new VirtualClock()
    const node = await soloNode(clock)
    const application = counting(node)
    const end = keepCompacted(node, { everyEntries: 10, capture: () => application.capture(), clock })
    for (let i = 0; i < 100; i++) {
      await clock.run(node.propose(utf8('x')))
      expect(node.logSize().entries).toBeLessThanOrEqual(12)
    }
    expect(node.compactionFloor.get()).toBeGreaterThan(80)
    expect(application.turns).toBe(100)
    end()
    await node.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('[SNAP-14] looks at bytes as well', async () => {
    const clock = new VirtualClock()
    const node = await soloNode(clock)
    const application = counting(node)
    const end = keepCompacted(node, { everyBytes: 5000, capture: () => application.capture(), clock })
    for (let i = 0; i < 10; i++) await clock.run(node.propose(new Uint8Array(2000)))
    expect(node.compactionFloor.get()).toBeGreaterThan(5)
    end()
    await node.close()
  })

  it('[SNAP-14] asks again an application that has nothing to give, also when nothing more can commit', async () => {
    const clock = new VirtualClock()
    const node = await soloNode(clock, { maxLogEntries: 8 })
    const application = counting(node)
    let isReady = false
    const capture = vi.fn(() => (isReady ? application.capture() : null))
    keepCompacted(node, { everyEntries: 4, capture, clock })
    const proposals = Array.from({ length: 20 }, () => node.propose(utf8('x')))
    await clock.advance(10 * CAPTURE_RETRY_MS)
    expect(node.commitIndex.get()).toBe(8)
    expect(capture.mock.calls.length).toBeGreaterThan(5)
    isReady = true
    await clock.run(Promise.all(proposals), { limitMs: 20 * CAPTURE_RETRY_MS })
    await node.close()
  })

  it('[SNAP-14] reports an application that throws once, and asks it again; the end of the node is its end', async () => {
    const clock = new VirtualClock()
    const reported = vi.fn()
    vi.stubGlobal('reportError', reported)
    const node = await soloNode(clock)
    const capture = vi.fn(() => {
      throw new Error('not today')
    })
    keepCompacted(node, { everyEntries: 1, capture, clock })
    await clock.advance(5 * CAPTURE_RETRY_MS)
    expect(capture.mock.calls.length).toBeGreaterThan(3)
    expect(reported).toHaveBeenCalledTimes(1)
    capture.mockImplementation((() => ({ index: 1, state: utf8('') })) as never)
    await node.close()
    await clock.advance(2 * CAPTURE_RETRY_MS)
    expect(clock.pendingTimers).toBe(0)
    vi.unstubAllGlobals()
  })

  it.each([{ everyEntries: 0 }, { everyBytes: Number.NaN }])('refuses %j', async (options) => {
    const clock = new VirtualClock()
    const node = await soloNode(clock)
    expect(() => keepCompacted(node, { ...options, capture: () => null })).toThrow(RangeError)
    await node.close()
  })
})

describe('[SNAP-14] keepCompacted of a node that ends', () => {
  it('leaves no timer, where the application has never had anything to give', async () => {
    const clock = new VirtualClock()
    const node = await soloNode(clock)
    const capture = vi.fn(() => null)
    keepCompacted(node, { everyEntries: 1, capture, clock })
    await clock.advance(CAPTURE_RETRY_MS)
    expect(capture).toHaveBeenCalledTimes(2)
    await node.close()
    expect(clock.pendingTimers).toBe(0)
    await clock.advance(2 * CAPTURE_RETRY_MS)
    expect(capture).toHaveBeenCalledTimes(2)
  })

  it('does nothing for one that has ended before', async () => {
    const clock = new VirtualClock()
    const node = await soloNode(clock)
    await node.close()
    const capture = vi.fn(() => null)
    keepCompacted(node, { everyEntries: 1, capture, clock })()
    expect(capture).not.toHaveBeenCalled()
  })
})

it.each([
  [{ maxLogEntries: 9 }, { everyEntries: 10 }],
  [{ maxLogEntries: 1000 }, {}],
  [{ maxLogBytes: 999 }, { everyBytes: 1000 }],
])('[SNAP-14] a log of %j, compacted at %j, would fill up for ever: ConfigError', async (config, options) => {
  const clock = new VirtualClock()
  const node = await soloNode(clock, config)
  expect(() => keepCompacted(node, { ...options, capture: () => null, clock })).toThrow(ConfigError)
  await node.close()
})

describe('[SNAP-13] a log with a bound', () => {
  it.each<RaftConfig>([{ maxLogEntries: 5 }, { maxLogBytes: 1000 }])(
    'takes in no more than %j until it has been compacted; proposals wait, and past their bound are refused',
    async (config) => {
      const clock = new VirtualClock()
      const node = await soloNode(clock, { ...config, maxPendingProposals: 10 })
      const proposals = Array.from({ length: 10 }, () => node.propose(new Uint8Array(100)))
      await clock.advance(5000)
      const full = node.commitIndex.get()
      expect(full).toBeGreaterThan(3)
      expect(full).toBeLessThan(9)
      for (let waiting = 11 - full; waiting < 10; waiting++) proposals.push(node.propose(new Uint8Array(100)))
      await expect(node.propose(utf8('one too many'))).rejects.toBeInstanceOf(OverloadedError)
      while (node.commitIndex.get() < proposals.length + 1) {
        await clock.run(node.publishSnapshot(node.commitIndex.get(), utf8('s')))
        await clock.advance(10)
      }
      await clock.run(Promise.all(proposals))
      await node.close()
    },
  )
})
