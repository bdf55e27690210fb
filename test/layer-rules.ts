import { posix } from 'node:path'
import ts from 'typescript'
import { isTest, parse, type SourceFiles, walk } from './source-file.ts'

/** What each layer may import; the order is the one of ARCHITECTURE.md. A layer may always import itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  seam: ['base'],
  signal: ['seam', 'base'],
  'mesh/link': ['signal', 'seam', 'base'],
  'mesh/seal': ['mesh/link', 'signal', 'seam', 'base'],
  'mesh/presence': ['mesh/seal', 'mesh/link', 'signal', 'seam', 'base'],
  'mesh/relay': ['mesh/presence', 'mesh/seal', 'mesh/link', 'signal', 'seam', 'base'],
  mesh: ['signal', 'seam', 'base'],
  'fabric/*': ['mesh', 'signal', 'seam', 'base'],
  room: ['signal', 'seam', 'base'],
  raft: ['seam', 'base'],
  game: ['room', 'raft', 'seam', 'base'],
  index: ['game', 'raft', 'room', 'fabric/*', 'mesh', 'signal', 'seam', 'base'],
  server: ['signal', 'base'],
  sim: ['raft', 'seam', 'base'],
  conformance: ['sim', 'game', 'raft', 'room', 'fabric/*', 'mesh', 'signal', 'seam', 'base'],
}

/** Packages, and the only places that may name them. */
const packageHomes: Readonly<Record<string, readonly string[]>> = {
  nanostores: ['src/base/observable.ts'],
  'idb-keyval': ['src/raft/storage/indexeddb/'],
  peerjs: ['src/fabric/peerjs/'],
  'simple-peer/simplepeer.min.js': ['src/fabric/simple-peer/'],
  ws: ['src/server/'],
  redis: ['src/server/redis-connection.ts'],
  vite: ['src/server/vite.ts'],
  vitest: ['src/conformance/'],
}
const nodeHome = 'src/server/'

/** Names whose use is a hidden clock, timer or die. */
const ambient: ReadonlySet<string> = new Set([
  'Date',
  'performance',
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'clearImmediate',
  'requestAnimationFrame',
  'requestIdleCallback',
])
const ambientMembers: ReadonlySet<string> = new Set(['Math.random', 'AbortSignal.timeout', 'process.hrtime'])
const globalObjects: ReadonlySet<string> = new Set(['globalThis', 'window', 'self'])

/** The files that may use some of them, and why. */
export const ambientHomes: Readonly<Record<string, { readonly names: readonly string[]; readonly why: string }>> = {
  'src/base/clock.ts': {
    names: ['Date', 'performance', 'setTimeout', 'clearTimeout'],
    why: 'the system clock itself',
  },
  'src/base/random.ts': { names: ['Math.random'], why: 'the system generator itself' },
}

/** One sentence for each breach of the layers in the library's own files; tests among them may import anything. */
export function layerViolations(files: SourceFiles): string[] {
  const violations: string[] = []
  for (const [path, text] of files) {
    if (isTest(path)) continue
    const source = parse(path, text)
    for (const specifier of importsOf(source)) {
      const breach = importBreach(path, specifier)
      if (breach !== null) violations.push(breach)
    }
    for (const name of ambientUses(source)) {
      if (ambientHomes[path]?.names.includes(name) !== true) {
        violations.push(`${path} uses ${name}: time and chance are passed in`)
      }
    }
  }
  return violations
}

/** The layer of a file: its folder below `src`, with every fabric, and every part of the mesh, a layer of its own. */
export function layerOf(path: string): string {
  const [, first = '', second = ''] = path.split('/')
  if (first.endsWith('.ts')) return first.slice(0, -'.ts'.length)
  if (first === 'mesh') return second.endsWith('.ts') || second === 'test-support' ? first : `mesh/${second}`
  return first === 'fabric' ? `fabric/${second}` : first
}

/** Every module a file names: imports, re-exports, `import()` and types in `import('…')`. */
export function importsOf(source: ts.SourceFile): string[] {
  const specifiers: string[] = []
  const add = (node: ts.Node | undefined): void => {
    if (node !== undefined && ts.isStringLiteralLike(node)) specifiers.push(node.text)
  }
  walk(source, (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node.moduleSpecifier)
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0])
  })
  return specifiers
}

function importBreach(path: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return packageBreach(path, specifier)
  const target = posix.join(posix.dirname(path), specifier)
  if (!target.startsWith('src/')) return `${path} imports ${specifier}, which is outside src`
  if (isTest(target)) return `${path} imports ${specifier}, which only tests may`
  const from = layerOf(path)
  const to = layerOf(target)
  if (from === to || (from === 'mesh' && to.startsWith('mesh/'))) return null
  const allowed = mayImport[from.startsWith('fabric/') ? generic(from) : from]
  if (allowed === undefined) return `${path} is in a layer without a rule: ${from}`
  return allowed.includes(generic(to)) || allowed.includes(to)
    ? null
    : `${path} imports ${specifier}: ${from} may not know ${to}`
}

function packageBreach(path: string, specifier: string): string | null {
  if (specifier.startsWith('node:')) {
    return path.startsWith(nodeHome) ? null : `${path} imports ${specifier}, which only ${nodeHome} may`
  }
  const homes = packageHomes[specifier]
  if (homes === undefined) return `${path} imports ${specifier}, a package without a rule`
  const atHome = homes.some((home) => path === home || (home.endsWith('/') && path.startsWith(home)))
  return atHome ? null : `${path} imports ${specifier}, which only ${homes.join(', ')} may`
}

function generic(layer: string): string {
  if (layer.startsWith('mesh/')) return 'mesh'
  return layer.startsWith('fabric/') ? 'fabric/*' : layer
}

function ambientUses(source: ts.SourceFile): string[] {
  const uses: string[] = []
  walk(source, (node) => {
    if (!ts.isIdentifier(node) || inType(node)) return
    const { parent } = node
    if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
      const object = parent.expression
      if (!ts.isIdentifier(object)) return
      const member = `${object.text}.${node.text}`
      if (ambientMembers.has(member)) uses.push(member)
      else if (globalObjects.has(object.text) && ambient.has(node.text)) uses.push(node.text)
    } else if (ambient.has(node.text) && !isName(node)) {
      uses.push(node.text)
    }
  })
  return uses
}

/** Whether the identifier names something of the file's own (a member, a variable) rather than the global. */
function isName(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAssignment(parent) || ts.isBindingElement(parent)) return parent.name === node
  return (
    ts.isMethodDeclaration(parent) ||
    ts.isMethodSignature(parent) ||
    ts.isPropertyDeclaration(parent) ||
    ts.isPropertySignature(parent)
  )
}

function inType(node: ts.Node): boolean {
  let at: ts.Node = node
  while (!ts.isStatement(at) && !ts.isExpressionStatement(at)) {
    if (ts.isTypeNode(at)) return true
    if (at.parent === undefined) return false
    at = at.parent
  }
  return false
}
