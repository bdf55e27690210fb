import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Transcript } from '../test-support/transcript.ts'

const folder = new URL('./transcripts/', import.meta.url)
const names = readdirSync(folder).filter((name) => name.endsWith('.txt'))

/** What each transcript is evidence of. */
const RULES: Record<string, string> = {
  'election-with-pre-vote.txt': 'RAFT-PREVOTE',
  'fast-back-up.txt': 'RAFT-BACKUP',
  'figure-8.txt': 'RAFT-COMMIT',
  'forwarding.txt': 'RAFT-RESEND',
  'isolated-node.txt': 'RAFT-PREVOTE',
  'joint-change.txt': 'RAFT-JOINT',
  'learner-promotion.txt': 'RAFT-PROMOTE',
  'missed-change.txt': 'RAFT-ACQUAINT',
  'promise-after-disk.txt': 'RAFT-DURABLE',
  'removed-leader.txt': 'RAFT-REMOVED',
}

describe('transcripts', () => {
  it('are all here', () => {
    expect(names.sort()).toEqual(Object.keys(RULES))
  })

  // The expected text is the script itself with what happened in between; `vitest -u` writes it anew.
  for (const name of names) {
    it(`[${RULES[name]}] ${name} happens as written`, async () => {
      const path = new URL(name, folder).pathname
      await expect(new Transcript().run(readFileSync(path, 'utf8'))).toMatchFileSnapshot(path)
    })
  }
})
