import { raftNode, type RaftNode, seamTransport } from 'selvage'
import { type Durability, IndexedDbRaftStorage } from 'selvage/indexeddb'
import { SignalTag, WebRtcLoom } from 'selvage/webrtc'
import { BareChannel } from './bare-channel.ts'
import { BareStore } from './bare-store.ts'

/** What the harness calls in each page. Only plain data crosses. */
export interface CommitPage {
  /** The page that will follow. Resolves with the invitation. */
  host(durability: Durability): Promise<string>
  /** The page that will lead: it times out first. Resolves when it leads. */
  lead(invitation: string, durability: Durability): Promise<void>
  /** First of all. */
  open(durability: Durability): Promise<void>
  offer(): Promise<RTCSessionDescriptionInit>
  answer(offer: RTCSessionDescriptionInit): Promise<RTCSessionDescriptionInit>
  accept(answer: RTCSessionDescriptionInit): Promise<void>
  /** Milliseconds of each of `count` operations, one after the other, `pauseMs` apart. */
  sample(what: 'round trip' | 'write' | 'bare commit' | 'commit', count: number, pauseMs: number): Promise<number[]>
  close(): Promise<void>
}

const COMMAND_BYTES = 100

const toClose: (() => Promise<void> | void)[] = []
const channel = new BareChannel()
let store: BareStore | null = null
let node: RaftNode | null = null

const page: CommitPage = {
  async host(durability) {
    const storage = await openStorage(durability)
    const loom = newLoom(storage)
    const seam = await loom.host({ sessionName: 'commit', maxPeers: 2 })
    toClose.push(() => seam.close())
    const stop = seam.peers.listen((peers) => {
      if (peers.size < 2) return
      stop()
      void start(seam, storage, { electionTimeoutMinMs: 20_000, electionTimeoutMaxMs: 30_000 })
    })
    return loom.invite(seam).toURL(location.href).href
  },
  async lead(invitation, durability) {
    const storage = await openStorage(durability)
    const seam = await newLoom(storage).join(SignalTag.fromURL(invitation))
    toClose.push(() => seam.close())
    await start(seam, storage, { electionTimeoutMinMs: 1000, electionTimeoutMaxMs: 1500 })
    await node?.awaitLeadership()
    await node?.propose(new Uint8Array(COMMAND_BYTES))
  },
  async open(durability) {
    store = await BareStore.open(durability)
  },
  offer: () => channel.offer(),
  answer: (offer) => channel.answer(offer, (bytes) => opened().write(bytes)),
  accept: (answer) => channel.accept(answer),
  async sample(what, count, pauseMs) {
    if (node === null) throw new Error('there is no node')
    const bare = opened()
    const propose = node.propose.bind(node)
    const run = {
      'round trip': () => channel.roundTrip(COMMAND_BYTES),
      // What any program has to do: the own write while the other end writes, and its word that it has.
      'bare commit': () => Promise.all([channel.roundTrip(COMMAND_BYTES, true), bare.write(COMMAND_BYTES)]),
      write: () => bare.write(COMMAND_BYTES),
      commit: () => propose(crypto.getRandomValues(new Uint8Array(COMMAND_BYTES))),
    }[what]
    const samples: number[] = []
    for (let i = 0; i < count; i++) {
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
      const startedAt = performance.now()
      await run()
      samples.push(performance.now() - startedAt)
    }
    return samples
  },
  async close() {
    for (const close of toClose.splice(0).toReversed()) await close()
    channel.close()
    store?.close()
  },
}

Object.assign(globalThis, { selvageBench: page })

function opened(): BareStore {
  if (store === null) throw new Error('nothing is open')
  return store
}

async function openStorage(durability: Durability): Promise<IndexedDbRaftStorage> {
  const storage = await IndexedDbRaftStorage.open(`bench ${crypto.randomUUID()}`, { durability })
  toClose.push(() => storage.close())
  return storage
}

function newLoom({ peerIdentity }: IndexedDbRaftStorage): WebRtcLoom {
  // One server for both pages, though they are of two origins.
  const server = `ws://127.0.0.1:${location.port}/signal`
  return new WebRtcLoom({ app: 'selvage-bench', servers: [server], iceServers: [], peerIdentity })
}

async function start(
  seam: Awaited<ReturnType<WebRtcLoom['join']>>,
  storage: IndexedDbRaftStorage,
  config: { electionTimeoutMinMs: number; electionTimeoutMaxMs: number },
): Promise<void> {
  const cluster = { voters: new Set(seam.peers.get()), learners: new Set<string>() }
  node = await raftNode({ id: seam.selfId, cluster, transport: seamTransport(seam), storage, config })
  const { close } = node
  toClose.push(close.bind(node))
}
