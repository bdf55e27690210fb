import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { Door, type DoorOptions } from './door.ts'
import { signTicket } from './ticket.ts'

function request(headers: Record<string, string>, remoteAddress = '192.0.2.9', url = '/'): IncomingMessage {
  return { headers, url, socket: { remoteAddress } } as unknown as IncomingMessage
}

const secret = 'a secret of at least 32 characters'

describe('the door', () => {
  it.each([
    [undefined, 'https://anywhere.example', true],
    [['https://game.example'], 'https://game.example', true],
    [['https://game.example'], 'https://GAME.example', true],
    [['https://game.example'], 'http://game.example', false],
    [['https://game.example'], 'https://game.example:8443', false],
    [['https://game.example'], 'https://game.example.evil', false],
    [['https://game.example'], 'null', false],
    [['null'], 'null', true],
    [['https://*.game.example'], 'https://eu.game.example', true],
    [['https://*.game.example'], 'https://a.b.game.example', true],
    [['https://*.game.example'], 'https://game.example', false],
    [['https://*.game.example'], 'https://evilgame.example', false],
    [['https://*.game.example'], 'http://eu.game.example', false],
    [['https://game.example:443'], 'https://game.example', true],
    [['HTTP://game.example:80'], 'http://game.example', true],
    [['http://game.example:443'], 'http://game.example', false],
    [['https://*.game.example:443'], 'https://eu.game.example', true],
    [['https://game.example:8443'], 'https://game.example:8443', true],
    [[], 'https://game.example', false],
  ])('[DOOR-1] allowed %j, origin %s: %s', (allowedOrigins, origin, admitted) => {
    const door = new Door({ allowedOrigins })
    expect(door.admitsOrigin(request({ origin }))).toBe(admitted)
    expect(door.admitsOrigin(request({}))).toBe(true)
    expect(new Door({ allowedOrigins, requireOrigin: true }).admitsOrigin(request({}))).toBe(false)
  })

  it.each([
    [0, '203.0.113.1', '192.0.2.9', '192.0.2.9'],
    [1, '203.0.113.1', '192.0.2.9', '203.0.113.1'],
    [1, '198.51.100.7 , 203.0.113.1', '192.0.2.9', '203.0.113.1'],
    [2, '198.51.100.7,203.0.113.1', '192.0.2.9', '198.51.100.7'],
    [3, '203.0.113.1', '192.0.2.9', '203.0.113.1'],
    [1, '203.0.113.1:5678', '192.0.2.9', '203.0.113.1'],
    [1, '[2001:db8:1:2::6]:80', '192.0.2.9', '2001:db8:1:2::/64'],
    [1, '[2001:db8:1:2::6]', '192.0.2.9', '2001:db8:1:2::/64'],
    [1, '2001:db8:1:2::6', '192.0.2.9', '2001:db8:1:2::/64'],
    [1, '', '192.0.2.9', '192.0.2.9'],
    [0, '', '::ffff:192.0.2.9', '192.0.2.9'],
    [0, '', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    [0, '', '2001:DB8:1:02::6', '2001:db8:1:2::/64'],
    [0, '', '::1', '0:0:0:0::/64'],
    [0, '', 'fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('[DOOR-2] behind %i proxies, forwarded for "%s", by %s: %s', (trustedHops, forwarded, remote, address) => {
    const headers = forwarded === '' ? {} : { 'x-forwarded-for': forwarded }
    expect(new Door({ trustedHops }).addressOf(request(headers, remote))).toBe(address)
  })

  it('[DOOR-3] a ticket of the address is read, and its end put on the clock of the server', () => {
    const ticket = signTicket({ expiresAtMs: 100_000, peer: 'ann' }, secret)
    const door = new Door({ ticketKeys: [secret] })
    const passFor = (url: string): unknown => door.passOf(request({}, '192.0.2.9', url), 5_000, 60_000)
    expect(passFor(`/signal?x=1&ticket=${ticket}`)).toMatchObject({ kind: 'ticket', peer: 'ann', expiresAtMs: 105_000 })
    for (const url of ['/', '//', '/?ticket=', '/?ticket=a.b.c', '/?ticket=%ff', `/?ticket=${ticket}x`])
      expect(passFor(url)).toMatchObject({ kind: 'refused', message: expect.stringMatching(/ticket/) })
    expect(new Door({}).passOf(request({}), 0, 0)).toEqual({ kind: 'open' })
  })

  it('[DOOR-6] a ticket that ran out a moment ago by the clock of the server lets in for the rest of its leeway', () => {
    const ticket = signTicket({ expiresAtMs: 100_000 }, secret)
    const door = new Door({ ticketKeys: [secret] })
    const passAt = (wallNowMs: number): unknown =>
      door.passOf(request({}, '192.0.2.9', `/?ticket=${ticket}`), 5_000, wallNowMs)
    expect(passAt(159_000)).toMatchObject({ kind: 'ticket', expiresAtMs: 6_000 })
    expect(passAt(160_000)).toMatchObject({ kind: 'refused', message: expect.stringContaining('has expired') })
  })

  it.each<DoorOptions>([
    { allowedOrigins: ['game.example'] },
    { allowedOrigins: ['https://game.example/'] },
    { allowedOrigins: ['*'] },
    { trustedHops: -1 },
    { ticketKeys: [] },
    { ticketKeys: ['short'] },
  ])('[DOOR-5] %j is a RangeError', (options) => {
    expect(() => new Door(options)).toThrow(RangeError)
  })
})
