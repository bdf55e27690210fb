import { DelegateSeam } from '../conformance/delegate-seam.ts'
import { describeLaws } from '../conformance/describe-laws.ts'
import type { SeamHarness } from '../conformance/seam-harness.ts'
import { seamLaws } from '../conformance/seam-laws.ts'
import type { CloseReason, Seam } from '../seam/contract.ts'
import { SimulatedNetwork, testIdentity, verifyTestSignature, VirtualClock } from '../sim/index.ts'
import type { ChannelOptions, Room } from './contract.ts'
import { SeamRoomFactory } from './seam-room-factory.ts'

/** Channels of rooms, over a simulated network, under the laws of seams: each law's room is a room indeed. */
function channelHarness(options: ChannelOptions): SeamHarness {
  const clock = new VirtualClock()
  const network = new SimulatedNetwork({ clock, seed: 3, latencyMs: 5, jitterMs: 5 })
  const rooms: Room[] = []
  let [sessions, peers] = [0, 0]
  const factoryOf = (name: string): SeamRoomFactory => {
    const identity = testIdentity(name)
    const verify = (...args: Parameters<typeof verifyTestSignature>): Promise<boolean> =>
      Promise.resolve(verifyTestSignature(...args))
    return new SeamRoomFactory(network.loom({ peerIdentity: identity }), { identity, verify, clock, policy: OPEN })
  }
  const channelOf = async (coming: Promise<Room>): Promise<Seam> => {
    const room = await coming
    rooms.push(room)
    return new ChannelOfRoom(room.channel('laws', options), room)
  }
  return {
    room: ({ maxPeers } = {}) => {
      const sessionName = `session-${++sessions}`
      const tag = { sessionName, peerKey: sessionName }
      const name = (): string => `peer-${++peers}`
      return {
        host: (wait) => channelOf(factoryOf(name()).host({ sessionName, maxPeers }, wait)),
        join: (wait) => channelOf(factoryOf(name()).join(tag, wait)),
        rejoin: (seam) => channelOf(factoryOf(seam.selfId).join(tag)),
      }
    },
    settle: (promise) => clock.run(promise, { limitMs: 120_000, graceMs: 20 }),
    quiet: () => clock.advance(10_000),
    capability: () => network.loom().capability(),
    loseLink: (a, b) => {
      network.cut(a.selfId, b.selfId)
      return Promise.resolve()
    },
    close: async () => {
      await clock.run(Promise.all(rooms.map((room) => room.leave())))
    },
  }
}

const OPEN = { maxMembers: 64 }

/** A channel that takes its room with it: the laws want the peer gone whose seam is closed. */
class ChannelOfRoom extends DelegateSeam {
  readonly #room: Room

  constructor(channel: Seam, room: Room) {
    super(channel)
    this.#room = room
  }

  override async close(reason?: CloseReason): Promise<void> {
    await super.close(reason)
    await this.#room.leave()
  }
}

describeLaws('a present channel of a room is a seam', seamLaws, () => channelHarness({ whileAway: 'present' }))
describeLaws('a kept channel of a room is a seam', seamLaws, () => channelHarness({ whileAway: 'kept' }))
