import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { transform } from 'esbuild'
import { repositoryRoot } from '../source-file.ts'

const run = promisify(execFile)

/**
 * A folder outside the repository in which the packed tarball is installed with what a browser needs of its
 * dependencies, and nothing else: what a bundler finds here it finds at a user's.
 */
export interface Installation {
  readonly folder: string
  remove(): void
}

/** What `selvage`, `selvage/webrtc` and `selvage/indexeddb` import beside themselves. */
const NEEDED = ['idb-keyval']

/**
 * Builds the library, packs it as it would be published, and unpacks that beside the README's shortest program. Works
 * on a copy of the tree, so that several may at once.
 */
export async function installTarball(): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'selvage-bundlers-'))
  const [modules, tree] = [join(folder, 'node_modules'), join(folder, 'tree')]
  mkdirSync(modules)
  copyTree(tree)
  await run(process.execPath, ['scripts/build.mjs'], { cwd: tree })
  const packing = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
  const { stdout } = await run('npm', packing, { cwd: tree, shell: process.platform === 'win32' })
  rmSync(tree, { recursive: true })
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
  await run('tar', ['-xzf', filename, '-C', modules], { cwd: folder })
  cpSync(join(modules, 'package'), join(modules, 'selvage'), { recursive: true })
  rmSync(join(modules, 'package'), { recursive: true })
  for (const name of NEEDED) {
    cpSync(join(repositoryRoot, 'node_modules', name), join(modules, name), { recursive: true, dereference: true })
  }
  const program = readFileSync(join(repositoryRoot, 'examples/counting.ts'), 'utf8')
  writeFileSync(join(folder, 'package.json'), '{ "name": "a-users-game", "private": true, "type": "module" }')
  writeFileSync(join(folder, 'program.js'), (await transform(program, { loader: 'ts', target: 'es2022' })).code)
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** What a build and a package are made of. */
function copyTree(to: string): void {
  for (const part of ['src', 'scripts', 'docs', ...filesAtTheRoot()]) {
    cpSync(join(repositoryRoot, part), join(to, part), { recursive: true })
  }
  symlinkSync(join(repositoryRoot, 'node_modules'), join(to, 'node_modules'), 'junction')
}

function filesAtTheRoot(): string[] {
  return readdirSync(repositoryRoot, { withFileTypes: true }).flatMap((one) => (one.isFile() ? [one.name] : []))
}
