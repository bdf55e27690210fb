import { beforeEach, describe, expect, it } from 'vitest'
import type { SignalAddress } from '../../signal/protocol.ts'
import { MAX_INTRODUCED } from '../link/introduction-frames.ts'
import {
  CARRIED_BURST,
  CARRIED_PER_SECOND,
  Introductions,
  NEWS_BURST,
  type IntroductionEffect,
  type IntroductionInput,
} from './introductions.ts'

const ada: SignalAddress = { peer: 'ada', session: 'a1' }
const ben: SignalAddress = { peer: 'ben', session: 'b1' }
const cyd: SignalAddress = { peer: 'cyd', session: 'c1' }

let self: Introductions

beforeEach(() => {
  self = new Introductions('self')
})

/** What follows from the inputs, one line an effect. */
function after(...inputs: IntroductionInput[]): string[] {
  return inputs.flatMap((input) => self.step(input)).map(told)
}

function told(effect: IntroductionEffect): string {
  switch (effect.kind) {
    case 'say': {
      const { say } = effect
      if (say.kind !== 'roster') return `${effect.link}: ${say.kind} ${say.address.session} ${say.body}`
      return `${effect.link}:${say.came.map(({ at }) => ` +${at.session}`).join('')}${say.went.map((at) => ` -${at.session}`).join('')}`
    }
    case 'serve':
      return `serve ${effect.to.session} ${effect.body}`
    case 'deliver':
      return `deliver ${effect.from.session} ${effect.body}`
    case 'introduced':
    case 'withdrawn':
      return `${effect.kind} ${effect.at.session}`
  }
}

const attached = (...present: SignalAddress[]): IntroductionInput => ({ kind: 'attached', present })
const detached: IntroductionInput = { kind: 'detached' }
const linked = (at: SignalAddress, link: string = `to ${at.peer}`, carries = true): IntroductionInput => ({
  kind: 'linked',
  link,
  at,
  carries,
  nowMs: 0,
})
const unlinked = (at: SignalAddress): IntroductionInput => ({ kind: 'unlinked', link: `to ${at.peer}` })
const path = (at: SignalAddress, open: boolean): IntroductionInput => ({ kind: 'path', link: `to ${at.peer}`, open })
const roster = (
  by: SignalAddress,
  came: SignalAddress[],
  went: SignalAddress[] = [],
  carries = true,
): IntroductionInput => ({
  kind: 'heard',
  link: `to ${by.peer}`,
  said: { kind: 'roster', came: came.map((at) => ({ at, carries })), went },
  nowMs: 0,
})
const carried = (
  by: SignalAddress,
  kind: 'hand-on' | 'handed-on',
  address: SignalAddress,
  nowMs = 0,
): IntroductionInput => ({ kind: 'heard', link: `to ${by.peer}`, said: { kind, address, body: 'words' }, nowMs })
const send = (to: SignalAddress): IntroductionInput => ({ kind: 'send', to, body: 'words' })
const attempt = (to: SignalAddress): IntroductionInput => ({ kind: 'attempt', to })
const served = (from: SignalAddress): IntroductionInput => ({ kind: 'served', from, body: 'words' })

