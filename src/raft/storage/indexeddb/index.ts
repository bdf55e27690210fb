/**
 * `selvage/indexeddb`: what makes a browser tab the same player after a reload. A *place* ({@link openPlace}) is one
 * database that holds a key pair and a log, kept for one tab by a Web Lock; {@link IndexedDbRaftStorage} is that
 * database under a name of the caller's choice.
 */
export { openPlace, type Place, type PlaceOptions, type PlaceStatus } from './place.ts'
export { IndexedDbRaftStorage, type IndexedDbRaftStorageOptions } from './indexeddb-raft-storage.ts'
export type { Durability } from './record-database.ts'
export type { Persistence } from './persistence.ts'
export type { BrowserUsage } from './browser-usage.ts'
export { storageUsage, type StorageUsage } from '../storage-usage.ts'
