import { describe, expect, it } from 'vitest'
import { runLaw } from './describe-laws.ts'
import { roomLaws } from './room/room-laws.ts'
import { inMemoryRooms } from './room/virtual-rooms.ts'
import { DelegateRoom } from './test-support/delegate-room.ts'
import { describeMutants } from './test-support/describe-mutants.ts'
import { roomMutant } from './test-support/room-mutant.ts'
import { roomMutants } from './test-support/room-mutants.ts'

describeMutants('laws of rooms', 'a room', roomLaws, roomMutants, inMemoryRooms)

describe('the suite of rooms', () => {
  it('has a mutant for every law', () => {
    const broken = new Set(roomMutants.flatMap(({ breaks }) => breaks))
    expect(roomLaws.map(({ id }) => id).filter((id) => !broken.has(id))).toEqual([])
  })

  it('has one law per id', () => {
    const ids = roomLaws.map(({ id }) => id)
    expect(ids.length).toBeGreaterThan(50)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('stays green on a wrapper that changes nothing', async () => {
    const harmless = roomMutant('changes nothing', [], (room) => new DelegateRoom(room))
    for (const law of roomLaws) {
      const harness = inMemoryRooms()
      await runLaw(law, harmless.spoil(harness))
      await harness.close()
    }
  })
})
