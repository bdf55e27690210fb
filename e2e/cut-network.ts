import type { Page } from '@playwright/test'

/** A page whose network can be taken away. */
export interface Network {
  /** Ends every link and every connection to a server, and lets no new one come about. */
  cut(): Promise<void>
  mend(): Promise<void>
}

/**
 * Takes hold of the transports under the library, which knows nothing of it: peer connections are closed in the page,
 * sockets on their way to the server. To be called before the page is opened.
 */
export async function cutNetwork(page: Page): Promise<Network> {
  let isCut = false
  const sockets = new Set<{ close(): Promise<void> }>()
  await page.routeWebSocket('**/*', async (socket) => {
    if (isCut) return socket.close()
    sockets.add(socket)
    const server = socket.connectToServer()
    sockets.add(server)
  })
  await page.addInitScript(() => {
    const open = new Set<RTCPeerConnection>()
    const Native = RTCPeerConnection
    globalThis.RTCPeerConnection = class extends Native {
      constructor(configuration?: RTCConfiguration) {
        super(configuration)
        open.add(this)
      }
    }
    Object.assign(globalThis, {
      cutLinks: () => {
        for (const connection of open) connection.close()
        open.clear()
      },
    })
  })
  return {
    cut: async () => {
      isCut = true
      await page.evaluate(() => (globalThis as unknown as { cutLinks(): void }).cutLinks())
      await Promise.all([...sockets].map((socket) => socket.close()))
      sockets.clear()
    },
    mend: async () => {
      isCut = false
    },
  }
}
