import type { RaftStorage } from '../contract.ts'
import { encodeEntry, encodeSnapshot } from './record-codec.ts'

/** What a log takes in its storage, as records; the medium's own overhead comes on top. */
export interface StorageUsage {
  /** Entries kept. */
  readonly entries: number
  readonly logBytes: number
  /** Of the snapshot with its table of sessions; 0 without one. */
  readonly snapshotBytes: number
}

/** Measures by reading all of it: for a page that shows it now and then. Rejects as `storage.load` does. */
export async function storageUsage(storage: RaftStorage): Promise<StorageUsage> {
  const state = await storage.load()
  const { entries = [], snapshot = null } = state ?? {}
  let logBytes = 0
  for (const entry of entries) logBytes += encodeEntry(entry).length
  return { entries: entries.length, logBytes, snapshotBytes: snapshot === null ? 0 : encodeSnapshot(snapshot).length }
}
