import { describe, expect, it } from 'vitest'
import type { RaftTraceEvent } from './trace-event.ts'
import { TRACE_CAPACITY, TraceStream } from './trace-stream.ts'

const commit = (index: number): RaftTraceEvent => ({ kind: 'commit', index, atMs: index })

async function readAll(reader: AsyncIterator<RaftTraceEvent>): Promise<RaftTraceEvent[]> {
  const events: RaftTraceEvent[] = []
  for (let next = await reader.next(); next.done !== true; next = await reader.next()) events.push(next.value)
  return events
}

describe('trace stream', () => {
  it('[TRC-1] each reader gets all events from when it began', async () => {
    const stream = new TraceStream(() => {})
    const early = stream[Symbol.asyncIterator]()
    stream.push(commit(1))
    const late = stream[Symbol.asyncIterator]()
    stream.push(commit(2))
    stream.end()
    expect(await readAll(early)).toEqual([commit(1), commit(2)])
    expect(await readAll(late)).toEqual([commit(2)])
    expect(await readAll(stream[Symbol.asyncIterator]())).toEqual([])
  })

  it('[TRC-1] a reader that waits is woken by an event, and by the end', async () => {
    const stream = new TraceStream(() => {})
    const reader = stream[Symbol.asyncIterator]()
    const both = [reader.next(), reader.next()]
    stream.push(commit(1))
    stream.end()
    expect(await Promise.all(both)).toEqual([
      { done: false, value: commit(1) },
      { done: true, value: undefined },
    ])
  })

  it.each([TRACE_CAPACITY + 1, 2 * TRACE_CAPACITY, 5 * TRACE_CAPACITY + 7])(
    '[TRC-2] of %i events a reader that is behind gets the newest, and is told how many it lost',
    async (count) => {
      const stream = new TraceStream(() => {})
      const slow = stream[Symbol.asyncIterator]()
      for (let index = 1; index <= count; index++) stream.push(commit(index))
      stream.end()
      const [lost, ...kept] = await readAll(slow)
      const first = count - TRACE_CAPACITY + 1
      expect(lost).toEqual({ kind: 'lost', count: count - TRACE_CAPACITY, atMs: first })
      expect(kept).toHaveLength(TRACE_CAPACITY)
      expect(kept[0]).toEqual(commit(first))
      expect(kept.at(-1)).toEqual(commit(count))
    },
  )

  it('[TRC-2] at the bound nothing is lost, and one reader’s haste is not another’s loss', async () => {
    const stream = new TraceStream(() => {})
    const [slow, quick] = [stream[Symbol.asyncIterator](), stream[Symbol.asyncIterator]()]
    for (let index = 1; index <= TRACE_CAPACITY; index++) {
      stream.push(commit(index))
      expect((await quick.next()).value).toEqual(commit(index))
    }
    stream.end()
    expect(await readAll(slow)).toHaveLength(TRACE_CAPACITY)
  })

  it('[TRC-3] the first reader turns it on, the last that goes turns it off', async () => {
    const heard: boolean[] = []
    const stream = new TraceStream((watched) => heard.push(watched))
    const [a, b] = [stream[Symbol.asyncIterator](), stream[Symbol.asyncIterator]()]
    await a.return?.()
    await a.return?.()
    expect(heard).toEqual([true])
    const waiting = b.next()
    await b.return?.()
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(heard).toEqual([true, false])
    expect(stream.isWatched).toBe(false)
    stream[Symbol.asyncIterator]()
    stream.end()
    expect(heard).toEqual([true, false, true])
  })
})
