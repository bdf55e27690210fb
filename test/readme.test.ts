import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

describe('README.md', () => {
  it('shows its programs exactly as the end-to-end tests run them', () => {
    const shown = [...read('README.md').matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1])
    expect(shown).toEqual([read('examples/counting.ts'), read('examples/room.ts')])
  })

  it('names commands that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = [...read('README.md').matchAll(/npm run ([\w:-]+)/g)].map((match) => match[1] ?? '')
    expect(named).toContain('demo')
    for (const name of named) expect(scripts, `npm run ${name}`).toHaveProperty([name])
  })
})
