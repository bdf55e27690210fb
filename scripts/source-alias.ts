import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface SourceAlias {
  readonly find: RegExp
  readonly replacement: string
}

/**
 * The package's own subpaths, resolved to their sources: tests and the demo import what users import.
 * Read from the export map, so that a new subpath needs no second entry.
 */
export function sourceAlias(): SourceAlias[] {
  const root = new URL('../', import.meta.url)
  const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as Manifest
  const alias: SourceAlias[] = []
  for (const [subpath, target] of Object.entries(manifest.exports)) {
    if (typeof target === 'string') continue
    const name = manifest.name + subpath.slice(1)
    const source = target.default.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, '.ts')
    alias.push({ find: new RegExp(`^${name}$`), replacement: fileURLToPath(new URL(source, root)) })
  }
  return alias
}

interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
}
