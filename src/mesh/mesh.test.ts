import { beforeEach, describe, expect, it } from 'vitest'
import type { SignalAddress } from '../signal/protocol.ts'
import {
  FALLBACK_DIAL_MS,
  INTERRUPTED_GRACE_MS,
  MAX_LINKS,
  MAX_MEMBERS,
  Mesh,
  RETRY_BASE_MS,
  RETRY_CAP_MS,
  type MeshEffect,
  type MeshInput,
} from './mesh.ts'

const low: SignalAddress = { peer: 'a', session: 'a1' }
const self: SignalAddress = { peer: 'm', session: 'm1' }
const high: SignalAddress = { peer: 'z', session: 'z1' }
const highReloaded: SignalAddress = { peer: 'z', session: 'z2' }

let mesh: Mesh
let ids: number

beforeEach(() => {
  ids = 0
  mesh = new Mesh({ selfId: self.peer, random: () => 0.5, newLinkId: () => `own${++ids}` })
})

/** What follows from the inputs, one line an effect. Disarmed timers are left out. */
function after(...inputs: MeshInput[]): string[] {
  return inputs
    .flatMap((input) => mesh.step(input))
    .filter(({ kind }) => kind !== 'disarm')
    .map(told)
}

function told(effect: MeshEffect): string {
  switch (effect.kind) {
    case 'dial':
    case 'accept':
      return `${effect.kind} ${effect.at.session} ${effect.link}${effect.polite ? ' politely' : ''}`
    case 'drop':
      return `drop ${effect.link}${effect.goodbye === null ? '' : ` (${effect.goodbye})`}`
    case 'list':
      return `list ${effect.peer} over ${effect.link}`
    case 'unlist':
      return `unlist ${effect.peer}`
    case 'restart':
      return `restart ${effect.link}`
    case 'arm':
      return `${effect.timer.split(' ')[0]} in ${effect.ms}`
    case 'disarm':
      return `disarm ${effect.timer.split(' ')[0]}`
  }
}

const attached = (...present: SignalAddress[]): MeshInput => ({ kind: 'attached', present })
const joined = (at: SignalAddress): MeshInput => ({ kind: 'joined', at })
const left = (at: SignalAddress): MeshInput => ({ kind: 'left', at })
const dialled = (at: SignalAddress, link: string): MeshInput => ({ kind: 'dialled', at, link })
const proved = (link: string): MeshInput => ({ kind: 'proved', link })
const failed = (link: string): MeshInput => ({ kind: 'ended', link, why: 'failed' })
const retry = (at: SignalAddress): MeshInput => ({
  kind: 'due',
  timer: `retry ${JSON.stringify([at.peer, at.session])}`,
})

describe('who dials', () => {
  it('[RTC-20] who attaches dials those present, and never itself', () => {
    expect(after(attached(low, high, { peer: self.peer, session: 'former' }))).toEqual([
      'dial a1 own1',
      'dial z1 own2 politely',
    ])
  })

  it('[RTC-20] who was there waits for the newcomer, and calls if nothing comes', () => {
    after(attached())
    expect(after(joined(high))).toEqual([`retry in ${FALLBACK_DIAL_MS}`])
    expect(after(retry(high))).toEqual(['dial z1 own1 politely'])
  })

  it('[RTC-20] a newcomer that calls is accepted once', () => {
    after(attached(), joined(high))
    expect(after(dialled(high, 'theirs'))).toEqual(['accept z1 theirs politely'])
    expect(after(retry(high))).toEqual([])
    expect(after(dialled(high, 'theirs'))).toEqual([])
  })

  it('[RTC-21] where both dial at once the lower id yields and the other goes on', () => {
    after(attached(low, high))
    expect(after(dialled(high, 'theirs'))).toEqual(['drop own2', 'accept z1 theirs politely'])
    expect(after(dialled(low, 'theirs2'))).toEqual([])
  })

  it('[RTC-21] a second call of the same peer takes the place of the first', () => {
    after(attached(), joined(low), dialled(low, 'first'))
    expect(after(dialled(low, 'second'))).toEqual(['drop first', 'accept a1 second'])
  })

  it('[RTC-22] attaching to another server dials only who is not linked yet', () => {
    after(attached(high), proved('own1'), { kind: 'detached' })
    expect(after(attached(low, high))).toEqual(['dial a1 own2'])
  })
})

