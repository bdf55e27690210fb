import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type Random, randomBetween } from '../../../base/random.ts'
import { seededRandom } from '../../../sim/index.ts'
import type { Operation } from './history.ts'
import { checkLinearizable } from './linearizability.ts'

const op = (kind: Operation['kind'], calledAt: number, returnedAt: number, text: string, key = 'k'): Operation => ({
  kind,
  key,
  input: kind === 'get' ? '' : text,
  output: kind === 'get' ? text : '',
  calledAt,
  returnedAt,
})

const verdict = (...operations: Operation[]): boolean => checkLinearizable(operations).linearizable

describe('the check of linearizability', () => {
  it('[RAFT-22] accepts what happened one after the other, and in either order what overlapped', () => {
    expect(verdict()).toBe(true)
    expect(verdict(op('put', 0, 1, 'a'), op('get', 2, 3, 'a'))).toBe(true)
    const overlapping = [op('put', 0, 5, 'a'), op('put', 1, 6, 'b')]
    expect(verdict(...overlapping, op('get', 7, 8, 'a'))).toBe(true)
    expect(verdict(...overlapping, op('get', 7, 8, 'b'))).toBe(true)
    expect(verdict(op('append', 0, 9, 'a'), op('append', 1, 8, 'b'), op('get', 10, 11, 'ba'))).toBe(true)
  })

  it('[RAFT-22] refuses a stale read, a read of nothing that was written, and a value that goes and comes back', () => {
    expect(verdict(op('put', 0, 1, 'a'), op('get', 2, 3, ''))).toBe(false)
    expect(verdict(op('put', 0, 1, 'a'), op('get', 2, 3, 'b'))).toBe(false)
    expect(verdict(op('put', 0, 9, 'a'), op('get', 1, 2, 'a'), op('get', 3, 4, ''))).toBe(false)
  })

  it('[RAFT-22] refuses an append that took effect twice, and one that was acknowledged and lost', () => {
    expect(verdict(op('append', 0, 1, 'a'), op('get', 2, 3, 'aa'))).toBe(false)
    expect(verdict(op('append', 0, 1, 'a'), op('append', 2, 3, 'b'), op('get', 4, 5, 'b'))).toBe(false)
  })

  it('[RAFT-22] lets what was never answered have happened at any time since, or not at all', () => {
    const unknown = op('append', 0, Infinity, 'a')
    expect(verdict(unknown, op('get', 5, 6, ''))).toBe(true)
    expect(verdict(unknown, op('get', 5, 6, 'a'))).toBe(true)
    expect(verdict(unknown, op('get', 5, 6, ''), op('get', 7, 8, 'a'))).toBe(true)
    expect(verdict(unknown, op('get', 5, 6, 'a'), op('get', 7, 8, ''))).toBe(false)
    expect(verdict(op('get', 5, Infinity, 'what nobody wrote'))).toBe(true)
  })

  it('[RAFT-22] judges each key by itself, and names the one that is wrong', () => {
    const history = [op('put', 0, 1, 'a', 'x'), op('put', 0, 1, 'b', 'y'), op('get', 2, 3, 'a', 'y')]
    expect(checkLinearizable(history)).toMatchObject({ linearizable: false, key: 'y' })
  })
})

describe('the check of linearizability, beside one that tries every order', () => {
  it('[RAFT-22] says the same of every small history', () => {
    const random = seededRandom('small histories')
    const verdicts = { yes: 0, no: 0 }
    for (let round = 0; round < 20_000; round++) {
      const history = smallHistory(random)
      const expected = explainedBySomeOrder(history, '')
      expect(verdict(...history), JSON.stringify(history)).toBe(expected)
      if (expected) verdicts.yes++
      else verdicts.no++
    }
    expect(Math.min(verdicts.yes, verdicts.no)).toBeGreaterThan(2000)
  })
})

