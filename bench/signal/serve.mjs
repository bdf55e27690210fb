/** One server in a process of its own: `node serve.mjs ours|peer <connections>`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { answering } from './answering.mjs'

const [kind, connections] = process.argv.slice(2)
const most = Number(connections)
/** Nobody is to be slowed down: the other server does not either. */
const unlimited = { maxMessagesPerSecond: 1e9, burstMessages: 1e9 }

const start = {
  ours: async () => {
    const { startSignalServer } = await import('../dist/signal/server.mjs')
    const all = { maxConnections: most, maxConnectionsPerAddress: most, maxRooms: most }
    const { port } = await startSignalServer({
      limits: { ...all, attachesPerSecond: most, burstAttaches: most, ...unlimited },
    })
    return port
  },
  peer: async () => {
    const { PeerServer } = await import('peer')
    return new Promise((resolve) => {
      PeerServer({ port: 0, host: '127.0.0.1', path: '/', concurrent_limit: most }, (server) =>
        resolve(server.address().port),
      )
    })
  },
}

await answering({
  listen: async () => ({ port: await start[kind]() }),
  memory: async () => {
    globalThis.gc()
    await sleep(100)
    globalThis.gc()
    return { bytes: process.memoryUsage.rss() }
  },
})
