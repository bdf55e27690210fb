import { expect, it } from 'vitest'
import { gameHost, gameJoin, InMemoryLoom, InMemoryTag, json, TurnSequencer, type TurnEvent } from 'selvage'
import { VirtualClock } from 'selvage/sim'

it('[GAME-1] [GAME-4] [GAME-13] [TURN-1] two players host, join, move and chat', async () => {
  const clock = new VirtualClock()
  const raftConfig = { expectVirtualTime: true }
  const loom = new InMemoryLoom()
  const hostSeam = await loom.host({ sessionName: 'tic-tac-toe' })
  const joinSeam = await loom.join(new InMemoryTag('player-2'))

  // Launched together: gameHost waits while it admits joiners, gameJoin until it is admitted.
  const hosting = gameHost(hostSeam, { peerCount: 2, raftConfig, clock })
  const joining = gameJoin(joinSeam, { raftConfig, clock })
  const [host, joiner] = await clock.run(Promise.all([hosting, joining]))

  // Both nodes are voters; either may propose, and the follower's proposal is forwarded to the leader.
  const hostGame = new TurnSequencer(host.node, json<number>())
  const joinerGame = new TurnSequencer(joiner.node, json<number>())
  expect(host.node.membership.get().voters).toEqual(new Set([hostSeam.selfId, joinSeam.selfId]))
  expect(joiner.node.membership.get().voters).toEqual(new Set([hostSeam.selfId, joinSeam.selfId]))

  const move = await clock.run(hostGame.propose(1))
  expect(move.action).toBe(1)

  const joinerMove = await clock.run(joinerGame.propose(2))
  expect(joinerMove.action).toBe(2)

  // An application channel (chat, cursors, …) over the same seam as the agreement.
  const incoming = joiner.appChannel('chat').incoming[Symbol.asyncIterator]()
  await host.appChannel('chat').broadcast(new TextEncoder().encode('hi'))
  const swatch = await clock.run(incoming.next())
  expect(swatch.value?.payload.length).toBe(2)

  // The committed turns, on any node.
  const events: TurnEvent<number>[] = []
  await clock.run(
    (async () => {
      for await (const event of joinerGame.events) {
        events.push(event)
        if (events.length === 2) break
      }
    })(),
  )
  expect(events.map((event) => event.kind === 'committed' && event.indexed.action)).toEqual([1, 2])

  // Done: each session stops its node, then closes its seam.
  await host.close()
  await joiner.close()
  expect(hostSeam.state.get().kind).toBe('torn')
  expect(clock.pendingTimers).toBe(0)
})
