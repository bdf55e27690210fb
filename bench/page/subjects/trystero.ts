import { joinRoom } from 'trystero/nostr'
import { type Line, type Opened, sharedNow, type Subject } from '../line.ts'

/** trystero's own actions, which cut frames and wait for the channel by themselves, introduced by a relay of this machine. */
export const trystero: Subject = {
  name: 'trystero',
  answer: (meeting) => Promise.resolve({ opened: connect(meeting, false), invitation: '' }),
  call: (meeting) => connect(meeting, true),
}

/** It keeps offers ready and tells nobody of them: its offer begins when the caller joins, the relay included. */
async function connect(meeting: string, calls: boolean): Promise<Opened> {
  const port = new URLSearchParams(location.search).get('relay')
  const offeredAt = calls ? sharedNow() : null
  // Another application each time: between rooms of one application it keeps connections.
  const room = joinRoom(
    { appId: meeting, relayConfig: { urls: [`ws://127.0.0.1:${port}`] }, rtcConfig: { iceServers: [] } },
    meeting,
  )
  const frames = room.makeAction<Uint8Array<ArrayBuffer>>('frame')
  const target = await new Promise<string>((resolve) => {
    room.onPeerJoin = resolve
  })
  const openAt = sharedNow()
  const line: Line = {
    onFrame: () => {},
    send: (frame) => frames.send(frame, { target }),
    close: () => room.leave(),
  }
  frames.onMessage = (data) => line.onFrame(new Uint8Array(data))
  return { line, offeredAt, openAt }
}
