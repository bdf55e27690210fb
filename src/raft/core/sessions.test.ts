import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MalformedBytesError } from '../../base/bytes.ts'
import { SESSION_WINDOW } from './client-session.ts'
import {
  ClientSessionTable,
  type Fate,
  MAX_AUTOMATIC_CLIENTS,
  MAX_DURABLE_CLIENTS,
  MAX_OWNERLESS_CLIENTS,
} from './sessions.ts'

/** A table, and entries that come one after the other. */
function table(...members: string[]) {
  const sessions = new ClientSessionTable()
  sessions.setMembers(new Set(members))
  let index = 0
  const apply = (proposer: string, clientId: string, requestId: number): Fate => {
    index++
    return sessions.apply({ index, term: 1 + (index >> 4), timeMs: 1000 + index, proposer }, { clientId, requestId })
  }
  return { sessions, apply }
}

const reread = (sessions: ClientSessionTable): ClientSessionTable => ClientSessionTable.fromBytes(sessions.toBytes())

describe('the table of client sessions', () => {
  it('[SESS-1] a request applies once, whatever the order within the window', () => {
    const sessions = new ClientSessionTable()
    const ids = [5, 1, 9, 0, 2 ** 53 - 1, 3]
    for (const requestId of ids) expect(sessions.shouldApply({ clientId: 'ann', requestId })).toBe(true)
    for (const requestId of ids) expect(sessions.shouldApply({ clientId: 'ann', requestId })).toBe(false)
    expect(sessions.shouldApply({ clientId: 'bob', requestId: 5 })).toBe(true)
    expect(reread(sessions).shouldApply({ clientId: 'ann', requestId: 9 })).toBe(false)
    expect(reread(sessions).shouldApply({ clientId: 'ann', requestId: 4 })).toBe(true)
  })

  it('[SESS-1] it remembers where each request first took effect', () => {
    const { sessions, apply } = table('a')
    apply('a', 'ann', 7)
    apply('a', 'ann', 3)
    expect(apply('a', 'ann', 7)).toEqual({ requestId: 7, index: 1, term: 1, timeMs: 1001 })
    expect(reread(sessions).look({ clientId: 'ann', requestId: 3 }, 'a')).toMatchObject({ index: 2, timeMs: 1002 })
  })

  it('[SESS-2] of each client the requests with the highest ids are remembered, and what is below them has expired', () => {
    const { sessions, apply } = table('a')
    for (let i = 0; i < SESSION_WINDOW; i++) expect(apply('a', 'ann', 10 + 2 * i)).toBe('new')
    // One below, while nothing was forgotten yet, is still new: and is the first to be forgotten.
    expect(apply('a', 'ann', 4)).toBe('new')
    expect(apply('a', 'ann', 4)).toBe('expired')
    expect(apply('a', 'ann', 9)).toBe('new')
    expect(apply('a', 'ann', 9)).toBe('expired')
    expect(apply('a', 'ann', 10)).toMatchObject({ index: 1 })
    expect(apply('a', 'ann', 11)).toBe('new')
    expect(apply('a', 'ann', 10)).toBe('expired')
    expect(sessions.look({ clientId: 'ann', requestId: 12 }, 'a')).toMatchObject({ index: 2 })
  })

  it('[SESS-3] a client belongs to the first member that uses it, until that member leaves; what it did stays known', () => {
    const { sessions, apply } = table('a', 'b')
    expect(apply('a', 'ann', 1)).toBe('new')
    expect(apply('b', 'ann', 1)).toBe('foreign')
    expect(apply('b', 'ann', 2)).toBe('foreign')
    expect(reread(sessions).look({ clientId: 'ann', requestId: 2 }, 'b')).toBe('foreign')
    sessions.setMembers(new Set(['b']))
    expect(apply('b', 'ann', 1)).toMatchObject({ index: 1 })
    expect(apply('b', 'ann', 2)).toBe('new')
    sessions.setMembers(new Set(['a', 'b']))
    expect(apply('a', 'ann', 3)).toBe('foreign')
  })

  it('[SESS-3] an automatic client belongs to the node that its id names', () => {
    const { apply } = table('a', 'a-b')
    expect(apply('a', 'auto:a-b-0123456789abcdef', 1)).toBe('foreign')
    expect(apply('a-b', 'auto:a-b-0123456789abcdef', 1)).toBe('new')
    expect(apply('a', 'auto:a-0123456789abcdef', 1)).toBe('new')
    expect(apply('a-b', 'auto:a-0123456789abcdef', 1)).toBe('foreign')
  })

  it('[SESS-4] of a member the automatic clients used last are remembered', () => {
    const { sessions, apply } = table('a')
    const process = (i: number): string => `auto:a-000000000000000${i}`
    for (let i = 0; i < MAX_AUTOMATIC_CLIENTS; i++) apply('a', process(i), 1)
    apply('a', process(0), 2)
    apply('a', process(MAX_AUTOMATIC_CLIENTS), 1)
    expect(sessions.look({ clientId: process(0), requestId: 1 }, 'a')).toMatchObject({ index: 1 })
    expect(sessions.look({ clientId: process(1), requestId: 1 }, 'a')).toBe('new')
  })

  it('[SESS-4] no durable client of a member is ever forgotten: one too many is refused, and others are served', () => {
    const { apply } = table('a', 'b')
    for (let i = 0; i < MAX_DURABLE_CLIENTS; i++) expect(apply('a', `client ${i}`, 1)).toBe('new')
    expect(apply('a', 'one more', 1)).toBe('crowded')
    expect(apply('a', 'client 0', 2)).toBe('new')
    expect(apply('a', 'auto:a-0123456789abcdef', 1)).toBe('new')
    expect(apply('b', 'one more', 1)).toBe('new')
  })

  it('[SESS-4] of the clients of those who left, the ones used last are remembered', () => {
    const { sessions, apply } = table()
    for (let i = 0; i <= MAX_OWNERLESS_CLIENTS; i++) apply('stranger', `client ${i}`, 1)
    expect(sessions.look({ clientId: 'client 0', requestId: 1 }, 'a')).toBe('new')
    expect(sessions.look({ clientId: 'client 1', requestId: 1 }, 'a')).toMatchObject({ index: 2 })
  })
})

