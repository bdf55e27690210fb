import { expect, it } from 'vitest'
import type { BackplaneEvent } from '../signal/backplane.ts'
import { SignalEndpoint } from './signal-endpoint.ts'

it('an input that throws leaves the endpoint hearing those that follow', async () => {
  let hear: (event: BackplaneEvent) => void = () => {}
  const endpoint = new SignalEndpoint({
    backplane: {
      open: (onEvent) => {
        hear = onEvent
        return Promise.resolve()
      },
      ask: () => {},
      close: () => Promise.resolve(),
    },
  })
  expect(() => hear(null as unknown as BackplaneEvent)).toThrow(TypeError)
  hear({ kind: 'up', server: 'eu-1' })
  expect(endpoint.status.isReady).toBe(true)
  await endpoint.close()
})
