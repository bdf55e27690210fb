import { describe, expect, it } from 'vitest'
import { WebRtcLoom, type WebRtcLoomOptions } from './index.ts'

describe('a WebRtcLoom', () => {
  it.each<[string, Partial<WebRtcLoomOptions>, ErrorConstructor]>([
    ['no servers', { servers: [] }, RangeError],
    ['no application', { app: '' }, TypeError],
    ['a server that is none', { servers: ['ftp://x'] }, TypeError],
  ])('[RTC-3] with %s is refused when it is made', (_what, options, refusal) => {
    expect(() => new WebRtcLoom({ app: 'tests', servers: ['ws://one.example/'], ...options })).toThrow(refusal)
  })
})
