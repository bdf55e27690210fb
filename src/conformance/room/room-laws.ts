import { admissionLaws } from './admission-laws.ts'
import { roomChannelLaws } from './channel-laws.ts'
import { membershipLaws } from './membership-laws.ts'
import { partitionLaws } from './partition-laws.ts'
import { resumeLaws } from './resume-laws.ts'
import type { RoomLaw } from './room-harness.ts'
import { successionLaws } from './succession-laws.ts'

/** What every room does, on whatever fabric; each law on a harness of its own. */
export const roomLaws: readonly RoomLaw[] = [
  ...membershipLaws,
  ...admissionLaws,
  ...resumeLaws,
  ...partitionLaws,
  ...successionLaws,
  ...roomChannelLaws,
]
