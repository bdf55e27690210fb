/** Time, chance, identities, networks and disks that repeat: for tests of the library, and of the games built on it. */
export { DEFAULT_RUN_LIMIT_MS, VirtualClock } from './virtual-clock.ts'
export { seededRandom } from './seeded-random.ts'
export { testIdentity, verifyTestSignature } from './test-identity.ts'
export { SimulatedNetwork, type SimulatedNetworkOptions } from './simulated-network.ts'
export { SIMULATED_JOIN_TIMEOUT_MS, SimulatedLoom } from './simulated-loom.ts'
export { SimulatedDisk, type SimulatedDiskOptions } from './simulated-disk.ts'
export type { DiskFaults } from './disk-faults.ts'
export type { NetworkFaults } from './fault-model.ts'
