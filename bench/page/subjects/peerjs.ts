import { Peer, type DataConnection } from 'peerjs'
import { type Line, type Opened, sharedNow, type Subject } from '../line.ts'
import { sendInPieces } from '../pieces.ts'

/** PeerJS with raw connections, the fastest that it has, introduced by a PeerServer of this machine. */
export const peerjs: Subject = {
  name: 'peerjs',
  async answer(meeting) {
    const peer = await openPeer(meeting)
    const opened = new Promise<Opened>((resolve) => {
      peer.on('connection', (connection) => {
        connection.on('open', () => resolve(openedOver(peer, connection, null)))
      })
    })
    return { opened, invitation: meeting }
  },
  async call(meeting, invitation) {
    const peer = await openPeer(`${meeting}-caller`)
    const offeredAt = sharedNow()
    const connection = peer.connect(invitation, { serialization: 'raw', reliable: true })
    await new Promise<void>((resolve) => connection.on('open', () => resolve()))
    return openedOver(peer, connection, offeredAt)
  },
}

async function openPeer(id: string): Promise<Peer> {
  const port = Number(new URLSearchParams(location.search).get('peerServer'))
  const peer = new Peer(id, { host: '127.0.0.1', port, path: '/', config: { iceServers: [] } })
  await new Promise<void>((resolve, reject) => {
    peer.on('open', () => resolve())
    peer.on('error', reject)
  })
  return peer
}

function openedOver(peer: Peer, connection: DataConnection, offeredAt: number | null): Opened {
  const openAt = sharedNow()
  const line: Line = {
    onFrame: () => {},
    send: sendInPieces(connection.dataChannel, (piece) => void connection.send(piece)),
    close: () => peer.destroy(),
  }
  connection.on('data', (data) => line.onFrame(new Uint8Array(data as ArrayBuffer)))
  return { line, offeredAt, openAt }
}
