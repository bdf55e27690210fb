/**
 * Peer-to-peer games in the browser: a symmetric seam between peers, and one log of turns that they agree
 * on. This entry holds what runs anywhere; fabrics and storages that need a browser have their own subpaths.
 */

/* ── Time, chance, errors, observables ─────────────────────────────────────────────────────── */
export { systemClock, type Clock } from './base/clock.ts'
export { workerClock, type WorkerClock } from './base/worker-clock.ts'
export { systemRandom, type Random } from './base/random.ts'
export type { ReadableAtom } from './base/observable.ts'
export * from './base/errors.ts'

/* ── Seams ─────────────────────────────────────────────────────────────────────────────────── */
export type {
  Availability,
  CloseReason,
  Delivery,
  Loom,
  Pattern,
  PeerId,
  PeerIdentity,
  Rendezvous,
  Seam,
  SeamState,
  SendOptions,
  Swatch,
  Tag,
  TransportCapability,
  WaitOptions,
} from './seam/contract.ts'
export { VIEW_CREDIT_BYTES } from './seam/contract.ts'
export { createPeerIdentity } from './seam/peer-identity.ts'
export {
  roundRobin,
  ServerClusterReconnect,
  type EndpointSelector,
  type Joiner,
} from './seam/server-cluster-reconnect.ts'
export {
  keepConnected,
  type ConnectionProgress,
  type KeepConnectedOptions,
  type KeptSeam,
} from './seam/keep-connected.ts'
export type { EndpointState } from './seam/endpoint-health.ts'
export type { ResumeToken } from './seam/resume-token.ts'
export { MuxSeam } from './seam/mux-seam.ts'
export { NamedMux } from './seam/named-mux.ts'
export type { MuxCounts } from './seam/channel-mux.ts'
export { InMemoryLoom, InMemoryTag, type InMemoryLoomOptions } from './fabric/memory/index.ts'

/* ── Room ──────────────────────────────────────────────────────────────────────────────────── */
export {
  DEFAULT_KEEP_BYTES,
  MAX_LISTED_PEERS,
  MAX_MEMBERS,
  MAX_METADATA_BYTES,
  type AdmissionAnswer,
  type AdmissionPolicy,
  type AdoptRoomOptions,
  type AwayReason,
  type Candidate,
  type ChannelOptions,
  type DepartureReason,
  type EndReason,
  type HostRoomOptions,
  type JoinRoomOptions,
  type LocalFabric,
  type Member,
  type MemberLiveness,
  type MemberProfile,
  type MembershipEvent,
  type RejectCode,
  type ResumeResult,
  type Room,
  type RoomFrame,
  type RoomId,
  type RoomOptions,
  type RoomRole,
  type RoomStatus,
  type RoomTiming,
} from './room/contract.ts'
export { announcePage } from './room/page-presence.ts'
export { SeamRoomFactory } from './room/seam-room-factory.ts'

/* ── Raft ──────────────────────────────────────────────────────────────────────────────────── */
export type {
  ClientIdentity,
  ClusterConfig,
  Committed,
  DedupKey,
  LogEntry,
  LogSize,
  MembershipChange,
  MembershipRecord,
  NodeId,
  RaftConfig,
  RaftNode,
  RaftRole,
  RaftState,
  RaftStorage,
  RaftTransport,
  RaftWrite,
  Snapshot,
  StoredEntry,
  StoredSnapshot,
} from './raft/contract.ts'
export { raftNode, type RaftNodeOptions } from './raft/raft-node.ts'
export { keepCompacted, type CapturedState, type CompactionOptions } from './raft/keep-compacted.ts'
export {
  seamTransport,
  type LinkBinding,
  type SeamTransport,
  type SeamTransportOptions,
} from './raft/seam-transport.ts'
export type { Durations, FollowerMetrics, RaftMetrics, Traffic } from './raft/raft-metrics.ts'
export type {
  DriverNote,
  FollowReason,
  RaftTraceEvent,
  RequestKind,
  TraceNote,
  VoteObjection,
} from './raft/trace-event.ts'
export { ClientSessionTable } from './raft/core/sessions.ts'
export { InMemoryRaftStorage } from './raft/storage/in-memory-raft-storage.ts'

/* ── Game ──────────────────────────────────────────────────────────────────────────────────── */
export { gameHost, gameJoin } from './game/bootstrap.ts'
export {
  MAX_SEATS,
  type GameHostOptions,
  type GameJoinOptions,
  type GameOptions,
  type GameSession,
  type Seat,
} from './game/contract.ts'
export { int32, json, type Codec } from './game/codec.ts'
export type { StandardIssue, StandardResult, StandardSchemaV1 } from './game/standard-schema.ts'
export { TurnSequencer, type IndexedAction, type TurnEvent } from './game/turn-sequencer.ts'
