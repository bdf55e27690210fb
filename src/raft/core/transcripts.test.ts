import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Transcript } from '../test-support/transcript.ts'

const folder = new URL('./transcripts/', import.meta.url)
const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.txt'))
  .sort()

describe('transcripts', () => {
  it('are found', () => {
    expect(names.length).toBeGreaterThan(9)
  })

  // The expected text is the script itself with what happened in between; `vitest -u` writes it anew.
  for (const name of names) {
    const path = new URL(name, folder).pathname
    const script = readFileSync(path, 'utf8')
    // The first paragraph says what the script is about, and which rule it is evidence of.
    const [title = ''] = /^(?:# .*\n)+/.exec(script) ?? []

    it(`${title.replaceAll(/^# /gm, '').replaceAll('\n', ' ').trim()} (${name})`, async () => {
      expect(title).toMatch(/^# \[[A-Z]+-\d+/)
      await expect(new Transcript().run(script)).toMatchFileSnapshot(path)
    })
  }
})
