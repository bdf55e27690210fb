import { WebSocketServer } from 'ws'

/**
 * The least of a Nostr relay (NIP-01) that trystero's peers meet at: keeps nothing, checks no signature, and hands
 * each event to the subscriptions whose kinds and `x` tags it has. Resolves to its port and how to close it.
 */
export async function startRelay() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  const subscriptions = new Map()
  server.on('connection', (socket) => {
    subscriptions.set(socket, new Map())
    socket.on('close', () => subscriptions.delete(socket))
    socket.on('message', (text) => {
      const [type, first, filter] = JSON.parse(text)
      if (type === 'REQ') subscriptions.get(socket).set(first, filter)
      else if (type === 'CLOSE') subscriptions.get(socket).delete(first)
      else if (type === 'EVENT') {
        socket.send(JSON.stringify(['OK', first.id, true, '']))
        publish(first)
      }
    })
  })
  function publish(event) {
    const topics = event.tags.filter(([name]) => name === 'x').map(([, topic]) => topic)
    for (const [socket, wanted] of subscriptions) {
      for (const [id, { kinds, '#x': named }] of wanted) {
        if (kinds.includes(event.kind) && topics.some((topic) => named.includes(topic)))
          socket.send(JSON.stringify(['EVENT', id, event]))
      }
    }
  }
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    port: server.address().port,
    close: () => {
      for (const socket of server.clients) socket.terminate()
      server.close()
    },
  }
}
