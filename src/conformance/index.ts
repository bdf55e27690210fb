/**
 * The contracts as programs. Laws are data, `describeLaws` runs them under vitest (an optional peer), and
 * a harness says how to get at the implementation: anybody's Loom, Room or RaftStorage can be held to them.
 */
export type { Law } from './law.ts'
export { describeLaws, runLaw, type DescribeLawsOptions } from './describe-laws.ts'
export { seamLaws } from './seam-laws.ts'
export { seamLaw, SeamTrial, type LawRoom, type Reading, type SeamHarness, type SeamLaw } from './seam-harness.ts'
export { muxLaws } from './mux-laws.ts'
export {
  muxLaw,
  MuxTrial,
  throughChannel,
  withNamedMux,
  withTagMux,
  type LawMux,
  type MuxHarness,
  type MuxLaw,
} from './mux-harness.ts'
export { inMemoryHarness } from './in-memory-harness.ts'
export { simulatedHarness } from './simulated-harness.ts'
export { raftStorageLaws, type RaftStorageHarness } from './raft-storage-laws.ts'
export { roomLaws } from './room/room-laws.ts'
export {
  roomLaw,
  RoomTrial,
  type LawRoomOptions,
  type LawSession,
  type LawTiming,
  type RoomHarness,
  type RoomLaw,
} from './room/room-harness.ts'
export { roomsOver, type FabricSession, type RoomFabric } from './room/rooms-over.ts'
export { inMemoryRooms, simulatedRooms } from './room/virtual-rooms.ts'
