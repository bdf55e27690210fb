import { readFileSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { definedRules, quotedRules } from './rule-ids.ts'
import { readFiles, repositoryRoot } from './source-file.ts'

/** Reading the whole tree takes seconds on a busy machine. */
vi.setConfig({ testTimeout: 60_000 })

const contract = readFileSync(`${repositoryRoot}CONTRACT.md`, 'utf8')
const defined = definedRules(contract)
const quoting = (path: string): boolean =>
  path.endsWith('.test.ts') || /^(src\/conformance|e2e)\/.*\.ts$/.test(path) || /\/transcripts\/.*\.txt$/.test(path)
const quoted = quotedRules(new Map(['src', 'demo', 'e2e'].flatMap((folder) => [...readFiles(folder, quoting)])))

describe('the rules of CONTRACT.md', () => {
  it('are there, each under an id of its own', () => {
    expect(defined.length).toBeGreaterThan(40)
    expect(defined.filter((id, index) => defined.indexOf(id) !== index)).toEqual([])
  })

  it('are each quoted by a test or a law', () => {
    expect(defined.filter((id) => !quoted.has(id))).toEqual([])
  })

  it('are the only ones that tests and laws quote', () => {
    const unknown = [...quoted].filter(([id]) => !defined.includes(id))
    expect(unknown.map(([id, path]) => `${id} in ${path}`)).toEqual([])
  })
})

describe('the reading of rule ids', () => {
  it('finds the rules of a contract and nothing else', () => {
    const text =
      '# Rules\n- **MUX-4** closing a view …\n- **RAFT-LOG-12a** an entry …\nsee **MUX-5**\n- **bold** words\n'
    expect(definedRules(text)).toEqual(['MUX-4', 'RAFT-LOG-12a'])
  })

  it('finds what the first line of a transcript quotes', () => {
    const text = '# [RAFT-9, RAFT-10] Two leaders.\n# [RAFT-11] not here\n> voters a b\n'
    expect([...quotedRules(new Map([['a.txt', text]])).keys()]).toEqual(['RAFT-9', 'RAFT-10'])
  })

  it('finds what titles and laws quote, not what comments say', () => {
    const text = [
      "it('[MUX-4] closing', () => {})",
      "it.each([])('[MUX-5, MUX-6] %s', () => {})",
      'it(`[MUX-7] with ${1}`, () => {})',
      "export const law = { id: 'SEAM-1', title: 'a law' }",
      "law('SEAM-3', 'a law by call', run)",
      "const other = { name: 'SEAM-2' } // [MUX-8]",
    ].join('\n')
    expect([...quotedRules(new Map([['a.test.ts', text]])).keys()].sort()).toEqual([
      'MUX-4',
      'MUX-5',
      'MUX-6',
      'MUX-7',
      'SEAM-1',
      'SEAM-3',
    ])
  })
})
