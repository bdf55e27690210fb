import { describe, expect, it } from 'vitest'
import { MAX_HELD_MESSAGES, Outbox } from './outbox.ts'

describe('outbox', () => {
  it('[RAFT-8] while the disk hangs, promises wait up to a bound; what is beyond it counts as lost', () => {
    const outbox = new Outbox()
    outbox.recordTerm(1, null)
    outbox.takeWrite()
    for (let i = 0; i < 3 * MAX_HELD_MESSAGES; i++)
      outbox.sendWhenDurable('b', { kind: 'vote-reply', term: 1, granted: true })
    expect(outbox.takeMessages()).toEqual([])
    outbox.written(1)
    expect(outbox.takeMessages()).toHaveLength(MAX_HELD_MESSAGES)
    outbox.sendWhenDurable('b', { kind: 'vote-reply', term: 1, granted: true })
    expect(outbox.takeMessages()).toHaveLength(1)
  })
})
