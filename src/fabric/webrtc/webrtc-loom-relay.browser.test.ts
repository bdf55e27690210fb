import { expect, inject, it } from 'vitest'
import { until } from '../../base/observable.ts'
import { newRoomSecret, SignalTag, WebRtcLoom } from './index.ts'

/** Relay candidates alone, and no TURN server to give any: no two of these can ever connect. */
function cutOff(): WebRtcLoom {
  const servers = inject('signalServers')
  return new WebRtcLoom({ app: 'relay', servers, iceServers: [], iceTransportPolicy: 'relay', relay: 'fallback' })
}

it('[RELAY-20] a pair that cannot connect meets through the server, sealed', { timeout: 30_000 }, async () => {
  const roomKey = newRoomSecret()
  const [host, joiner] = [cutOff(), cutOff()]
  await using a = await host.host({ sessionName: roomKey, roomKey })
  await using b = await joiner.join(new SignalTag({ room: roomKey }))
  await until(a.peers, (peers) => peers.size === 2)
  expect(joiner.links(b).get().get(a.selfId)).toMatchObject({ state: 'connected', route: 'relayed' })
  const payload = new Uint8Array(100_000).map((_, i) => i)
  await a.sendTo(b.selfId, payload.slice())
  const { value } = await b.incoming[Symbol.asyncIterator]().next()
  expect(value?.payload).toEqual(payload)
})
