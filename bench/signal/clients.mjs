/** The clients of one server: `node clients.mjs ours|peer`. */
import { WebSocket } from 'ws'
import { answering } from './answering.mjs'
import { dialects } from './dialects.mjs'

/** Handshakes under way at once, and messages of one pair. */
const AT_ONCE = 50
const OUTSTANDING = 8
const BODY = 'x'.repeat(200)

const dialect = dialects[process.argv[2]]
const idle = []
let names = 0

/** A socket that has been taken in: ours is in a room, the other has its id. */
function join(port, name, room) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(dialect.url(port, name), { perMessageDeflate: false })
    socket.once('error', reject)
    const greeting = dialect.greeting(name, room)
    if (greeting !== null) socket.once('open', () => socket.send(greeting))
    socket.once('message', (/** @type {Buffer} */ data) => {
      const text = data.toString()
      if (dialect.isWelcome(JSON.parse(text))) resolve(socket)
      else reject(new Error(`not taken in: ${text}`))
    })
  })
}

async function joinIdle({ port, connections }) {
  const start = performance.now()
  const line = async (first) => {
    for (let i = first; i < connections; i += AT_ONCE) {
      const name = `idle-${names++}`
      idle.push(await join(port, name, name))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, (_, first) => line(first)))
  return { seconds: (performance.now() - start) / 1_000 }
}

/** Pairs, each with some messages on the way to and fro; what arrives goes back. */
async function relay({ port, pairs, forMs }) {
  let messages = 0
  const sockets = []
  for (let i = 0; i < pairs; i++) {
    const [a, b] = [`pair-${i}-a`, `pair-${i}-b`]
    const [one, other] = [await join(port, a, `pair-${i}`), await join(port, b, `pair-${i}`)]
    sockets.push([one, a, b], [other, b, a])
  }
  const start = performance.now()
  for (const [socket, from, to] of sockets) {
    const text = dialect.message(from, to, BODY)
    socket.on('message', (data) => {
      if (!dialect.isMessage(data)) return
      messages++
      if (performance.now() - start < forMs) socket.send(text)
    })
    for (let i = 0; i < OUTSTANDING; i++) socket.send(text)
  }
  await new Promise((resolve) => setTimeout(resolve, forMs))
  return { messages, elapsedMs: performance.now() - start }
}

await answering({
  join: joinIdle,
  held: () => ({ open: idle.filter((socket) => socket.readyState === WebSocket.OPEN).length }),
  relay,
})
