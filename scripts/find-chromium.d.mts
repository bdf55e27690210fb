export const chromiumArgs: readonly string[]
export const chromiumPermissions: readonly string[]
export function chromiumCandidates(): string[]
export function findChromium(): string | null
export function isExecutable(path: string): boolean