describe('what is listed', () => {
  it('[RTC-23] a peer is listed when its key is proved, and not before', () => {
    expect(after(attached(high))).toEqual(['dial z1 own1 politely'])
    expect(after(proved('own1'))).toEqual(['list z over own1'])
    expect(after(proved('own1'))).toEqual([])
  })

  it('[RTC-24] the same key from another session supersedes the old link: it leaves, then joins', () => {
    after(attached(high), proved('own1'), joined(highReloaded), dialled(highReloaded, 'theirs'))
    expect(after(proved('theirs'))).toEqual(['drop own1 (superseded)', 'unlist z', 'list z over theirs'])
  })

  it('[RTC-24] the same session over another link replaces the old one without calling it superseded', () => {
    after(attached(high), proved('own1'), dialled(high, 'theirs'))
    expect(after(proved('theirs'))).toEqual(['drop own1', 'unlist z', 'list z over theirs'])
  })

  it('[RTC-24] the ghost of a linked peer is not dialled, nor dialled again', () => {
    after(attached(high, highReloaded))
    expect(after(proved('own2'))).toEqual(['list z over own2', 'drop own1'])
    expect(after(retry(high))).toEqual([])
    expect(after({ kind: 'detached' }, attached(high, highReloaded))).toEqual([])
  })

  it('[RTC-24] who merely claims an id keeps nobody from linking with its owner', () => {
    const claimed = { peer: high.peer, session: 'claimed' }
    expect(after(attached(claimed, high))).toEqual(['dial claimed own1 politely', 'dial z1 own2 politely'])
    expect(after({ kind: 'ended', link: 'own1', why: 'refused' }, proved('own2'))).toEqual(['list z over own2'])
  })

  it('[RTC-25] a link that ends unlists its peer; the end of another link of it does not', () => {
    after(attached(high), proved('own1'), dialled(high, 'theirs'))
    expect(after(failed('theirs'))).toEqual([])
    expect(after(failed('own1'))).toEqual(['unlist z', `retry in ${RETRY_BASE_MS / 2}`])
  })
})

describe('what is tried again', () => {
  it('[RTC-26] pauses double up to the cap, and start over once a link is proved', () => {
    after(attached(high))
    const pauses: number[] = []
    for (let attempt = 1; attempt <= 9; attempt++) {
      pauses.push(
        Number(
          after(failed(`own${attempt}`))[0]
            ?.split(' ')
            .at(-1),
        ),
      )
      after(retry(high))
    }
    expect(pauses.slice(0, 3)).toEqual([RETRY_BASE_MS / 2, RETRY_BASE_MS, RETRY_BASE_MS * 2])
    expect(pauses.at(-1)).toBe(RETRY_CAP_MS / 2)
    after(proved('own10'))
    expect(after(failed('own10'))).toEqual(['unlist z', `retry in ${RETRY_BASE_MS / 2}`])
  })

  it('[RTC-26] nothing is tried again with who left, said goodbye or was refused', () => {
    after(attached(low, high))
    expect(
      after({ kind: 'ended', link: 'own1', why: 'goodbye' }, { kind: 'ended', link: 'own2', why: 'refused' }),
    ).toEqual([])
    expect(mesh.hasProspects).toBe(false)
    after(joined(high), dialled(high, 'theirs'))
    expect(after(left(high), failed('theirs'))).toEqual(['drop theirs'])
    expect(after(retry(high))).toEqual([])
  })

  it('[RTC-26] without signalling nothing is dialled, and links stay', () => {
    after(attached(low, high), proved('own1'))
    expect(after({ kind: 'detached' }, failed('own2'), retry(high))).toEqual([])
    expect(mesh.links).toEqual([{ id: 'own1', ...low, stage: 'connected' }])
  })
})

describe('a link without a path', () => {
  it('[RTC-27] is given a bounded time, and restarted by the end with the higher id', () => {
    after(attached(low, high), proved('own1'), proved('own2'))
    expect(after({ kind: 'path', link: 'own1', path: 'interrupted' })).toEqual([
      `grace in ${INTERRUPTED_GRACE_MS}`,
      'restart own1',
    ])
    expect(after({ kind: 'path', link: 'own2', path: 'interrupted' })).toEqual([`grace in ${INTERRUPTED_GRACE_MS}`])
    expect(after({ kind: 'path', link: 'own1', path: 'connected' })).toEqual([])
    expect(after({ kind: 'due', timer: 'grace own2' })).toEqual([
      'drop own2',
      'unlist z',
      `retry in ${RETRY_BASE_MS / 2}`,
    ])
  })

  it('[RTC-28] whose peer has left the server too is dropped at once, in either order', () => {
    after(attached(low, high), proved('own1'), proved('own2'))
    expect(after({ kind: 'path', link: 'own1', path: 'interrupted' }, left(low)).slice(2)).toEqual([
      'drop own1',
      'unlist a',
    ])
    expect(after(left(high))).toEqual([])
    expect(after({ kind: 'path', link: 'own2', path: 'interrupted' })).toEqual(['drop own2', 'unlist z'])
  })

  it('[RTC-28] is not dropped because its server was lost', () => {
    after(attached(high), proved('own1'), { kind: 'detached' })
    expect(after({ kind: 'path', link: 'own1', path: 'interrupted' })).toEqual([`grace in ${INTERRUPTED_GRACE_MS}`])
  })
})

describe('what signalling claims', () => {
  it('[RTC-29] is bounded: attachments beyond the bound are passed over', () => {
    const crowd = Array.from({ length: MAX_MEMBERS + 10 }, (_, i) => ({ peer: `p${i}`, session: 's' }))
    expect(after(attached(...crowd)).length).toBe(MAX_LINKS)
    expect(after(joined(high), dialled(high, 'theirs'))).toEqual([])
  })

  it('[RTC-29] is forgotten when it is over', () => {
    for (let i = 0; i < MAX_MEMBERS * 2; i++)
      after(joined({ peer: `p${i}`, session: 's' }), left({ peer: `p${i}`, session: 's' }))
    expect(after(attached(high))).toEqual(['dial z1 own1 politely'])
  })
})
