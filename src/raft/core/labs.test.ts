import { describe, expect, it } from 'vitest'
import { Cluster } from '../test-support/cluster.ts'
import { runCoreTrial } from '../test-support/simulation/core-trial.ts'
import { type Mix, STEADY } from '../test-support/simulation/mixes.ts'

/*
 * The labs of MIT 6.5840 that are chaos rather than a script, and those that count; the others are in
 * `transcripts/labs`. The simulation checks every rule after every step, that clients saw one history, and that calm
 * brings progress, so that a lab here is no more than the trouble it makes.
 */

const BUSY: Omit<Mix, 'name'> = { ...STEADY, voters: 5, clients: 8, thinkMs: 100, loss: 0, duplicate: 0, everyMs: 500 }
const UNRELIABLE = { loss: 0.1, duplicate: 0.1, latencyMs: 200 }
const FIGURE_8 = { crashLeader: 10, start: 9 }
const CHURN = { crash: 3, start: 5, isolate: 3, isolateLeader: 2, heal: 6 }

const LABS: readonly Mix[] = [
  {
    ...BUSY,
    name: '3A, many elections: of seven, those that lead and others are cut off again and again',
    voters: 7,
    misfortunes: { isolateLeader: 5, isolate: 3, heal: 6 },
  },
  { ...BUSY, name: '3C, figure 8: leaders crash while entries are half on their way', misfortunes: FIGURE_8 },
  { ...BUSY, ...UNRELIABLE, name: '3C, unreliable agreement: many ask at once', clients: 20, misfortunes: { heal: 1 } },
  { ...BUSY, ...UNRELIABLE, name: '3C, figure 8 (unreliable)', frameBytes: 250, misfortunes: FIGURE_8 },
  { ...BUSY, name: '3C, churn (reliable): nodes come and go while all ask', misfortunes: CHURN },
  { ...BUSY, ...UNRELIABLE, name: '3C, churn (unreliable)', misfortunes: CHURN },
  {
    ...BUSY,
    ...UNRELIABLE,
    name: '3D, snapshots (unreliable): logs are compacted while nodes are cut off and crash',
    misfortunes: { ...CHURN, compact: 20 },
  },
]

describe('the labs of MIT 6.5840', () => {
  for (const lab of LABS) {
    it.each([1, 2, 3])(`[RAFT-22] ${lab.name} (seed %i)`, { timeout: 60_000 }, (seed) => {
      const { committed, answered } = runCoreTrial({ seed, mix: lab, troubleMs: 60_000 })
      // A lab in which nothing ever commits would prove nothing.
      expect(committed).toBeGreaterThan(20)
      expect(answered).toBeGreaterThan(20)
    })
  }

  it('[TRC-6] 3B, count and bytes: an election, an agreement and an idle second take no more frames than they need', async () => {
    const cluster = new Cluster({ seed: 1, latencyMs: 5 })
    const nodes = await cluster.startAll('a', 'b', 'c')
    const leader = await cluster.leader()
    await cluster.clock.advance(50)
    const sent = (): { frames: number; bytes: number } => {
      const all = nodes.map((node) => node.metrics().sent)
      return {
        frames: all.reduce((sum, { frames }) => sum + frames, 0),
        bytes: all.reduce((n, { bytes }) => n + bytes, 0),
      }
    }
    expect(sent().frames).toBeLessThanOrEqual(30)
    const before = sent()
    for (let i = 0; i < 10; i++) await cluster.clock.run(leader.propose(new Uint8Array(5000)))
    await cluster.clock.advance(20)
    const during = sent()
    // Two entries, two answers, two words that it has committed; and the heartbeats of that time.
    expect(during.frames - before.frames).toBeLessThanOrEqual(10 * 6 + 16)
    // Every command goes to every follower once.
    expect(during.bytes - before.bytes).toBeGreaterThan(10 * 2 * 5000)
    expect(during.bytes - before.bytes).toBeLessThan(10 * 2 * 5000 + 5000)
    await cluster.clock.advance(1000)
    expect(sent().frames - during.frames).toBeLessThanOrEqual(60)
    await cluster.close()
  })
})
