import { expect, it } from 'vitest'
import { seededRandom } from './seeded-random.ts'
import { testIdentity, verifyTestSignature } from './test-identity.ts'

it('[SIM-10] a test identity is named by its id and signs what others can check', async () => {
  const [ann, bob] = [testIdentity('ann'), testIdentity('bob')]
  expect(ann.id).toBe('ann')
  expect(ann.publicKey).toEqual(testIdentity('ann').publicKey)
  expect(ann.publicKey.length).toBe(65)
  const bytes = Uint8Array.of(1, 2, 3)
  const signature = await ann.sign(bytes)
  expect(signature.length).toBe(64)
  expect(verifyTestSignature(ann.publicKey, bytes, signature)).toBe(true)
  expect(verifyTestSignature(bob.publicKey, bytes, signature)).toBe(false)
  expect(verifyTestSignature(ann.publicKey, Uint8Array.of(1, 2, 4), signature)).toBe(false)
  expect(() => testIdentity('')).toThrow(RangeError)
})

it('[SIM-3] seeded draws are even, repeat, and differ between near seeds', () => {
  const draw = (seed: number): number[] => {
    const random = seededRandom(seed)
    return Array.from({ length: 10_000 }, random)
  }
  const first = draw(1)
  expect(draw(1)).toEqual(first)
  expect(draw(2).slice(0, 3)).not.toEqual(first.slice(0, 3))
  expect(first.every((value) => value >= 0 && value < 1)).toBe(true)
  const tenths = Array.from(
    { length: 10 },
    (_, tenth) => first.filter((value) => Math.floor(value * 10) === tenth).length,
  )
  for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150)
})
