import { createServer } from 'node:net'

/** A port of 127.0.0.1 that nobody listens on at the moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const bound = probe.address()
      probe.close(() => {
        if (bound !== null && typeof bound === 'object') resolve(bound.port)
        else reject(new Error('the operating system named no port'))
      })
    })
  })
}
