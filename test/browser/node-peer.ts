import type { TestProject } from 'vitest/node'
import { WebSocket } from 'ws'
import { WebSocketLoom } from '../../src/fabric/websocket/index.ts'
import { startSignalServer } from '../../src/server/index.ts'

/**
 * A program in Node that is a peer like any other: it waits in a room for pages, and says back to each
 * whatever it hears of it. A test reads where with `inject('nodePeer')`.
 */
declare module 'vitest' {
  export interface ProvidedContext {
    nodePeer: { readonly server: string; readonly roomKey: string; readonly peer: string }
  }
}

const ROOM_KEY = 'node and pages'

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startSignalServer()
  const loom = new WebSocketLoom({ app: 'tests', servers: [server.url], WebSocket })
  const seam = await loom.host({ sessionName: ROOM_KEY, roomKey: ROOM_KEY })
  const echoing = (async () => {
    for await (const { sender, payload } of seam.incoming) await seam.sendTo(sender, payload.slice()).catch(() => {})
  })()
  project.provide('nodePeer', { server: server.url, roomKey: ROOM_KEY, peer: seam.selfId })
  return async () => {
    await seam.close()
    await echoing
    await server.close()
  }
}
