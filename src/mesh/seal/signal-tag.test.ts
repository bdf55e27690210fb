import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newRoomSecret, privateRoomAddress, publicRoomAddress } from './room-address.ts'
import { SignalTag, TAG_BOUNDS } from './signal-tag.ts'

const SECRET = 'AAECAwQFBgcICQoLDA0ODw'

/** Of the basic plane: cheap to draw, unlike the library's whole graphemes. */
const anyCharacter: fc.Arbitrary<string> = fc
  .integer({ min: 0x20, max: 0xd7ff })
  .map((code) => String.fromCharCode(code))

describe('SignalTag', () => {
  it('[TAG-1] goes through a URL and back, in the fragment alone', () => {
    const tag = new SignalTag({
      room: 'oak 42 & höher',
      servers: ['wss://one.example/signal', 'ws://127.0.0.1:1/'],
      secret: SECRET,
    })
    const url = tag.toURL('https://games.example/play?x=1#old')
    expect(url.origin + url.pathname + url.search).toBe('https://games.example/play?x=1')
    expect(SignalTag.fromURL(url.href)).toEqual(tag)
    expect(SignalTag.fromURL(new SignalTag({ room: 'oak' }).toURL(url).href)).toEqual(new SignalTag({ room: 'oak' }))
  })

  it('[TAG-1] any room name survives the way', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 30, unit: anyCharacter }), (room) => {
        expect(
          SignalTag.fromURL(new SignalTag({ room, secret: SECRET }).toURL('https://games.example/').href).room,
        ).toBe(room)
      }),
    )
  })

  it('[TAG-1] the largest tag there is survives the way', () => {
    const servers = Array.from({ length: TAG_BOUNDS.servers }, (_, i) =>
      `wss://${i}.example/?`.padEnd(TAG_BOUNDS.server, '&'),
    )
    const tag = new SignalTag({ room: '/'.repeat(TAG_BOUNDS.room), servers, secret: SECRET })
    expect(SignalTag.fromURL(tag.toURL('https://games.example/play').href)).toEqual(tag)
  })

  it('[TAG-3] a page too long to carry a tag is refused instead of making a link that nobody can read', () => {
    const page = `https://games.example/${'y'.repeat(TAG_BOUNDS.link)}`
    expect(() => new SignalTag({ room: 'oak' }).toURL(page)).toThrow(TypeError)
  })

  it('[TAG-3] a server whose address grows beyond its bound when spelled out is refused', () => {
    expect(() => new SignalTag({ room: 'oak', servers: [`wss://x/${'é'.repeat(200)}`] })).toThrow(TypeError)
  })

  it('[TAG-2] a public tag has a room key, a private one has none, and neither shows its secret as a key', () => {
    expect(new SignalTag({ room: 'oak' })).toMatchObject({ roomKey: 'oak', sessionName: 'oak' })
    const secret = new SignalTag({ room: 'oak', secret: SECRET })
    expect(secret.roomKey).toBeUndefined()
    expect(secret.peerKey).not.toContain(SECRET)
    const keys = [secret, new SignalTag({ room: 'oak' }), new SignalTag({ room: 'oak', servers: ['ws://one'] })].map(
      (tag) => tag.peerKey,
    )
    expect(new Set(keys).size).toBe(3)
  })

  it('[TAG-5] a tag says what may be relied on', () => {
    expect(new SignalTag({ room: 'oak' }).trust).toBe('first-use')
    expect(new SignalTag({ room: 'oak', secret: SECRET }).trust).toBe('secret')
  })

  it('[TAG-2] a secret may be given as bytes', () => {
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => i)
    expect(new SignalTag({ room: 'oak', secret: bytes }).secret).toBe(SECRET)
  })

  it.each([
    ['', 'a name that is empty'],
    ['x'.repeat(TAG_BOUNDS.room + 1), 'a name that is too long'],
    ['oak \ud800', 'a name with half a surrogate pair'],
    ['ä'.repeat(TAG_BOUNDS.room / 2 + 1), 'a name whose UTF-8 is too long'],
  ])('[TAG-3] refuses %2$s', (room) => {
    expect(() => new SignalTag({ room })).toThrow(TypeError)
  })

  it.each([
    'https://games.example/',
    'https://games.example/#',
    'https://games.example/#secret=AAECAwQFBgcICQoLDA0ODw',
    'https://games.example/#room=oak&room=elm',
    'https://games.example/#room=oak&secret=short',
    'https://games.example/#room=oak&secret=AAECAwQFBgcICQoLDA0OD!',
    'https://games.example/#room=oak&server=ftp://one.example',
    'https://games.example/#room=oak&server=javascript:alert(1)',
    'https://games.example/#room=oak&server=wss://user:password@one.example',
    'https://games.example/#room=oak&server=nonsense',
    `https://games.example/#room=oak${'&server=wss://one.example'.repeat(TAG_BOUNDS.servers + 1)}`,
    `https://games.example/#room=oak&x=${'y'.repeat(TAG_BOUNDS.link)}`,
    'nonsense',
  ])('[TAG-3] refuses %s', (url) => {
    expect(() => SignalTag.fromURL(url)).toThrow(TypeError)
  })

  it('[TAG-3] any text is a tag or a TypeError', () => {
    const likely = fc.string().map((text) => `https://games.example/#room=oak&${text}`)
    fc.assert(
      fc.property(fc.oneof(fc.string(), likely), (url) => {
        try {
          SignalTag.fromURL(url)
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError)
        }
      }),
    )
  })
})

describe('the address of a room', () => {
  it('[TAG-4] differs by application and by room, and is the same for all who know them', async () => {
    expect(await publicRoomAddress('app', 'oak')).toBe(await publicRoomAddress('app', 'oak'))
    const addresses = await Promise.all([
      publicRoomAddress('app', 'oak'),
      publicRoomAddress('app2', 'oak'),
      publicRoomAddress('app', 'elm'),
      publicRoomAddress('appo', 'ak'),
      privateRoomAddress('app', SECRET),
      privateRoomAddress('app2', SECRET),
      privateRoomAddress('app', newRoomSecret()),
    ])
    expect(new Set(addresses).size).toBe(addresses.length)
    for (const address of addresses) expect(address).toMatch(/^[A-Za-z0-9_-]{22}$/)
  })

  it('[TAG-4] never changes between versions', async () => {
    expect(await privateRoomAddress('app', SECRET)).toBe('2ldNlF01QR4u7vMNRCfUlw')
    expect(await publicRoomAddress('app', 'oak')).toBe('4uUVPNY8Jl6lB_2covz-BQ')
  })
})
