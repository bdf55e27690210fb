import { describe, expect, it, vi } from 'vitest'
import { ambientHomes, layerOf, layerViolations } from './layer-rules.ts'
import { isTest, readFiles } from './source-file.ts'

/** Reading the whole tree takes seconds on a busy machine. */
vi.setConfig({ testTimeout: 60_000 })

const library = readFiles('src', (path) => path.endsWith('.ts') && !isTest(path))

describe('the layers of the library', () => {
  it('has the files of every layer before it', () => {
    const layers = new Set([...library.keys()].map(layerOf))
    for (const layer of [
      'base',
      'seam',
      'signal',
      'mesh',
      'fabric/memory',
      'fabric/webrtc',
      'room',
      'raft',
      'game',
      'server',
    ]) {
      expect(layers, 'layers with files').toContain(layer)
    }
    for (const layer of ['index', 'sim', 'conformance']) expect(layers, 'layers with files').toContain(layer)
    expect(library.size).toBeGreaterThan(60)
    for (const path of Object.keys(ambientHomes)) expect([...library.keys()]).toContain(path)
  })

  it('imports only downwards, and takes time and chance from its callers', () => {
    expect(layerViolations(library)).toEqual([])
  })
})

describe('the check of the layers', () => {
  it.each([
    ['an import that points up', 'src/seam/x.ts', "import { a } from '../game/a.ts'"],
    ['a type that points up', 'src/base/x.ts', "import type { A } from '../seam/contract.ts'"],
    ['a re-export that points up', 'src/raft/x.ts', "export * from '../game/index.ts'"],
    ['a lazy import that points up', 'src/raft/x.ts', "export const a = () => import('../game/index.ts')"],
    ['an import() type that points up', 'src/raft/x.ts', "export type A = import('../game/a.ts').A"],
    ['a link that knows who is in the room', 'src/mesh/link/x.ts', "import { a } from '../presence/a.ts'"],
    ['a part of the mesh that knows the whole', 'src/mesh/relay/x.ts', "import { a } from '../mesh.ts'"],
    ['a fabric in another', 'src/fabric/webrtc/x.ts', "import { a } from '../memory/a.ts'"],
    ['Raft that knows a fabric', 'src/raft/x.ts', "import { a } from '../fabric/memory/a.ts'"],
    ['the simulator in the library', 'src/game/x.ts', "import { VirtualClock } from '../sim/index.ts'"],
    ['the laws in the library', 'src/index.ts', "export * from './conformance/index.ts'"],
    ['the server in the library', 'src/index.ts', "export * from './server/index.ts'"],
    ['Node outside the server', 'src/seam/x.ts', "import { readFileSync } from 'node:fs'"],
    ['ws outside the server', 'src/signal/x.ts', "import { WebSocket } from 'ws'"],
    ['idb-keyval outside its storage', 'src/raft/x.ts', "import { get } from 'idb-keyval'"],
    ['nanostores beside the observable', 'src/game/x.ts', "import { atom } from 'nanostores'"],
    ['a package nobody allowed', 'src/game/x.ts', "import _ from 'lodash'"],
    ['a file outside src', 'src/game/x.ts', "import { a } from '../../test/a.ts'"],
    ['a test in the library', 'src/game/x.ts', "import { a } from './a.test.ts'"],
    ['a layer without a rule', 'src/extra/x.ts', "import { a } from '../base/a.ts'"],
    ['a timer', 'src/game/x.ts', 'setTimeout(() => {}, 5)'],
    ['a timer of the global object', 'src/game/x.ts', 'globalThis.setTimeout(() => {}, 5)'],
    ['a timer handed on', 'src/game/x.ts', 'export const later = { setTimeout }'],
    ['a clock', 'src/raft/x.ts', 'export const now = Date.now()'],
    ['a date', 'src/raft/x.ts', 'export const now = new Date()'],
    ['a monotonic clock', 'src/raft/x.ts', 'export const now = performance.now()'],
    ['a die', 'src/raft/x.ts', 'export const die = Math.random()'],
    ['a time-out in a signal', 'src/raft/x.ts', 'export const late = AbortSignal.timeout(5)'],
  ])('catches %s', (_what, path, text) => {
    expect(layerViolations(new Map([[path, text]]))).toHaveLength(1)
  })

  it.each([
    ['an import downwards', 'src/game/x.ts', "import { a } from '../raft/a.ts'"],
    ['the whole of its parts', 'src/mesh/x.ts', "import { a } from './relay/a.ts'"],
    ['a part of the mesh below', 'src/fabric/webrtc/x.ts', "import { a } from '../../mesh/link/a.ts'"],
    ['a folder of its own layer', 'src/raft/core/x.ts', "import { a } from '../storage/memory/a.ts'"],
    ['a clock that was passed in', 'src/game/x.ts', 'export const f = (clock: Clock) => clock.setTimeout(() => {}, 5)'],
    ['a member that is called like a timer', 'src/sim/x.ts', 'export class C { setTimeout(): void {} }'],
    ['the type of a timer', 'src/game/x.ts', 'export let a: ReturnType<typeof setTimeout>'],
    ['a comment', 'src/game/x.ts', '// setTimeout and Math.random() are not called here'],
    ['a test', 'src/game/x.test.ts', "import { VirtualClock } from '../sim/index.ts'"],
  ])('allows %s', (_what, path, text) => {
    expect(layerViolations(new Map([[path, text]]))).toEqual([])
  })
})
