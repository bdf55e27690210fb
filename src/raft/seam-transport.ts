import { ByteReader, ByteWriter, wellFormed } from '../base/bytes.ts'
import { ClosedError } from '../base/errors.ts'
import { observable, reportUncaught, sameMembers } from '../base/observable.ts'
import type { PeerId, Seam, Swatch } from '../seam/contract.ts'
import type { NodeId, RaftTransport } from './contract.ts'

/** Bytes handed to a link and not yet taken by it, beyond which frames for that peer are dropped. */
export const MAX_UNSENT_BYTES = 4_194_304

/** First byte of a binding frame. Raft frames begin with their version, which is never 0. */
const BINDING = 0
const BINDING_VERSION = 1

/** What two ends must have in common for frames to pass between them. */
export interface LinkBinding {
  readonly gameId: string
  readonly lineage: string
}

export interface SeamTransportOptions {
  /** Left out: empty, which only agrees with the same. */
  readonly binding?: LinkBinding | undefined
  /** A peer says that it plays something else. None of its frames pass; it may still say otherwise later. */
  readonly onMismatch?: ((peer: PeerId, theirs: LinkBinding) => void) | undefined
}

export interface SeamTransport extends RaftTransport {
  /** Frames dropped, by reason: `unbound`, `malformed`, `over-budget`, `congested`, `unreachable`. */
  readonly dropped: ReadonlyMap<string, number>
}

/**
 * Raft frames over a seam. The first frame either way on a link binds it: wire version, game, lineage. What
 * comes from a peer that has not bound to the same is dropped and counted, so nothing of another game or
 * lineage reaches a node. A node's ids are the seam's peer ids; the sender is the link's word, never the frame's.
 *
 * It says and hears nothing until `incoming` is read, and again once that reading has ended: the seam is the
 * caller's throughout.
 */
export function seamTransport(seam: Seam, options: SeamTransportOptions = {}): SeamTransport {
  const binding = options.binding ?? { gameId: '', lineage: '' }
  const bound = observable<ReadonlySet<NodeId>>(new Set(), sameMembers)
  const dropped = new Map<string, number>()
  const unsent = new Map<PeerId, number>()
  const greeted = new Set<PeerId>()
  let closed = false

  // What goes in one piece: a heartbeat waits behind no more of a peer's own frames than that.
  const maxFrameBytes = (): number | null => seam.maxFrameBytes ?? seam.maxPayloadBytes

  const watchers = new Set<(peer: NodeId, reason: string) => void>()

  const drop = (peer: PeerId, reason: string): void => {
    dropped.set(reason, (dropped.get(reason) ?? 0) + 1)
    for (const heard of watchers) heard(peer, reason)
  }

  const put = (to: PeerId, frame: Uint8Array): void => {
    const waiting = unsent.get(to) ?? 0
    const max = maxFrameBytes()
    if (max !== null && frame.length > max) return drop(to, 'over-budget')
    if (waiting + frame.length > MAX_UNSENT_BYTES && waiting > 0) return drop(to, 'congested')
    unsent.set(to, waiting + frame.length)
    const settle = (): void => {
      const left = (unsent.get(to) ?? 0) - frame.length
      if (left > 0) unsent.set(to, left)
      else unsent.delete(to)
    }
    seam.sendTo(to, frame).then(settle, () => {
      settle()
      drop(to, 'unreachable')
    })
  }

  const greet = (peers: ReadonlySet<PeerId>): void => {
    for (const peer of greeted) if (!peers.has(peer)) greeted.delete(peer)
    bound.set(new Set([...bound.get()].filter((peer) => peers.has(peer))))
    for (const peer of peers) {
      if (peer === seam.selfId || greeted.has(peer)) continue
      greeted.add(peer)
      put(peer, encodeBinding(binding, true))
    }
  }

  const onBinding = (from: PeerId, frame: Uint8Array): void => {
    const theirs = decodeBinding(frame)
    if (theirs === null) return drop(from, 'malformed')
    if (theirs.wantsAnswer) put(from, encodeBinding(binding, false))
    const agrees = theirs.gameId === binding.gameId && theirs.lineage === binding.lineage
    const without = [...bound.get()].filter((peer) => peer !== from)
    if (agrees && seam.peers.get().has(from)) bound.set(new Set([...without, from]))
    else bound.set(new Set(without))
    if (!agrees) tell(from, theirs)
  }

  const tell = (peer: PeerId, { gameId, lineage }: LinkBinding): void => {
    try {
      options.onMismatch?.(peer, { gameId, lineage })
    } catch (error) {
      // The owner's fault must not end the reading.
      reportUncaught(error)
    }
  }

  /** The frame is for the node; what is not is dealt with here. */
  const passes = (from: PeerId, frame: Uint8Array): boolean => {
    if (frame[0] === BINDING) {
      onBinding(from, frame)
      return false
    }
    if (bound.get().has(from)) return true
    drop(from, 'unbound')
    return false
  }

  let reading: { readonly source: AsyncIterator<Swatch>; readonly stopGreeting: () => void } | null = null

  const start = (): AsyncIterator<Swatch> => {
    if (closed) throw new ClosedError('the transport is closed: make another one over the same seam')
    const source = seam.incoming[Symbol.asyncIterator]()
    reading = { source, stopGreeting: seam.peers.subscribe((peers) => greet(peers)) }
    return source
  }

  const stop = async (): Promise<void> => {
    const was = reading
    reading = null
    was?.stopGreeting()
    greeted.clear()
    bound.set(new Set())
    await was?.source.return?.()
  }

  const frames = (): AsyncIterator<RaftFrame> => {
    const source = start()
    const end = { done: true, value: undefined } as const
    return {
      next: async () => {
        while (reading?.source === source) {
          const result = await source.next()
          if (result.done === true || reading?.source !== source) return end
          const { sender, payload } = result.value
          // The seam may use its buffer again, and the log keeps the commands where they lie.
          if (passes(sender, payload)) return { done: false, value: { from: sender, frame: new Uint8Array(payload) } }
        }
        return end
      },
      return: async () => {
        if (reading?.source === source) await stop()
        return end
      },
    }
  }

  return {
    selfId: seam.selfId,
    peers: bound,
    dropped,
    get maxFrameBytes(): number | null {
      return maxFrameBytes()
    },
    incoming: { [Symbol.asyncIterator]: frames },
    send(to, frame): void {
      if (bound.get().has(to)) put(to, frame)
      else drop(to, 'unreachable')
    },
    watchDrops(heard) {
      watchers.add(heard)
      return () => void watchers.delete(heard)
    },
    async close(): Promise<void> {
      closed = true
      await stop()
    },
  }
}

interface RaftFrame {
  readonly from: NodeId
  readonly frame: Uint8Array
}

function encodeBinding({ gameId, lineage }: LinkBinding, wantsAnswer: boolean): Uint8Array {
  return new ByteWriter().u8(BINDING).u8(BINDING_VERSION).flag(wantsAnswer).text(gameId).text(lineage).finish()
}

function decodeBinding(frame: Uint8Array): (LinkBinding & { readonly wantsAnswer: boolean }) | null {
  return wellFormed(() => {
    const r = new ByteReader(frame, 1)
    if (r.u8() !== BINDING_VERSION) return null
    const wantsAnswer = r.flag()
    const binding = { gameId: r.text(), lineage: r.text(), wantsAnswer }
    r.end()
    return binding
  })
}
