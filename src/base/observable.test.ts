import { describe, expect, it } from 'vitest'
import { observable, sameMembers } from './observable.ts'

describe('observable', () => {
  it('[OBS-1] publishes no two equal values, also to who hears of two changes at once', () => {
    const first = observable(new Set([1]), sameMembers)
    const second = observable('a')
    const seen: number[][] = []
    second.listen(() => {
      first.set(new Set([1, 2]))
      first.set(new Set([1, 2, 3]))
    })
    first.subscribe((value) => seen.push([...value]))
    second.set('b')
    first.set(new Set([3, 2, 1]))
    expect(seen).toEqual([[1], [1, 2, 3]])
  })
})
