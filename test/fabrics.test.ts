import { readdirSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { readFiles, repositoryRoot } from './source-file.ts'
import { implementersOf, reaches, runsOfSuite } from './suite-runs.ts'

/** Reading the whole tree takes seconds on a busy machine. */
vi.setConfig({ testTimeout: 60_000 })

const files = readFiles('src', (path) => path.endsWith('.ts'))
const fabrics = readdirSync(`${repositoryRoot}src/fabric`, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => `src/fabric/${entry.name}`)
const storages = implementersOf(files, 'RaftStorage')

describe('every fabric', () => {
  it('was seen', () => {
    expect(fabrics).toContain('src/fabric/memory')
    expect(fabrics).toContain('src/fabric/webrtc')
  })

  it.each([...fabrics, 'src/sim'])('%s runs the laws of seams', (folder) => {
    expect(runsOfSuite(files, folder, 'seamLaws')).not.toEqual([])
  })
})

describe('every storage', () => {
  it('was seen', () => {
    expect([...storages.keys()]).toContain('InMemoryRaftStorage')
    expect([...storages.keys()]).toContain('IndexedDbRaftStorage')
  })

  it.each([...storages])('%s runs the laws of storages', (name, path) => {
    const runs = runsOfSuite(files, posix.dirname(path), 'raftStorageLaws')
    expect(runs.filter((run) => reaches(files, run, name))).not.toEqual([])
  })

  it('in IndexedDB runs them in a browser too', () => {
    const runs = runsOfSuite(files, 'src/raft/storage/indexeddb', 'raftStorageLaws')
    expect(runs.filter((run) => run.endsWith('.browser.test.ts'))).not.toEqual([])
  })
})

describe('the search for runs of a suite', () => {
  const run =
    "import { seamLaws } from '../../conformance/seam-laws.ts'\nfor (const law of seamLaws) it(law.title, law.run)"

  it('sees a run, and only in its folder', () => {
    const one = new Map([['src/fabric/x/laws.test.ts', run]])
    expect(runsOfSuite(one, 'src/fabric/x', 'seamLaws')).toEqual(['src/fabric/x/laws.test.ts'])
    expect(runsOfSuite(one, 'src/fabric/y', 'seamLaws')).toEqual([])
  })

  it.each([
    ['an import that nothing uses', "import { seamLaws } from '../../conformance/seam-laws.ts'"],
    ['laws of its own', "import { seamLaws } from './laws.ts'\nfor (const law of seamLaws) it(law.title, law.run)"],
    ['a comment', '// for (const law of seamLaws)'],
  ])('is not misled by %s', (_what, text) => {
    expect(runsOfSuite(new Map([['src/fabric/x/laws.test.ts', text]]), 'src/fabric/x', 'seamLaws')).toEqual([])
  })
})
