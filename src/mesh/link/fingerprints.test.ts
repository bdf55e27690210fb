import { describe, expect, it } from 'vitest'
import { fingerprintsIn } from './fingerprints.ts'

const OWN = 'AA:BB:0C'
const OTHER = 'DD:EE:FF'

describe('fingerprints of a session description', () => {
  it('[LINK-7] every certificate that is stated counts, once, in one spelling', () => {
    const sdp = `v=0\r\na=fingerprint:SHA-256 ${OTHER}\r\nm=application 9\r\na=fingerprint:sha-256 ${OWN.toLowerCase()}\r\na=fingerprint:sha-256 ${OWN}\r\n`
    expect(fingerprintsIn(sdp)).toEqual([`sha-256 ${OWN}`, `sha-256 ${OTHER}`])
    expect(fingerprintsIn('v=0\r\n')).toEqual([])
  })

  it.each([
    ['two spaces', `a=fingerprint:sha-256  ${OTHER}`],
    ['a space before', ` a=fingerprint:sha-256 ${OTHER}`],
    ['a space behind', `a=fingerprint:sha-256 ${OTHER} `],
    ['a tab', `a=fingerprint:sha-256\t${OTHER}`],
    ['capitals', `a=FINGERPRINT:sha-256 ${OTHER}`],
    ['a space after the colon', `a=fingerprint: sha-256 ${OTHER}`],
    ['a line of another kind', `s=fingerprint:sha-256 ${OTHER}`],
    ['a separator that ends no line of a description', `s=x\u2028a=fingerprint:sha-256 ${OTHER}`],
    ['a lone carriage return', `s=x\ra=fingerprint:sha-256 ${OTHER}`],
    ['nothing in it', 'a=fingerprint:'],
  ])('[LINK-7] one that an engine may read otherwise makes the description unusable: %s', (_how, line) => {
    expect(fingerprintsIn(`v=0\r\na=fingerprint:sha-256 ${OWN}\r\n${line}\r\n`)).toBeNull()
  })
})
