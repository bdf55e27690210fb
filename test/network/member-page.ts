import { systemClock } from '../../src/base/clock.ts'
import { SignalingUnavailableError } from '../../src/base/errors.ts'
import { sleep } from '../../src/base/abort.ts'
import { until } from '../../src/base/observable.ts'
import { SignalTag, WebRtcLoom, type LinkStatus } from '../../src/fabric/webrtc/index.ts'
import { openPlace } from '../../src/raft/storage/indexeddb/index.ts'
import type { PeerId, Seam } from '../../src/seam/contract.ts'
import { Ledger, type Frame, type LedgerReport } from './ledger.ts'

/**
 * Runs in a page: one member of a room, which sends numbered frames to every other all the time and keeps account of
 * what it sends and receives. Its address says everything, so that a reload comes back as the same peer.
 */
export interface MemberSetup {
  readonly servers: readonly string[]
  readonly iceServers?: RTCIceServer[]
  readonly iceTransportPolicy?: RTCIceTransportPolicy
  /** Between two frames to one peer, milliseconds. */
  readonly intervalMs: number
  readonly joinTimeoutMs?: number
  /** Tries again while no signalling server can be reached, as a player would. */
  readonly retries?: boolean
  /** Only join: who founds the room and who comes later are told apart, and a failure is one. */
  readonly joins?: boolean
}

/** What a test may ask of the page, as `globalThis.member`. */
export interface MemberPage {
  /** Resolves once in the room; rejects with what kept it out. */
  readonly entered: Promise<PeerId>
  /** Resolves with what kept it out of the room. */
  readonly keptOut: Promise<string>
  peers(): PeerId[]
  /** Resolves with the first reason why there is no link that has these words. */
  why(words: string): Promise<string>
  /** Resolves with the time (epoch, milliseconds) at which frames sent after `sinceMs` had come from all of `peers`. */
  heard(peers: readonly PeerId[], sinceMs: number): Promise<number>
  /** Resolves with the time at which this member was attached to a signalling server. */
  attached(): Promise<number>
  /** Closes the transports under the fabric, which is not told: those at `which`, in the order they were opened. */
  cut(which: (open: number) => readonly number[]): number
  /** Sends nothing more. Resolves when what was being sent has gone. */
  rest(): Promise<void>
  report(): LedgerReport
  /** The kinds of candidates that the links in use run over, at this end. */
  candidateTypes(): Promise<string[]>
}

const connections = new Set<RTCPeerConnection>()
const Native = RTCPeerConnection
globalThis.RTCPeerConnection = class extends Native {
  constructor(configuration?: RTCConfiguration) {
    super(configuration)
    connections.add(this)
  }
}
const openConnections = (): RTCPeerConnection[] =>
  [...connections].filter(({ connectionState }) => connectionState === 'connected')

const setup = JSON.parse(new URL(location.href).searchParams.get('setup') ?? '') as MemberSetup
const tag = SignalTag.fromURL(location.href)
const life = crypto.randomUUID()
const ledger = new Ledger(life)
const sending = new Set<Promise<void>>()
let resting = false

const entering = enter()
entering.catch(() => {})

async function enter(): Promise<{ readonly loom: WebRtcLoom; readonly seam: Seam }> {
  const { peerIdentity } = await openPlace(tag.peerKey)
  const { servers, iceServers = [], iceTransportPolicy, joinTimeoutMs } = setup
  const loom = new WebRtcLoom({
    app: 'proof',
    servers,
    iceServers,
    iceTransportPolicy,
    relay: 'never',
    joinTimeoutMs,
    peerIdentity,
  })
  const seam = await weave(loom)
  void receive(seam)
  let before: ReadonlySet<PeerId> = new Set([seam.selfId])
  const onPeers = (now: ReadonlySet<PeerId>): void => {
    for (const peer of before) if (!now.has(peer)) ledger.left(peer)
    for (const peer of now) if (!before.has(peer)) sending.add(send(seam, peer, ledger.joined(peer)))
    before = now
  }
  seam.peers.listen(onPeers)
  onPeers(seam.peers.get())
  return { loom, seam }
}

async function weave(loom: WebRtcLoom): Promise<Seam> {
  for (;;) {
    try {
      return setup.joins === true ? await loom.join(tag) : await loom.reopen(tag)
    } catch (error) {
      if (setup.retries !== true || !(error instanceof SignalingUnavailableError)) throw error
      await sleep(systemClock, 250)
    }
  }
}

/** To one peer, for one stay of it on the roster. */
async function send(seam: Seam, peer: PeerId, stream: string): Promise<void> {
  while (!resting && ledger.isCurrent(peer, stream)) {
    const frame: Frame = { life, stream, number: ledger.nextNumber(stream), atMs: Date.now() }
    try {
      await seam.sendTo(peer, new TextEncoder().encode(JSON.stringify(frame)))
      ledger.sent(stream)
    } catch (error) {
      if (ledger.isCurrent(peer, stream)) ledger.violation(`a send to a listed peer was refused: ${String(error)}`)
      return
    }
    await sleep(systemClock, setup.intervalMs)
  }
}

async function receive(seam: Seam): Promise<void> {
  for await (const { payload, sender } of seam.incoming) {
    ledger.received(sender, JSON.parse(new TextDecoder().decode(payload)) as Frame)
  }
  ledger.violation(`the seam ended: ${JSON.stringify(seam.state.get())}`)
}

const member: MemberPage = {
  entered: entering.then(({ seam }) => seam.selfId),
  keptOut: entering.then(() => new Promise<string>(() => {}), String),
  peers: () => ledger.peers(),
  why: async (words) => {
    const { loom, seam } = await entering
    const whys = (links: ReadonlyMap<PeerId, LinkStatus>): string[] =>
      [...links.values()].flatMap(({ why }) => why ?? [])
    const links = await until(loom.links(seam), (now) => whys(now).some((why) => why.includes(words)))
    return whys(links).find((why) => why.includes(words)) ?? ''
  },
  heard: async (peers, sinceMs) => {
    while (!peers.every((peer) => ledger.lastSentMs(peer) > sinceMs)) await sleep(systemClock, 5)
    return Date.now()
  },
  attached: async () => {
    const { loom, seam } = await entering
    await until(loom.signalling(seam), ({ kind }) => kind === 'attached')
    return Date.now()
  },
  cut: (which) => {
    const open = openConnections()
    const chosen = which(open.length).flatMap((index) => open[index] ?? [])
    for (const connection of chosen) connection.close()
    return chosen.length
  },
  rest: async () => {
    resting = true
    await Promise.all(sending)
  },
  report: () => ledger.report(),
  candidateTypes: async () => {
    const reports = await Promise.all(openConnections().map((connection) => connection.getStats()))
    return reports.flatMap((report) => {
      const entries = [...(report as unknown as Map<string, Record<string, unknown>>).values()]
      const pairs = entries.filter(
        ({ type, state, nominated }) => type === 'candidate-pair' && state === 'succeeded' && nominated,
      )
      return pairs.map((pair) => String(entries.find(({ id }) => id === pair['localCandidateId'])?.['candidateType']))
    })
  },
}
Object.assign(globalThis, { member })
