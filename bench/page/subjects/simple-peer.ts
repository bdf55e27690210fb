import SimplePeer from 'simple-peer/simplepeer.min.js'
import { type Line, type Opened, sharedNow, type Subject } from '../line.ts'
import { sendInPieces } from '../pieces.ts'

/** simple-peer with its direct `send()` and the same high-water mark: what many games use today. */
export const simplePeer: Subject = {
  name: 'simple-peer',
  answer: (meeting) => Promise.resolve({ opened: connect(meeting, false), invitation: '' }),
  call: (meeting) => connect(meeting, true),
}

async function connect(meeting: string, calls: boolean): Promise<Opened> {
  const notes = new BroadcastChannel(meeting)
  const offeredAt = calls ? sharedNow() : null
  const peer = new SimplePeer({ initiator: calls, config: { iceServers: [] } })
  peer.on('signal', (note) => notes.postMessage(note))
  notes.addEventListener('message', (event) => peer.signal(event.data))
  await new Promise<void>((resolve, reject) => {
    peer.on('connect', () => resolve())
    peer.on('error', reject)
  })
  const openAt = sharedNow()
  return { line: lineOver(peer, notes), offeredAt, openAt }
}

function lineOver(peer: SimplePeer, notes: BroadcastChannel): Line {
  const line: Line = {
    onFrame: () => {},
    send: sendInPieces(peer._channel, (piece) => peer.send(piece)),
    close: () => {
      peer.destroy()
      notes.close()
    },
  }
  peer.on('data', (data) => line.onFrame(data))
  return line
}
