import { type Line, type Opened, sharedNow, type Subject } from '../line.ts'
import { sendInPieces } from '../pieces.ts'

type Note =
  | { readonly kind: 'description'; readonly description: RTCSessionDescriptionInit }
  | { readonly kind: 'candidate'; readonly candidate: RTCIceCandidateInit | null }

/** A bare RTCDataChannel, introduced over a BroadcastChannel: the least that any library could do. */
export function bareChannel(name: string): Subject {
  return {
    name,
    answer: (meeting) => Promise.resolve({ opened: connect(meeting, false), invitation: '' }),
    call: (meeting) => connect(meeting, true),
  }
}

async function connect(meeting: string, calls: boolean): Promise<Opened> {
  const connection = new RTCPeerConnection()
  const channel = connection.createDataChannel('bench', { negotiated: true, id: 0 })
  channel.binaryType = 'arraybuffer'
  const notes = new BroadcastChannel(meeting)
  const early: (RTCIceCandidateInit | null)[] = []
  const tell = (note: Note): void => notes.postMessage(note)
  const add = (candidate: RTCIceCandidateInit | null): Promise<void> =>
    connection.addIceCandidate(candidate ?? undefined)
  const heard = async (note: Note): Promise<void> => {
    if (note.kind === 'candidate') {
      if (connection.remoteDescription === null) early.push(note.candidate)
      else await add(note.candidate)
      return
    }
    await connection.setRemoteDescription(note.description)
    for (const candidate of early.splice(0)) await add(candidate)
    if (note.description.type === 'offer') await describe()
  }
  const describe = async (): Promise<void> => {
    await connection.setLocalDescription()
    const description = connection.localDescription
    if (description !== null) tell({ kind: 'description', description: description.toJSON() })
  }
  notes.addEventListener('message', (event: MessageEvent<Note>) => void heard(event.data))
  connection.addEventListener('icecandidate', (event) => {
    tell({ kind: 'candidate', candidate: event.candidate?.toJSON() ?? null })
  })
  const open = new Promise<void>((resolve) => channel.addEventListener('open', () => resolve(), { once: true }))
  const offeredAt = calls ? sharedNow() : null
  if (calls) await describe()
  await open
  const openAt = sharedNow()
  return { line: lineOver(channel, connection, notes), offeredAt, openAt }
}

function lineOver(channel: RTCDataChannel, connection: RTCPeerConnection, notes: BroadcastChannel): Line {
  const line: Line = {
    onFrame: () => {},
    send: sendInPieces(channel, (piece) => channel.send(piece)),
    close: () => {
      notes.close()
      connection.close()
    },
  }
  channel.addEventListener('message', (event: MessageEvent<ArrayBuffer>) => line.onFrame(new Uint8Array(event.data)))
  return line
}