/** Up to seven operations, of inputs that are often the same. */
function smallHistory(random: Random): Operation[] {
  const pick = <T>(items: readonly T[]): T => items[randomBetween(random, 0, items.length)] as T
  return Array.from({ length: randomBetween(random, 2, 8) }, () => {
    const kind = pick(['get', 'get', 'append', 'put'] as const)
    const text = kind === 'get' ? pick(['', 'a', 'b', 'ab', 'ba', 'ca', 'cab', 'abc']) : pick(['a', 'b', 'c', 'd'])
    const calledAt = randomBetween(random, 0, 10)
    return op(kind, calledAt, random() < 0.1 ? Infinity : calledAt + randomBetween(random, 1, 10), text)
  })
}

function explainedBySomeOrder(left: readonly Operation[], state: string): boolean {
  const answered = left.filter(({ returnedAt }) => returnedAt !== Infinity)
  if (answered.length === 0) return true
  const deadline = Math.min(...answered.map(({ returnedAt }) => returnedAt))
  return left.some((operation) => {
    if (operation.calledAt > deadline) return false
    if (operation.kind === 'get' && operation.output !== state && operation.returnedAt !== Infinity) return false
    const { kind, input } = operation
    const after = kind === 'get' ? state : kind === 'put' ? input : state + input
    return explainedBySomeOrder(
      left.filter((other) => other !== operation),
      after,
    )
  })
}

/** Histories of real clients with known verdicts; they are no part of this repository. */
const folder = fileURLToPath(new URL('../../../../../shared/data/linearizability/', import.meta.url))
const files = existsSync(folder) ? readdirSync(folder).filter((name) => /-(ok|bad)\.txt$/.test(name)) : []

describe('the check of linearizability, on recorded histories', () => {
  if (files.length === 0) {
    it('was left out: there is no ../shared/data/linearizability beside the project', () => {
      expect(existsSync(folder)).toBe(false)
    })
  }

  for (const name of files) {
    it(`[RAFT-22] judges ${name}`, { timeout: 60_000 }, () => {
      const history = parsed(readFileSync(folder + name, 'utf8'))
      expect(history.length).toBeGreaterThan(20)
      expect(checkLinearizable(history).linearizable).toBe(name.endsWith('-ok.txt'))
    })
  }

  it.runIf(files.length > 0)('[RAFT-22] notices each answer that is tampered with', { timeout: 60_000 }, () => {
    const name = files.find((each) => each === 'kv-c10-ok.txt') as string
    const history = parsed(readFileSync(folder + name, 'utf8'))
    const gets = history.filter(({ kind, output }) => kind === 'get' && output.length > 20)
    expect(gets.length).toBeGreaterThan(20)
    for (const get of gets.slice(0, 20)) {
      const tampered = history.map((each) => (each === get ? { ...each, output: each.output.slice(5) } : each))
      expect(checkLinearizable(tampered)).toMatchObject({ linearizable: false, key: get.key })
    }
  })
})

/** One line an event, in the order they happened: `{:process 0, :type :invoke, :f :get, :key "7", :value nil}`. */
function parsed(text: string): Operation[] {
  const operations: Operation[] = []
  const open = new Map<string, Operation>()
  text.split('\n').forEach((line, at) => {
    if (line === '') return
    const match = /:process (\d+), :type :(\w+), :f :(\w+), :key "(.*)", :value (?:nil|"(.*)")\}/.exec(line)
    if (match === null) throw new Error(`line ${at + 1} is no event: ${line}`)
    const [, process = '', type, kind, key = '', value = ''] = match
    if (type === 'invoke') {
      const fresh = {
        kind: kind as Operation['kind'],
        key,
        input: value,
        output: '',
        calledAt: at,
        returnedAt: Infinity,
      }
      operations.push(fresh)
      open.set(process, fresh)
    } else {
      const operation = open.get(process) as Operation
      operation.returnedAt = at
      if (operation.kind === 'get') operation.output = value
    }
  })
  return operations
}
