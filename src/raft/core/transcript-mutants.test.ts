import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Configuration } from './configuration.ts'
import type { Replica } from './replica.ts'

async function mutate<M extends object>(path: string, changes: (original: M) => Partial<M>): Promise<void> {
  const original = await vi.importActual<M>(path)
  vi.doMock(path, () => ({ ...original, ...changes(original) }))
}

describe('the transcripts notice', () => {
  afterEach(() => {
    for (const name of ['configuration', 'replication']) vi.doUnmock(`./${name}.ts`)
    vi.restoreAllMocks()
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
