/// <reference lib="esnext.disposable" preserve="true" />
import type { ReadableAtom } from '../base/observable.ts'

/**
 * The contract every fabric keeps. A *loom* makes *seams*; a seam is one peer's symmetric view of a
 * session of any number of peers; a *swatch* is a frame that arrived over it. A *pattern* says what to
 * host, a *tag* what to join. The laws are in CONTRACT.md (SEAM-*, LOOM-*) and, as a suite any
 * implementation can be run against, in `selvage/conformance`.
 */
export interface Loom<T extends Tag = Tag> {
  weave(rendezvous: Rendezvous<T>, options?: WaitOptions): Promise<Seam>
  /** `weave` of a new session. Rejects within a stated bound and leaves nothing open. */
  host(pattern: Pattern, options?: WaitOptions): Promise<Seam>
  /** `weave` of an existing session. Rejects within a stated bound and leaves nothing open. */
  join(tag: T, options?: WaitOptions): Promise<Seam>
  capability(): TransportCapability
  availability(): Availability
}

export interface WaitOptions {
  /** Cancels the wait, never its result. */
  signal?: AbortSignal | undefined
}

/** Opaque and comparable by value. On real fabrics the hash of the peer's public key. */
export type PeerId = string

export interface PeerIdentity {
  readonly id: PeerId
  /** Uncompressed P-256 point, 65 bytes (SEC 1, section 2.3.3). */
  readonly publicKey: Uint8Array
  /** ECDSA with SHA-256 over `bytes`; 64 bytes, r then s. */
  sign(bytes: Uint8Array): Promise<Uint8Array>
}

export interface Pattern {
  readonly sessionName: string
  /** Public identity of the room: who knows it may come in. Left out, the room is private to its invite. */
  readonly roomKey?: string | undefined
  /** How many peers the session holds, the host included. Default 8. */
  readonly maxPeers?: number | undefined
}

export interface Tag {
  readonly sessionName: string
  /** Stable and unique within the discovery transport that made the tag. */
  readonly peerKey: string
  readonly roomKey?: string | undefined
}

export type Rendezvous<T extends Tag = Tag> =
  | { readonly kind: 'new'; readonly pattern: Pattern }
  | { readonly kind: 'existing'; readonly tag: T }

export interface TransportCapability {
  /** What the transport is, e.g. `data`, `webrtc`, `server-relay`. */
  readonly roles: ReadonlySet<string>
  readonly availability: Availability
}

export type Availability =
  | { readonly kind: 'available' }
  | { readonly kind: 'unavailable'; readonly reason?: string }
  | { readonly kind: 'unknown'; readonly reason?: string }

export type Delivery = 'reliable' | 'lossy'

export interface Swatch {
  /** A view on a larger buffer: `slice()` to keep it past the next frame. */
  readonly payload: Uint8Array
  /** Stamped from the authenticated link, never from the frame. */
  readonly sender: PeerId
  /** Counts from 1 per receiving view, across all senders. */
  readonly sequence: number
  readonly delivery: Delivery
}

export type SeamState =
  | { readonly kind: 'weaving' }
  | { readonly kind: 'woven' }
  | { readonly kind: 'torn'; readonly reason: CloseReason }

export type CloseReason =
  | { readonly kind: 'normal' | 'remote-requested' | 'unreachable' }
  | { readonly kind: 'error'; readonly cause: unknown }

export interface SendOptions extends WaitOptions {
  /** `reliable` (default): in order, no loss, no doubling. `lossy`: unordered, never sent again. */
  delivery?: Delivery | undefined
  /**
   * Hears how many bytes of the payload the local transport has taken, for all who are sent it, and of how many: after
   * each part of a large payload, and once with all of them before the send resolves. Never goes back.
   */
  onProgress?: ((sentBytes: number, totalBytes: number) => void) | undefined
}

/** A large payload on its way here. Bytes. */
export interface Arriving {
  readonly receivedBytes: number
  readonly totalBytes: number
}

export interface Seam extends AsyncDisposable {
  readonly selfId: PeerId
  /** Always holds `selfId`; exactly `{selfId}` when torn. */
  readonly peers: ReadableAtom<ReadonlySet<PeerId>>
  /** `torn` is final, and its first reason stays. */
  readonly state: ReadableAtom<SeamState>
  /** Largest payload a reliable send takes, bytes; `null` is unknown. May change: read before every send. */
  readonly maxPayloadBytes: number | null
  /**
   * Largest payload that goes in one piece, bytes; `null` is unknown. A larger one goes in parts of at most 64 KiB,
   * between which frames of other channels pass. Absent: as {@link maxPayloadBytes}.
   */
  readonly maxFrameBytes?: number | null
  /** Large payloads on their way here, by sender. Absent where that cannot be told. */
  readonly arriving?: ReadableAtom<ReadonlyMap<PeerId, Arriving>>
  /** Largest payload a lossy send takes, bytes; lossy frames are never chunked. */
  readonly maxLossyPayloadBytes: number | null
  /** For one consumer at a time, buffered until read; ends at torn, after what had arrived. */
  readonly incoming: AsyncIterable<Swatch>
  /**
   * Sends to every peer now listed, never to oneself. Resolves when the local transport took the frame
   * for each of them (a peer that leaves meanwhile counts as done); alone or weaving it resolves at once.
   * The array belongs to the library from here on. Rejects with `SeamTornError`, `PayloadTooLargeError`.
   */
  broadcast(payload: Uint8Array, options?: SendOptions): Promise<void>
  /**
   * Resolves when the local transport took the frame. Rejects, checked in this order, with
   * `SeamTornError`, `RangeError` (to oneself), `PeerNotConnectedError`, `PayloadTooLargeError`.
   */
  sendTo(peer: PeerId, payload: Uint8Array, options?: SendOptions): Promise<void>
  /** Idempotent; `torn` when it resolves. */
  close(reason?: CloseReason): Promise<void>
}

/** Bytes a view lets each sender have under way and unread, before the sender waits. At least one frame always goes. */
export const VIEW_CREDIT_BYTES = 1_048_576

/** Largest payload a seam takes unless its loom says otherwise. */
export const DEFAULT_MAX_PAYLOAD_BYTES = 67_108_864

/** Peers a session holds unless its pattern says otherwise. */
export const DEFAULT_MAX_PEERS = 8
