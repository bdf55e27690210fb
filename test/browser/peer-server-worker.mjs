import { parentPort, workerData } from 'node:worker_threads'
import { PeerServer } from 'peer'

/** A PeerServer keeps timers that nothing ends: it has a thread of its own, which can be. */
PeerServer({ port: workerData.port, host: '127.0.0.1', path: '/' }, (server) => {
  parentPort.postMessage(server.address().port)
})