describe('who is told of whom', () => {
  it('[INTRO-1] each linked peer is told of the others: all at first, then what changes', () => {
    expect(after(linked(ada))).toEqual([])
    expect(after(linked(ben))).toEqual(['to ada: +b1', 'to ben: +a1'])
    expect(after(linked(cyd))).toEqual(['to ada: +c1', 'to ben: +c1', 'to cyd: +a1 +b1'])
    expect(after(unlinked(ben))).toEqual(['to ada: -b1', 'to cyd: -b1'])
    expect(after(unlinked(ben))).toEqual([])
  })

  it('[INTRO-1] a second link to the same session changes nothing for others, and is told everything itself', () => {
    after(linked(ada), linked(ben))
    expect(after(linked(ben, 'another'))).toEqual(['another: +a1'])
    expect(after(unlinked(ben))).toEqual([])
  })

  it('[INTRO-2] who has no path for now is not told of, and is told later what it missed', () => {
    after(linked(ada), linked(ben), linked(cyd))
    expect(after(path(ben, false))).toEqual(['to ada: -b1', 'to cyd: -b1'])
    expect(after(unlinked(cyd))).toEqual(['to ada: -c1'])
    expect(after(path(ben, true))).toEqual(['to ada: +b1', 'to ben: -c1'])
  })

  it('[INTRO-3] whom a linked peer is linked with is introduced, once, until nobody tells of it any more', () => {
    after(linked(ada), linked(ben))
    expect(after(roster(ada, [cyd]))).toEqual(['introduced c1'])
    expect(after(roster(ben, [cyd]))).toEqual([])
    expect(after(roster(ada, [], [cyd]))).toEqual([])
    expect(after(unlinked(ben))).toEqual(['to ada: -b1', 'withdrawn c1'])
  })

  it('[INTRO-3] nobody is introduced to itself, nor by itself', () => {
    after(linked(ada))
    expect(after(roster(ada, [{ peer: 'self', session: 'former' }, ada]))).toEqual([])
  })

  it('[INTRO-6] what one peer tells is bounded; what is over it is passed over and counted', () => {
    after(linked(ada))
    const crowd = Array.from({ length: MAX_INTRODUCED }, (_, i) => ({ peer: `p${i}`, session: `s${i}` }))
    expect(after(roster(ada, crowd))).toHaveLength(MAX_INTRODUCED)
    expect(after(roster(ada, [cyd]))).toEqual([])
    expect([...self.refused]).toEqual([['too-many-introduced', 1]])
    expect(after(roster(ada, [cyd], [crowd[0] as SignalAddress]))).toEqual(['introduced c1', 'withdrawn s0'])
  })

  it('[INTRO-6] whom one peer tells of anew has a rate: made-up members cost few attempts', () => {
    after(linked(ada))
    const names = Array.from({ length: NEWS_BURST + 5 }, (_, i) => ({ peer: `p${i}`, session: `s${i}` }))
    const introduced = names.flatMap((at) => after(roster(ada, [at]), roster(ada, [], [at])))
    expect(introduced.filter((effect) => effect.startsWith('introduced'))).toHaveLength(NEWS_BURST)
    expect([...self.refused]).toEqual([['too-fast', 5]])
  })

  it('[INTRO-6] in a larger mesh each peer is told of as many as it takes', () => {
    const crowd = Array.from({ length: MAX_INTRODUCED + 5 }, (_, i) => ({ peer: `p${i}`, session: `s${i}` }))
    for (const at of crowd) self.step(linked(at))
    expect(after(linked(ada))).toEqual([
      `to ada:${crowd
        .slice(0, MAX_INTRODUCED)
        .map((at) => ` +${at.session}`)
        .join('')}`,
    ])
  })
})

describe('who may carry for whom', () => {
  it('[HOP-5] each linked peer is told whether bytes are carried to the others, and when that changes', () => {
    after(linked(ada), linked(ben, 'relayed', false))
    const carries = (inputs: IntroductionInput): boolean[] =>
      self
        .step(inputs)
        .flatMap((effect) => (effect.kind === 'say' && effect.say.kind === 'roster' ? effect.say.came : []))
        .map(({ carries: does }) => does)
    expect(carries(linked(cyd))).toEqual([true, true, true, false])
    expect(carries(linked(ben, 'direct'))).toEqual([true, true, true, true])
    expect(after(unlinked(ben))).toEqual([])
  })

  it('[HOP-1] who says that it carries to a member is a way to it, over a link that carries and has a path', () => {
    after(linked(ada), linked(ben, 'to ben', false), roster(ada, [cyd]), roster(ben, [cyd]))
    expect(self.carriersOf(cyd)).toEqual([{ link: 'to ada', peer: 'ada' }])
    after(path(ada, false))
    expect(self.carriersOf(cyd)).toEqual([])
    after(path(ada, true), roster(ada, [cyd], [], false))
    expect(self.carriersOf(cyd)).toEqual([])
  })

  it('[HOP-2] what is carried goes between two linked peers, neither of whom is reached through others', () => {
    after(linked(ada), linked(ben), linked(cyd, 'to cyd', false))
    expect(self.wayOn('to ada', ben)).toEqual({ link: 'to ben', sender: ada })
    expect([self.wayOn('to ada', cyd), self.wayOn('to cyd', ada)]).toEqual(['not-direct', 'not-direct'])
    expect([self.wayOn('to ada', ada), self.wayOn('no link', ben)]).toEqual(['not-linked', 'not-linked'])
    after(path(ben, false))
    expect(self.wayOn('to ada', ben)).toBe('not-linked')
  })
})

