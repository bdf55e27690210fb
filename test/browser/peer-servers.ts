import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** A real PeerServer on loopback. */
export interface RunningPeerServer {
  readonly url: string
  readonly port: number
  /** Its connections are cut without a word, and its port refuses. */
  close(): Promise<void>
}

/** `port` 0, the default: a free one. */
export async function startPeerServer({ port = 0 }: { port?: number } = {}): Promise<RunningPeerServer> {
  const worker = new Worker(new URL('peer-server-worker.mjs', import.meta.url), { workerData: { port } })
  // Rejects with what the worker threw.
  const [bound] = (await once(worker, 'message')) as [number]
  return {
    url: `ws://127.0.0.1:${bound}/`,
    port: bound,
    close: async () => {
      await worker.terminate()
    },
  }
}
