import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InMemoryLoom, InMemoryTag } from '../fabric/memory/index.ts'
import { MuxSeam } from './mux-seam.ts'
import { NamedMux } from './named-mux.ts'

describe('muxes under arbitrary frames', () => {
  const frames = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 30 })

  for (const [name, Mux, key] of [
    ['MuxSeam', MuxSeam, 1],
    ['NamedMux', NamedMux, 'a'],
  ] as const) {
    it(`[MUX-14] ${name} never throws, and goes on carrying what is sound`, async () => {
      await fc.assert(
        fc.asyncProperty(frames, async (garbage) => {
          const loom = new InMemoryLoom()
          const a = await loom.host({ sessionName: 'fuzz' })
          const b = await loom.join(new InMemoryTag('b'))
          const mux = new Mux(b)
          const sound = new Mux(a)
          for (const frame of garbage) await a.broadcast(frame)
          const view = (mux.channel as (key: number | string) => typeof a).call(mux, key)
          await (sound.channel as (key: number | string) => typeof a)
            .call(sound, key)
            .broadcast(Uint8Array.of(42, 43, 44))
          await a.close()
          await b.close()
          const seen: string[] = []
          for await (const { payload } of view.incoming) seen.push(payload.join())
          expect(seen.at(-1)).toBe('42,43,44')
        }),
        { numRuns: 200 },
      )
    })
  }
})