describe('words for others', () => {
  it('[INTRO-4] words between two linked peers are handed on, under the name that the link proves', () => {
    after(linked(ada), linked(ben))
    expect(after(carried(ada, 'hand-on', ben))).toEqual(['to ben: handed-on a1 words'])
  })

  it('[INTRO-4] words for somebody without a link, or for the sender, are not handed on, and counted', () => {
    after(linked(ada), linked(ben), attached(cyd), path(ben, false))
    expect(after(carried(ada, 'hand-on', cyd), carried(ada, 'hand-on', ben), carried(ada, 'hand-on', ada))).toEqual([])
    expect([...self.refused]).toEqual([['not-linked', 3]])
  })

  it('[INTRO-4] words that were handed on go no further, and count only from those told of', () => {
    after(linked(ada), roster(ada, [cyd]))
    expect(after(carried(ada, 'handed-on', cyd))).toEqual(['deliver c1 words'])
    expect(after(carried(ada, 'handed-on', ben))).toEqual([])
    expect([...self.refused]).toEqual([['unannounced', 1]])
  })

  it('[INTRO-6] what one peer hands on has a rate, whoever it is said to be from', () => {
    after(linked(ada), roster(ada, [ben, cyd]))
    const each = [carried(ada, 'handed-on', ben), carried(ada, 'handed-on', cyd)]
    const spate = Array.from({ length: CARRIED_BURST }, () => each).flat()
    expect(after(...spate)).toHaveLength(CARRIED_BURST)
    expect([...self.refused]).toEqual([['too-fast', CARRIED_BURST]])
    expect(after(carried(ada, 'hand-on', ben, 0), carried(ada, 'handed-on', ben, 1_000))).toHaveLength(1)
  })

  it('[INTRO-6] what is handed on for one peer has a rate', () => {
    after(linked(ada), linked(ben))
    const spate = Array.from({ length: CARRIED_BURST + 3 }, () => carried(ada, 'hand-on', ben))
    expect(after(...spate)).toHaveLength(CARRIED_BURST)
    expect([...self.refused]).toEqual([['too-fast', 3]])
    expect(after(carried(ben, 'hand-on', ada))).toHaveLength(1)
    expect(after(...spate.map(() => carried(ada, 'hand-on', ben, 1_000)))).toHaveLength(CARRIED_PER_SECOND)
  })
})

describe('the way of own words', () => {
  it('[INTRO-5] they go through the server where both are attached, else through who is linked with both, else nowhere', () => {
    after(attached(cyd), linked(ada))
    expect(after(send(cyd))).toEqual(['serve c1 words'])
    expect(after(detached, send(cyd))).toEqual([])
    expect([...self.refused]).toEqual([['no-way', 1]])
    expect(after(roster(ada, [cyd]), send(cyd))).toEqual(['introduced c1', 'to ada: hand-on c1 words'])
    expect(after(unlinked(ada), send(cyd))).toEqual(['withdrawn c1'])
  })

  it('[INTRO-5] words of one attempt keep to one way; the next attempt takes another', () => {
    after(attached(cyd), linked(ada), linked(ben), send(cyd))
    after(roster(ada, [cyd]), roster(ben, [cyd]))
    expect(after(send(cyd))).toEqual(['serve c1 words'])
    expect(after(attempt(cyd), send(cyd), send(cyd))).toEqual(['to ada: hand-on c1 words', 'to ada: hand-on c1 words'])
    expect(after(attempt(cyd), send(cyd))).toEqual(['to ben: hand-on c1 words'])
    expect(after(attempt(cyd), send(cyd))).toEqual(['serve c1 words'])
  })

  it('[INTRO-5] the first attempt takes the server', () => {
    after(linked(ada), roster(ada, [cyd]), attached(cyd))
    expect(after(attempt(cyd), send(cyd))).toEqual(['serve c1 words'])
  })

  it('[INTRO-5] who is heard through the server before it is said to be there is answered through it', () => {
    after(attached(), linked(ada), roster(ada, [ben]))
    expect(after(served(cyd), send(cyd), send(cyd))).toEqual(['deliver c1 words', 'serve c1 words', 'serve c1 words'])
    expect(after({ kind: 'left', at: cyd }, send(cyd))).toEqual([])
    expect(after(served(cyd), detached, send(cyd))).toEqual(['deliver c1 words'])
    expect(after(attached(), send(cyd))).toEqual([])
    expect([...self.refused]).toEqual([['no-way', 3]])
  })

  it('[INTRO-6] of those heard before they are said to be there the last 64 are answered, and all who are said to be', () => {
    after(attached(ada))
    const crowd = Array.from({ length: 65 }, (_, i) => ({ peer: `p${i}`, session: `s${i}` }))
    for (const at of crowd) self.step(served(at))
    const answers = crowd.flatMap((at) => after(send(at)))
    expect(answers).toEqual(crowd.slice(1).map((at) => `serve ${at.session} words`))
    expect(after({ kind: 'joined', at: ben }, send(ada), send(ben))).toEqual(['serve a1 words', 'serve b1 words'])
  })

  it('[INTRO-5] an answer takes the way that the words came', () => {
    after(attached(cyd), linked(ada), roster(ada, [cyd]))
    expect(after(carried(ada, 'handed-on', cyd), send(cyd))).toEqual(['deliver c1 words', 'to ada: hand-on c1 words'])
    expect(after(served(cyd), send(cyd))).toEqual(['deliver c1 words', 'serve c1 words'])
  })
})
