import { describe, expect, it } from 'vitest'
import type { SeamLink } from './lane.ts'
import { SeamCore } from './seam-core.ts'

const silent = (): SeamLink => ({ send: () => {}, grant: () => {} })

describe('SeamCore', () => {
  it('[SEAM-4] a seam closed by who hears that a peer is replaced does not list it again', () => {
    const core = new SeamCore({ selfId: 'a', maxPayloadBytes: () => null })
    core.link('b', silent())
    core.peers.listen((peers) => {
      if (!peers.has('b')) void core.close()
    })
    expect(core.link('b', silent())).toBe(false)
    expect(core.state.get().kind).toBe('torn')
    expect(core.peers.get()).toEqual(new Set(['a']))
  })

  it('[SEAM-33] frames that the reading of one lets in are counted after it', async () => {
    const core = new SeamCore({ selfId: 'a', maxPayloadBytes: () => null })
    const large = new Uint8Array(1_048_576)
    let more = 2
    core.link('b', {
      send: () => {},
      grant: () => {
        if (more-- > 0) core.received('b', large, 'reliable')
      },
    })
    const sequences: number[] = []
    const reading = (async () => {
      for await (const { sequence } of core.incoming) sequences.push(sequence)
    })()
    core.received('b', large, 'reliable')
    await new Promise((resolve) => void setImmediate(resolve))
    await core.close()
    await reading
    expect(sequences).toEqual([1, 2, 3])
  })
})
