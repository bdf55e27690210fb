import { afterEach, expect, inject, it } from 'vitest'
import { SignalTag, WebRtcLoom } from '../fabric/webrtc/index.ts'
import { IndexedDbRaftStorage } from '../raft/storage/indexeddb/index.ts'
import { gameHost, gameJoin } from './bootstrap.ts'
import type { GameSession } from './contract.ts'
import { seated, turnsOf } from './test-support/table.ts'
import { take } from './test-support/scripted-node.ts'

/** One player's page: a loom under the identity of a database. */
interface Page {
  readonly storage: IndexedDbRaftStorage
  readonly loom: WebRtcLoom
}

const pages: Page[] = []
const sessions: GameSession[] = []
const signal = AbortSignal.timeout(30_000)

async function open(database: string): Promise<Page> {
  const storage = await IndexedDbRaftStorage.open(database)
  const servers = inject('signalServers')
  const loom = new WebRtcLoom({ app: 'selvage tests', servers, iceServers: [], peerIdentity: storage.peerIdentity })
  pages.push({ storage, loom })
  return { storage, loom }
}

async function kept(arriving: Promise<GameSession>): Promise<GameSession> {
  const session = await arriving
  sessions.push(session)
  return session
}

async function leaveAll(): Promise<void> {
  await Promise.all(sessions.splice(0).map((session) => session.close()))
  await Promise.all(pages.splice(0).map(({ storage }) => storage.close()))
}

async function actions(session: GameSession, count: number): Promise<number[]> {
  const events = await take(turnsOf(session).events, count)
  return events.map((event) => (event.kind === 'committed' ? event.indexed.action : Number.NaN))
}

afterEach(leaveAll)

it('[GAME-4] [GAME-9] over WebRTC and IndexedDB: two play, both leave, the joiner is back first, play goes on', async () => {
  const run = crypto.randomUUID()
  const ann = await open(`game-ann-${run}`)
  const bob = await open(`game-bob-${run}`)
  const seam = await ann.loom.host({ sessionName: 'table' })
  const invitation = ann.loom.invite(seam).toURL(new URL('https://page.example/')).href
  const hosting = kept(gameHost(seam, { peerCount: 2, storage: ann.storage, signal }))
  const seamOfBob = await bob.loom.join(SignalTag.fromURL(invitation))
  const [host, joiner] = await Promise.all([hosting, kept(gameJoin(seamOfBob, { storage: bob.storage, signal }))])
  expect(seated(joiner)).toEqual([ann.storage.peerIdentity.id, bob.storage.peerIdentity.id])
  await turnsOf(host).propose(1, { signal })
  await turnsOf(joiner).propose(2, { signal })
  expect(await actions(host, 2)).toEqual([1, 2])
  expect(await actions(joiner, 2)).toEqual([1, 2])
  await leaveAll()

  const bobAgain = await open(`game-bob-${run}`)
  const early = await bobAgain.loom.reopen(SignalTag.fromURL(invitation), { signal })
  const joinerAgain = await kept(gameJoin(early, { storage: bobAgain.storage, signal }))
  expect(seated(joinerAgain)).toEqual(seated(joiner))
  const waiting = turnsOf(joinerAgain).propose(3, { signal })

  const annAgain = await open(`game-ann-${run}`)
  const late = await annAgain.loom.reopen(SignalTag.fromURL(invitation), { signal })
  const hostAgain = await kept(gameHost(late, { peerCount: 2, storage: annAgain.storage, signal }))
  expect((await waiting).proposer).toBe(bob.storage.peerIdentity.id)
  await turnsOf(hostAgain).propose(4, { signal })
  expect(await actions(joinerAgain, 4)).toEqual([1, 2, 3, 4])
  expect(await actions(hostAgain, 4)).toEqual([1, 2, 3, 4])
}, 40_000)
