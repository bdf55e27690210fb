import { describe, expect, it } from 'vitest'
import type { Seam } from '../seam/contract.ts'
import { MuxSeam } from '../seam/mux-seam.ts'
import { encodeRoomMessage } from './codec.ts'
import type { Room } from './contract.ts'
import type { RoomMessage } from './core/message.ts'
import type { RoomState } from './core/room-state.ts'
import { Party, shown } from './test-support/party.ts'

/** A peer that says on the control channel whatever it likes. */
class Liar {
  readonly #control: Seam
  readonly #party: Party

  constructor(seam: Seam, party: Party) {
    this.#control = new MuxSeam(seam).channel(16)
    this.#party = party
  }

  async say(to: string, message: RoomMessage): Promise<void> {
    await this.#control.sendTo(to, encodeRoomMessage(message, this.#party.clock.now()))
    await this.#party.advance(20)
  }
}

function forgedState(room: Room, host: string, epoch: number): RoomState {
  const record = { deviceId: null, metadata: new Uint8Array(0), spectator: false, hidden: false }
  const member = (id: string, seniority: number) => ({
    ...record,
    id,
    key: new Uint8Array(65),
    name: id,
    seniority,
    resumes: 0,
    was: null,
    away: null,
  })
  return {
    roomId: room.roomId.get() ?? '',
    epoch,
    version: 1_000,
    host,
    policy: room.policy.get(),
    issuers: [],
    nextSeniority: 9,
    members: [member(host, 0), member(room.selfId, 1)],
    departed: [],
  }
}

describe('a peer that lies', () => {
  it('[ROOM-6] without membership moves nothing', async () => {
    const party = new Party()
    const [ann, bob] = await party.gather('ann', 'bob')
    const liar = new Liar(await party.seam('mal'), party)
    await party.advance(50)
    const roomId = ann!.roomId.get() ?? ''
    for (const [to, room] of [
      ['ann', ann!],
      ['bob', bob!],
    ] as const) {
      for (const lie of [
        { kind: 'roster', state: forgedState(room, 'mal', 50) },
        { kind: 'here', version: 1, roomId, epoch: 50, host: 'mal', connected: 60, nonce: 1 },
        { kind: 'merge' },
        { kind: 'yield', to: 'mal' },
        { kind: 'evicted', reason: 'kicked' },
        { kind: 'goodbye' },
        { kind: 'presence', presence: 'away' },
        { kind: 'alive', target: 'nobody' },
        { kind: 'probe', target: 'nobody' },
        { kind: 'token', token: { peerId: to, roomId, issuedAt: 1, expiresAt: 2, credential: 'x' } },
        { kind: 'ping', id: 1, view: { epoch: 2 ** 40, version: 1, digest: 1 } },
        { kind: 'knock', version: 1, roomId: null },
      ] as const) {
        await liar.say(to, lie)
      }
    }
    expect([shown(ann!), shown(bob!)]).toEqual([['bob'], ['ann*']])
    expect([ann!.role.get(), bob!.status.get().kind]).toEqual(['host', 'member'])
  })

  it('[ROOM-7] as a member speaks for itself alone', async () => {
    const party = new Party()
    const [ann, bob] = await party.gather('ann', 'bob')
    const cat = await party.join('cat')
    const sent: RoomMessage[] = [
      { kind: 'roster', state: forgedState(bob!, 'cat', 50) },
      { kind: 'yield', to: 'cat' },
      { kind: 'evicted', reason: 'kicked' },
      { kind: 'token', token: { peerId: 'bob', roomId: 'x', issuedAt: 1, expiresAt: 2, credential: 'x' } },
    ]
    const token = bob!.resumeToken
    // The member's page is replaced by a liar under the same id, as a modified client would be.
    const liar = new Liar(await party.seam('cat'), party)
    for (const lie of sent) await liar.say('bob', lie)
    expect(shown(bob!)).toEqual(['ann*', 'cat?'])
    expect(bob!.host.get()).toBe('ann')
    expect(bob!.resumeToken).toBe(token)
    expect(ann!.role.get()).toBe('host')
    expect(cat.selfId).toBe('cat')
  })

  it('[ROOM-27] sends nobody out of a room that it does not host', async () => {
    const party = new Party({ simulated: true })
    const [ann, bob] = await party.gather('ann', 'bob', 'mal')
    const roomId = ann!.roomId.get() ?? ''
    party.network.crash('mal')
    await party.advance(200)
    const liar = new Liar(await party.seam('mal'), party)
    await party.advance(50)
    party.network.cut('ann', 'bob')
    for (let round = 0; round < 20; round++) {
      await liar.say('bob', { kind: 'here', version: 1, roomId, epoch: 50, host: 'mal', connected: 60, nonce: round })
      await liar.say('bob', { kind: 'reject', code: 'banned', retryable: false })
    }
    expect(bob!.status.get().kind).not.toBe('ended')
    party.network.heal()
    await party.advance(3_000)
    expect([bob!.host.get(), bob!.status.get().kind]).toEqual(['ann', 'member'])
  })

  it('[ROOM-8] that is none, and thinks it is, is told', async () => {
    const party = new Party()
    const [ann] = await party.gather('ann', 'bob')
    const seam = await party.seam('mal')
    const control = new MuxSeam(seam).channel(16)
    const heard: number[] = []
    void (async () => {
      for await (const { payload } of control.incoming) heard.push(payload[0] ?? 0)
    })()
    const ping = encodeRoomMessage({ kind: 'ping', id: 1, view: { epoch: 1, version: 1, digest: 0 } }, 0)
    for (let i = 0; i < 50; i++) await control.sendTo('ann', ping)
    await party.advance(20)
    expect(heard.filter((kind) => kind === 14)).toHaveLength(1)
    expect(shown(ann!)).toEqual(['bob'])
  })
})
