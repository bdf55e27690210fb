import { execFile, execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { importsOf } from './layer-rules.ts'
import { isTest, parse, readFiles, repositoryRoot } from './source-file.ts'

/** Reading the whole tree takes seconds on a busy machine. */
vi.setConfig({ testTimeout: 60_000 })

interface Manifest {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly bin: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

const manifest = JSON.parse(readFileSync(`${repositoryRoot}package.json`, 'utf8')) as Manifest
const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json')
const runtimeDependencies = Object.keys(manifest.dependencies)
const optionalPeers = Object.keys(manifest.peerDependencies ?? {})

const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')

/** A folder outside the repository that holds the built package and its runtime dependencies, and nothing else. */
let installation = ''
const installed = (path: string): string => join(installation, 'node_modules/selvage', path)

/** The optional peers that a subpath cannot be imported without; any other has to do without all of them. */
const peersNeeded: Readonly<Record<string, readonly string[]>> = { './conformance': ['vitest'] }

function link(name: string): void {
  symlinkSync(`${repositoryRoot}node_modules/${name}`, join(installation, 'node_modules', name), 'junction')
}

function unlink(name: string): void {
  rmSync(join(installation, 'node_modules', name))
}

beforeAll(() => {
  installation = mkdtempSync(join(tmpdir(), 'selvage-package-'))
  mkdirSync(installed(''), { recursive: true })
  execFileSync(process.execPath, [`${repositoryRoot}scripts/build.mjs`, installed('dist')], { stdio: 'pipe' })
  cpSync(`${repositoryRoot}package.json`, installed('package.json'))
  runtimeDependencies.forEach(link)
}, 120_000)

afterAll(() => {
  rmSync(installation, { recursive: true, force: true })
})

describe('the built package', () => {
  it('has every file its export map and its commands name', () => {
    const named = [...Object.values(manifest.exports), ...Object.values(manifest.bin)].flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target),
    )
    expect(named.length).toBeGreaterThan(12)
    expect(named.filter((path) => !existsSync(installed(path)))).toEqual([])
  })

  it('holds no test', () => {
    const everything = readdirSync(installed('dist'), { recursive: true, encoding: 'utf8' })
    const files = everything.filter((path) => path.endsWith('.js'))
    expect(files.length).toBeGreaterThan(60)
    expect(files.filter((path) => path.includes('.test.') || path.includes('test-support'))).toEqual([])
  })

  it.each(subpaths)('%s is imported on a server without a trace', async (subpath) => {
    const peers = peersNeeded[subpath] ?? []
    peers.forEach(link)
    cpSync(`${repositoryRoot}test/import-probe.mjs`, join(installation, 'import-probe.mjs'))
    const args = ['import-probe.mjs', `selvage${subpath.slice(1)}`, ...runtimeDependencies, ...peers]
    const run = await promisify(execFile)(process.execPath, args, { cwd: installation, timeout: 30_000 })
    peers.forEach(unlink)
    const report: unknown = JSON.parse(run.stdout)
    expect(report).toEqual({ exported: true, globalsChanged: [], globalsProbed: [], leftRunning: [] })
  })
})

describe('the declarations', () => {
  it('compile in a strict page that asks for no library but the DOM and has no types of Node', () => {
    const page = [
      'selvage',
      'selvage/webrtc',
      'selvage/simple-peer',
      'selvage/peerjs',
      'selvage/broadcast-channel',
      'selvage/indexeddb',
      'selvage/sim',
    ]
    const consumer = page.map((name, at) => `export * as part${at} from '${name}'`).join('\n')
    writeFileSync(join(installation, 'consumer.mts'), consumer)
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false', '--noEmit']
    const target = ['--target', 'es2022', '--lib', 'es2022,dom,dom.iterable', '--module', 'nodenext']
    const run = spawnSync(process.execPath, [compiler, ...strict, ...target, 'consumer.mts'], { cwd: installation })
    expect(String(run.stdout)).toBe('')
    expect(run.status).toBe(0)
  })
})

describe('what the package depends on', () => {
  const library = readFiles('src', (path) => path.endsWith('.ts') && !isTest(path))
  const imported = new Set([...library].flatMap(([path, text]) => importsOf(parse(path, text))))

  it('is used, all of it', () => {
    expect(library.size).toBeGreaterThan(60)
    expect(runtimeDependencies.filter((name) => !imported.has(name))).toEqual([])
  })

  it('is declared, all of it', () => {
    const specifiers = [...imported].filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
    const packages = specifiers.map((name) => name.split('/')[0] ?? '')
    expect(packages.filter((name) => ![...runtimeDependencies, ...optionalPeers].includes(name))).toEqual([])
  })

  it('is optional where only some subpaths need it', () => {
    expect(optionalPeers.filter((name) => manifest.peerDependenciesMeta?.[name]?.optional !== true)).toEqual([])
  })

  it('has its line in ARCHITECTURE.md', () => {
    const lines = readFileSync(`${repositoryRoot}ARCHITECTURE.md`, 'utf8').split('\n')
    const explained = (name: string): boolean => lines.some((line) => line.startsWith(`| \`${name}\` |`))
    expect(runtimeDependencies.filter((name) => !explained(name))).toEqual([])
  })
})
