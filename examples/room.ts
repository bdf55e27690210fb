import { announcePage, type ResumeToken, SeamRoomFactory } from 'selvage'
import { openPlace } from 'selvage/indexeddb'
import { newRoomSecret, SignalTag, WebRtcLoom } from 'selvage/webrtc'

// The page's address is the room: whoever opens it comes in, and a reload comes back as the same member.
const founding = location.hash === ''
const tag = founding ? new SignalTag({ room: 'guests', secret: newRoomSecret() }) : SignalTag.fromURL(location.href)
history.replaceState(null, '', tag.toURL(location.href))

const { peerIdentity: identity, number } = await openPlace(tag.peerKey)
const servers = [new URL('/signal', location.href).href.replace('http', 'ws')]
const loom = new WebRtcLoom({ app: 'guests', servers, peerIdentity: identity })

const kept = localStorage.getItem(`${tag.peerKey} ${number}`)
const token = kept === null ? undefined : (JSON.parse(kept) as ResumeToken)
const seam = founding ? await loom.reopen(tag) : await loom.join(tag)
const room = await new SeamRoomFactory(loom, { identity }).adopt(seam, { role: founding ? 'host' : 'joiner', token })
localStorage.setItem(`${tag.peerKey} ${number}`, JSON.stringify(room.resumeToken))
announcePage(room)

room.roster.subscribe((others) => {
  const here = [...others.values()].filter(({ liveness }) => liveness.kind === 'connected').length
  document.body.textContent = `${here + 1} of ${others.size + 1} are here. ${room.role.get() === 'host' ? 'You host.' : ''}`
})
