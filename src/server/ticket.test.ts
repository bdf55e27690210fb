import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CLOCK_LEEWAY_MS, signTicket, verifyTicket, type TicketKey } from './ticket.ts'

const secret = 'a secret of at least 32 characters'
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed25519 = generateKeyPairSync('ed25519')
const pem = (key: KeyObject): string =>
  key.export({ format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' }).toString()
const claims = { expiresAtMs: 2_000_000, peer: 'ann', room: 'oak' }

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const forged = (header: object, body: object, key = secret): string => {
  const signed = `${encoded(header)}.${encoded(body)}`
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`
}

describe('tickets', () => {
  it.each<[string, TicketKey, TicketKey]>([
    ['a secret', secret, secret],
    ['P-256', p256.privateKey, p256.publicKey],
    ['P-256 in PEM', pem(p256.privateKey), pem(p256.publicKey)],
    ['Ed25519', ed25519.privateKey, ed25519.publicKey],
    ['Ed25519 in PEM', pem(ed25519.privateKey), pem(ed25519.publicKey)],
  ])('[DOOR-4] signed by %s and verified, one key of several', (_what, signer, verifier) => {
    const ticket = signTicket(claims, signer)
    expect(verifyTicket(ticket, ['another secret of 32 characters!', verifier], 1_999_999)).toEqual({
      ok: true,
      claims,
    })
    const other = `${ticket.slice(0, -5)}AAAAA`
    for (const bad of [other, ticket.replace('.', '.A'), `${ticket}.`, ticket.slice(0, -1), ''])
      expect(verifyTicket(bad, [verifier], 0).ok).toBe(false)
  })

  it('[DOOR-4] refused: another key, too late, too early, for another audience, without an end', () => {
    const now = 1_000_000
    const reasonOf = (ticket: string): string => {
      const verdict = verifyTicket(ticket, [secret], now)
      return verdict.ok ? 'good' : verdict.reason
    }
    const hs256 = { alg: 'HS256' }
    const good = { aud: 'selvage-signal', exp: 2_000 }
    expect(reasonOf(forged(hs256, good))).toBe('good')
    expect(reasonOf(forged(hs256, good, `${secret}!`))).toMatch(/signature/)
    expect(reasonOf(forged(hs256, { ...good, exp: 900 }))).toMatch(/expired/)
    expect(reasonOf(forged(hs256, { ...good, nbf: 1_100 }))).toMatch(/not valid yet/)
    for (const nbf of [null, '900', {}]) expect(reasonOf(forged(hs256, { ...good, nbf }))).toMatch(/not valid yet/)
    expect(reasonOf(forged(hs256, { ...good, aud: 'bank' }))).toMatch(/audience/)
    for (const exp of [undefined, null, '2000']) expect(reasonOf(forged(hs256, { ...good, exp }))).toMatch(/expiry/)
    for (const field of ['sub', 'room']) expect(reasonOf(forged(hs256, { ...good, [field]: 7 }))).not.toBe('good')
  })

  it('[DOOR-6] clocks may differ by a minute, and no more', () => {
    const ticket = forged({ alg: 'HS256' }, { aud: 'selvage-signal', nbf: 1_000, exp: 2_000 })
    const isGoodAt = (wallNowMs: number): boolean => verifyTicket(ticket, [secret], wallNowMs).ok
    const [from, to] = [1_000_000 - CLOCK_LEEWAY_MS, 2_000_000 + CLOCK_LEEWAY_MS]
    expect([from - 1, from, to - 1, to].map(isGoodAt)).toEqual([false, true, true, false])
    expect(CLOCK_LEEWAY_MS).toBe(60_000)
  })

  it('[DOOR-4] the key decides on the algorithm, whatever the token says', () => {
    const body = { aud: 'selvage-signal', exp: 2_000 }
    expect(verifyTicket(forged({ alg: 'none' }, body), [secret], 0).ok).toBe(false)
    expect(verifyTicket(`${encoded({ alg: 'none' })}.${encoded(body)}.`, [secret], 0).ok).toBe(false)
    // The classic: a public key, known to all, taken for the secret of an HMAC.
    const publicPem = pem(p256.publicKey)
    expect(verifyTicket(forged({ alg: 'HS256' }, body, publicPem), [publicPem], 0).ok).toBe(false)
  })

  it('[DOOR-4] nothing that is presented as one throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.base64String(), { maxLength: 4 })), (text) => {
        const ticket = typeof text === 'string' ? text : text.join('.')
        for (const key of [secret, p256.publicKey, ed25519.publicKey])
          expect(verifyTicket(ticket, [key], 0).ok).toBe(false)
      }),
    )
    expect(verifyTicket(`${'a'.repeat(5_000)}.b.c`, [secret], 0).ok).toBe(false)
  })

  it('[DOOR-5] keys that cannot work throw', () => {
    expect(() => signTicket(claims, 'short')).toThrow(RangeError)
    expect(() => signTicket(claims, generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey)).toThrow(TypeError)
  })
})
