import { describe, expect, inject, it } from 'vitest'
import { controlServers } from '../../../test/browser/control-servers.ts'
import { withinMs } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { SignalingUnavailableError } from '../../base/errors.ts'
import { until } from '../../base/observable.ts'
import { publicRoomAddress } from '../../mesh/seal/room-address.ts'
import { beaconOf } from './beacon-words.ts'
import { newRoomSecret, PeerJsLoom, PeerJsTag } from './index.ts'
import { openPeer } from './peer-server.ts'

function loom(servers: readonly string[]): PeerJsLoom {
  return new PeerJsLoom({ app: 'peerjs', servers })
}

function soon<T>(promise: Promise<T>): Promise<T> {
  return withinMs(systemClock, 20_000, promise, () => new Error('nothing came within 20 s'))
}

describe('PeerJsLoom', { timeout: 40_000 }, () => {
  it('[PEERJS-5] goes on when its PeerServer dies, and newcomers find it at the next of the list', async () => {
    await using servers = await controlServers(2, 'peer')
    const hosting = loom(servers.urls)
    const host = await soon(hosting.host({ sessionName: 'room' }))
    const tag = hosting.invite(host)
    expect(tag).toBeInstanceOf(PeerJsTag)
    const second = await soon(loom(servers.urls).join(tag))
    await servers.kill(0)
    const status = hosting.signalling(host)
    await soon(until(status, (now) => now.kind === 'attached' && now.url === servers.urls[1]))
    expect(host.peers.get().size).toBe(2)
    const third = await soon(loom(servers.urls).join(tag))
    await soon(until(third.peers, (peers) => peers.size === 3))
    await Promise.all([host, second, third].map((seam) => seam.close()))
  })

  it('[PEERJS-6] an id that the server still holds for a dead beacon is taken over', async () => {
    const [url, roomKey] = [inject('peerServer'), newRoomSecret()]
    const name = await beaconOf(await publicRoomAddress('peerjs', roomKey))
    const dead = await openPeer({ url, ...name, clock: systemClock, timeoutMs: 5_000 })
    const host = await soon(loom([url]).host({ sessionName: 'room', roomKey }))
    const joiner = await soon(loom([url]).join(new PeerJsTag({ room: roomKey })))
    expect(joiner.peers.get().size).toBe(2)
    dead?.destroy()
    await Promise.all([host.close(), joiner.close()])
  })

  it('[PEERJS-7] a PeerServer that is down is passed over; where all are, that is the error', async () => {
    await using servers = await controlServers(1, 'peer')
    const urls = [servers.urls[0] ?? '', inject('peerServer')]
    await servers.kill(0)
    const host = await soon(loom(urls).host({ sessionName: 'room' }))
    await host.close()
    await expect(soon(loom(urls.slice(0, 1)).host({ sessionName: 'room' }))).rejects.toBeInstanceOf(
      SignalingUnavailableError,
    )
  })
})
