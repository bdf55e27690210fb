import { gameHost, gameJoin, json, TurnSequencer } from 'selvage'
import { openPlace } from 'selvage/indexeddb'
import { newRoomSecret, SignalTag, WebRtcLoom } from 'selvage/webrtc'

// The page's address is the table: whoever opens it sits down there, and a reload comes back to it.
const founding = location.hash === ''
const tag = founding ? new SignalTag({ room: 'counting', secret: newRoomSecret() }) : SignalTag.fromURL(location.href)
history.replaceState(null, '', tag.toURL(location.href))

// A place is who you are at this table: a key, and your copy of the log.
const { peerIdentity, storage } = await openPlace(tag.peerKey)
const servers = [new URL('/signal', location.href).href.replace('http', 'ws')]
const loom = new WebRtcLoom({ app: 'counting', servers, peerIdentity })

const seam = await loom.reopen(tag)
const game = founding ? await gameHost(seam, { peerCount: 2, storage }) : await gameJoin(seam, { storage })
const turns = new TurnSequencer(game.node, json<number>())

document.body.addEventListener('click', () => void turns.propose(1))
let sum = 0
for await (const turn of turns.events) {
  if (turn.kind === 'committed') document.body.textContent = `${(sum += turn.indexed.action)} clicks, agreed by both`
}
