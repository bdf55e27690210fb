import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** Paths from the repository's root with `/` between the parts, and the text of each file. */
export type SourceFiles = ReadonlyMap<string, string>

export const repositoryRoot: string = fileURLToPath(new URL('../', import.meta.url))

/** Every file below `folder` whose path `accept`s. */
export function readFiles(folder: string, accept: (path: string) => boolean): Map<string, string> {
  const files = new Map<string, string>()
  const entries = readdirSync(repositoryRoot + folder, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = `${entry.parentPath}/${entry.name}`.slice(repositoryRoot.length).replaceAll('\\', '/')
    if (accept(path)) files.set(path, readFileSync(repositoryRoot + path, 'utf8'))
  }
  return files
}

export function isTest(path: string): boolean {
  return path.endsWith('.test.ts') || path.includes('/test-support/')
}

export function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
}

/** Calls `see` with the node and everything below it. */
export function walk(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node)
  ts.forEachChild(node, (child) => walk(child, see))
}
