/**
 * The signalling server: it introduces peers to one another and holds nothing of what they do. This is
 * the only folder that needs Node.
 *
 * - {@link startSignalServer}: on a port of its own (the command `selvage-signal` calls it);
 * - {@link attachSignalling}: at one path of an HTTP server you have;
 * - {@link signTicket}: what a server that asks for tickets lets in by;
 * - {@link RedisBackplane}: makes any number of servers one;
 * - `selvage/vite`: the same, inside Vite's development and preview servers.
 */
export { startSignalServer } from './start-signal-server.ts'
export type { SignalServer, SignalServerOptions } from './start-signal-server.ts'
export { attachSignalling } from './attach-signalling.ts'
export type { AttachedSignalling, AttachSignallingOptions, UpgradeSource } from './attach-signalling.ts'
export { signTicket, verifyTicket } from './ticket.ts'
export type { TicketClaims, TicketKey, TicketVerdict } from './ticket.ts'
export { RedisBackplane } from './redis-backplane.ts'
export type { RedisBackplaneOptions } from './redis-backplane.ts'
export type {
  Backplane,
  BackplaneEvent,
  BackplaneRequest,
  Entrant,
  Occupant,
  RoomRefusal,
} from '../signal/backplane.ts'
export type { TurnOptions } from './turn.ts'
export type { DoorOptions } from './door.ts'
export type { CloseOptions, SignalEndpointOptions } from './signal-endpoint.ts'
export { DEFAULT_SIGNAL_LIMITS } from '../signal/signal-limits.ts'
export type { SignalLimits } from '../signal/signal-limits.ts'
