/** How fast the rooms of the simulation are: short windows, so that a minute holds many. */
export const SETTINGS = {
  intervalMs: 200,
  minTimeoutMs: 600,
  maxTimeoutMs: 1500,
  windowMs: 6000,
  tokenLifeMs: 120_000,
  admitTimeoutMs: 8000,
  resumeTimeoutMs: 4000,
} as const

export const ROOM_ID = 'oak'

/** Places enough for everybody twice, since a place is held for who comes back as a stranger. */
export const MAX_MEMBERS_HERE = 32
