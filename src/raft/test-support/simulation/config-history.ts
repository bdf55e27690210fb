import type { ClusterConfig, RaftWrite } from '../../contract.ts'
import { type Configuration, configurationOf } from '../../core/configuration.ts'
import type { DiskImage } from './disk-image.ts'

/** The configurations along one node's log, the newest last, kept as it writes. */
export class ConfigHistory {
  readonly #configs: Configuration[]

  constructor(bootstrap: ClusterConfig, disk: DiskImage) {
    const { snapshot, entries } = disk
    const first =
      snapshot === null
        ? { index: 0, voters: bootstrap.voters, learners: bootstrap.learners, old: null }
        : configurationOf(snapshot.configIndex, snapshot.config)
    this.#configs = [first]
    this.#add(entries)
  }

  /** The one in force, and the one before it: a leader may begin a change in the very round that commits something. */
  get lastTwo(): readonly Configuration[] {
    return this.#configs.slice(-2)
  }

  wrote({ truncateFrom, snapshot, entries }: RaftWrite): void {
    if (truncateFrom !== undefined) while ((this.#configs.at(-1)?.index ?? 0) >= truncateFrom) this.#configs.pop()
    if (snapshot !== undefined && snapshot !== null) {
      const later = this.#configs.filter((config) => config.index > snapshot.configIndex)
      this.#configs.splice(0, Infinity, configurationOf(snapshot.configIndex, snapshot.config), ...later)
    }
    if (entries !== undefined) this.#add(entries)
  }

  #add(entries: RaftWrite['entries'] & object): void {
    for (const entry of entries) {
      if (entry.kind === 'config') this.#configs.push(configurationOf(entry.index, entry.config))
    }
  }
}
