import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Configuration } from './configuration.ts'
import type { RaftLog } from './log.ts'
import type { ForwardLedger, Proposals } from './proposals.ts'
import type { Replica } from './replica.ts'
import type { SimulationOptions } from '../test-support/simulation.ts'

// Many cases a test: seconds on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const MOST_SEEDS = 60

/** Runs seeds with the modules mocked so far until an invariant is found broken; fails if none is. */
async function expectCaught(options: Omit<SimulationOptions, 'seed'>, what: RegExp, changes = false): Promise<void> {
  vi.resetModules()
  const { Simulation } = await import('../test-support/simulation.ts')
  for (let seed = 1; seed <= MOST_SEEDS; seed++) {
    const simulation = new Simulation({ seed, ...options })
    try {
      simulation.trouble(6000, changes)
    } catch (error) {
      expect((error as Error).name).toBe('InvariantError')
      expect((error as Error).message).toMatch(what)
      return
    }
  }
  expect.fail(`no invariant was broken in ${MOST_SEEDS} seeds: the simulation would not notice this fault`)
}

async function mutate<M extends object>(path: string, changes: (original: M) => Partial<M>): Promise<void> {
  const original = await vi.importActual<M>(path)
  vi.doMock(path, () => ({ ...original, ...changes(original) }))
}

const THREE = { voters: 3, others: 0 }
const ROUGH = { voters: 3, others: 0, loss: 0.2, duplicate: 0.2, latencyMs: 80, diskMs: 40 }

describe('the simulation notices', () => {
  afterEach(() => {
    for (const name of ['configuration', 'follower', 'log', 'proposals', 'replication']) vi.doUnmock(`./${name}.ts`)
    vi.restoreAllMocks()
  })

  it('[RAFT-8] a node that promises before its disk has written', async () => {
    await expectCaught(
      { ...THREE, lyingDisk: true, diskMs: 80 },
      /not durable|voted for|without committed|committed another|nobody knows/,
    )
  })

  it('[RAFT-2] half the votes taken for a majority', async () => {
    await mutate<typeof import('./configuration.ts')>('./configuration.ts', (original) => ({
      hasQuorum: (config: Configuration, counts: (id: string) => boolean) =>
        [...config.voters].filter(counts).length * 2 >= config.voters.size - 1 || original.hasQuorum(config, counts),
    }))
    await expectCaught(THREE, /lead in term|committed another|without committed|nobody knows|not durable/)
  })

  it("[RAFT-9] a commit without an entry of the leader's own term, Figure 8 of the paper", async () => {
    const { quorumIndex } = await vi.importActual<typeof import('./configuration.ts')>('./configuration.ts')
    const { commitThrough } = await vi.importActual<typeof import('./commit.ts')>('./commit.ts')
    await mutate<typeof import('./replication.ts')>('./replication.ts', () => ({
      advanceCommit: (r: Replica) =>
        commitThrough(
          r,
          quorumIndex(r.config, (id) => (id === r.id ? r.selfMatch : (r.progress.get(id)?.match ?? 0))),
        ),
    }))
    // Chance hardly ever finds the way there: an entry of the leader's own nearly always travels with the old one.
    await expect(replay('paper/figure-8.txt')).rejects.toThrow(/expected to be .* commit 0.* is: .* commit 2/)
  })

  it('[RAFT-4] a vote for a candidate whose log is behind', async () => {
    await mutate<typeof import('./log.ts')>('./log.ts', (original) => ({
      RaftLog: class extends original.RaftLog {
        override isCoveredBy(): boolean {
          return true
        }
      } as unknown as typeof RaftLog,
    }))
    await expectCaught(THREE, /without committed|committed another|nobody knows/)
  })

  it('[RAFT-19] a leader that forgets what it was sent already', async () => {
    await mutate<typeof import('./proposals.ts')>('./proposals.ts', (original) => ({
      ForwardLedger: class extends original.ForwardLedger {
        override look(): 'new' {
          return 'new'
        }
      } as unknown as typeof ForwardLedger,
    }))
    await expectCaught(ROUGH, /committed twice/)
  })

  it('[RAFT-20] a proposal given to the next leader before the last one is out of the game', async () => {
    await mutate<typeof import('./proposals.ts')>('./proposals.ts', (original) => ({
      Proposals: class extends original.Proposals {
        override get hasParked(): boolean {
          this.reclaimBefore(Infinity)
          return super.hasParked
        }
      } as unknown as typeof Proposals,
    }))
    await expectCaught(ROUGH, /committed twice/)
  })

  it('[RAFT-14] a change of voters that asks only the incoming ones', async () => {
    await mutate<typeof import('./configuration.ts')>('./configuration.ts', (original) => ({
      hasQuorum: (config: Configuration, counts: (id: string) => boolean) =>
        original.hasQuorum({ ...config, old: null }, counts),
      quorumIndex: (config: Configuration, matchOf: (id: string) => number) =>
        original.quorumIndex({ ...config, old: null }, matchOf),
    }))
    const [before] = (await replay('joint-change.txt')).split('> heartbeat a')
    expect(before).toMatch(/a commits 3 of term 1: config\{a,b→a,b,c,d\}/)
  })
})

/** The transcript's script, run by the modules as they are mocked now. */
async function replay(name: string): Promise<string> {
  vi.resetModules()
  const { Transcript } = await import('../test-support/transcript.ts')
  const text = new Transcript().run(readFileSync(new URL(`./transcripts/${name}`, import.meta.url), 'utf8'))
  const expected = readFileSync(new URL(`./transcripts/${name}`, import.meta.url), 'utf8')
  expect(text).not.toBe(expected)
  return text
}
