import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Transcript } from '../test-support/transcript.ts'

const folder = new URL('./transcripts/', import.meta.url)
const names = readdirSync(folder).filter((name) => name.endsWith('.txt'))

/** What each transcript is evidence of. */
const RULES: Record<string, string> = {
  'election-with-pre-vote.txt': '[RAFT-3]',
  'fast-back-up.txt': '[RAFT-10]',
  'figure-8.txt': '[RAFT-9]',
  'forwarding.txt': '[RAFT-20]',
  'isolated-node.txt': '[RAFT-3]',
  'joint-change.txt': '[RAFT-14]',
  'learner-promotion.txt': '[RAFT-15]',
  'missed-change.txt': '[RAFT-18]',
  'promise-after-disk.txt': '[RAFT-8]',
  'removed-leader.txt': '[RAFT-16]',
}

describe('transcripts', () => {
  it('are all here', () => {
    expect(names.sort()).toEqual(Object.keys(RULES))
  })

  // The expected text is the script itself with what happened in between; `vitest -u` writes it anew.
  for (const name of names) {
    it(`${RULES[name]} ${name} happens as written`, async () => {
      const path = new URL(name, folder).pathname
      await expect(new Transcript().run(readFileSync(path, 'utf8'))).toMatchFileSnapshot(path)
    })
  }
})
