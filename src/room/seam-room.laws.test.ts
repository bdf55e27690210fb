import { describeLaws } from '../conformance/describe-laws.ts'
import { roomLaws } from '../conformance/room/room-laws.ts'
import { inMemoryRooms, simulatedRooms } from '../conformance/room/virtual-rooms.ts'

describeLaws('SeamRoom in memory keeps the laws of rooms', roomLaws, inMemoryRooms)

describeLaws('SeamRoom on a good network', roomLaws, () => simulatedRooms({ seed: 1, latencyMs: 5 }))

describeLaws('SeamRoom under faults', roomLaws, () =>
  simulatedRooms({ seed: 3, latencyMs: 10, jitterMs: 15, loss: 0.1, duplicate: 0.1, reorder: 0.1 }),
)
