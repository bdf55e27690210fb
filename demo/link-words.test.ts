import { describe, expect, it } from 'vitest'
import type { ServerHealth } from 'selvage/webrtc'
import { type Link, noLink } from './link-watch.ts'
import { linkOf, serverlessOf, serverOf } from './link-words.ts'

const connected: Link = { ...noLink, state: 'connected', route: 'direct', roundTripMs: 4.4, jitterMs: 0.2 }
const nameOf = (peer: string): string => (peer === 'cleo' ? 'Cleo' : 'Somebody')
const words = (how: Partial<Link>): string =>
  linkOf({ ...connected, ...how }, 'webrtc', nameOf).replaceAll('\u{a0}', ' ')

describe('a link in words', () => {
  const cases: [string, Partial<Link>, string][] = [
    ['unknown', { state: 'none' }, ''],
    ['in the making', { state: 'connecting' }, 'connecting …'],
    [
      'in the making again',
      { state: 'connecting', why: 'no path was found' },
      'connecting … Last time: no path was found',
    ],
    ['direct', {}, 'direct, round trip 4 ms'],
    ['direct, not measured', { roundTripMs: null }, 'direct'],
    ['very fast', { roundTripMs: 0.2 }, 'direct, round trip 1 ms'],
    ['unsteady', { jitterMs: 2.6 }, 'direct, round trip 4 ms (± 3)'],
    ['relayed', { route: 'relayed' }, 'relayed by a server, round trip 4 ms'],
    ['by a third', { route: 'relayed', via: 'cleo' }, 'through Cleo, round trip 4 ms'],
    [
      'interrupted',
      { state: 'interrupted', interruption: { forS: 3, keptForS: 12 } },
      'interrupted for 3 s, kept for 12 s',
    ],
    ['lost', { state: 'lost' }, 'connection lost'],
    [
      'lost, and why',
      { state: 'lost', why: 'no path was found in time' },
      'connection lost: no path was found in time',
    ],
  ]
  it.each(cases)('%s', (_name, how, text) => expect(words(how)).toBe(text))

  it('names what is neither direct nor a makeshift, where the fabric is such', () => {
    expect(linkOf({ ...connected, route: 'relayed', roundTripMs: null }, 'websocket', nameOf)).toBe(
      'through the signalling server',
    )
    expect(linkOf({ ...connected, roundTripMs: null }, 'broadcast-channel', nameOf)).toBe('tab to tab')
  })
})

describe('a signalling server in words', () => {
  const unheard: ServerHealth = {
    url: 'ws://one.example/',
    isAttached: false,
    lastAnswerAtMs: null,
    latencyMs: null,
    failures: 0,
    lastError: null,
  }
  const cases: [string, Partial<ServerHealth>, string, string][] = [
    ['never asked', {}, 'unasked', 'not asked yet'],
    ['in use', { isAttached: true, lastAnswerAtMs: 1, latencyMs: 3.4 }, 'in-use', 'in use, answers in 3 ms'],
    ['at hand', { lastAnswerAtMs: 1, latencyMs: 3.4 }, 'ready', 'at hand, answers in 3 ms'],
    ['failed', { failures: 1, lastError: new Error('it is full') }, 'failing', 'failed once: it is full'],
    ['failing', { failures: 3, lastAnswerAtMs: 1 }, 'failing', 'failed 3 times: no answer'],
  ]
  it.each(cases)('%s', (_name, how, state, text) => {
    const server = serverOf({ ...unheard, ...how })
    expect({ ...server, text: server.text.replaceAll('\u{a0}', ' ') }).toEqual({ state, text })
  })

  it('is missing where none is needed', () => {
    expect(serverlessOf('broadcast-channel')).toMatch(/without/)
    expect(serverlessOf('webrtc')).toMatch(/yet/)
  })
})