const step = fc.record({
  proposer: fc.constantFrom('a', 'b'),
  clientId: fc.constantFrom('ann', 'bob', 'auto:a-1', 'auto:b-1'),
  requestId: fc.nat(3000),
})

describe('the bytes of the table', () => {
  it('[SESS-5] the same log makes the same bytes, and a table read from them goes on as the one that wrote them', () => {
    expect(new ClientSessionTable().toBytes()).toHaveLength(0)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(60), (steps, cut) => {
        const [one, two] = [table('a', 'b'), table('a', 'b')]
        let copy = new ClientSessionTable()
        steps.forEach(({ proposer, clientId, requestId }, i) => {
          if (i === cut) copy = reread(one.sessions)
          const fate = one.apply(proposer, clientId, requestId)
          expect(two.apply(proposer, clientId, requestId)).toEqual(fate)
          const place = { index: i + 1, term: 1 + ((i + 1) >> 4), timeMs: 1001 + i, proposer }
          if (i >= cut)
            expect(copy.apply(place, { clientId, requestId })).toMatchObject(fate === 'new' ? {} : (fate as object))
        })
        expect(two.sessions.toBytes()).toEqual(one.sessions.toBytes())
        expect(reread(one.sessions).toBytes()).toEqual(one.sessions.toBytes())
        if (cut < steps.length) expect(copy.toBytes()).toEqual(one.sessions.toBytes())
      }),
    )
  })

  it('[SESS-5] a session that has forgotten requests comes back as it was, however its requests came', () => {
    const ids = Array.from({ length: 2.5 * SESSION_WINDOW }, (_, i) => (i * 7919) % 4099)
    const { sessions, apply } = table('a')
    for (const requestId of ids) apply('a', 'ann', requestId)
    const copy = reread(sessions)
    expect(copy.toBytes()).toEqual(sessions.toBytes())
    for (let requestId = 0; requestId < 4200; requestId++) {
      const key = { clientId: 'ann', requestId }
      expect(copy.look(key, 'a')).toEqual(sessions.look(key, 'a'))
    }
  })

  it('[SESS-6] bytes that no table wrote are refused, whatever they are', () => {
    const { sessions, apply } = table('a', 'b')
    for (let i = 0; i < 20; i++) apply(i % 3 === 0 ? 'a' : 'b', i % 3 === 0 ? 'ann' : 'bob', (i * 5) % 7)
    const bytes = sessions.toBytes()
    const read = (mutated: Uint8Array): Uint8Array | null => {
      try {
        return ClientSessionTable.fromBytes(mutated).toBytes()
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedBytesError)
        return null
      }
    }
    for (let end = 1; end < bytes.length; end++) expect(read(bytes.slice(0, end))).toBeNull()
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const mutated = bytes.slice()
        mutated[at] = value
        const back = read(mutated)
        // What is understood at all is one table's own bytes.
        if (back !== null) expect(back).toEqual(mutated)
      }),
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (random) => void read(random)))
  })
})
