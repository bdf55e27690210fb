import { beforeEach, describe, expect, it } from 'vitest'
import type { SignalAddress } from '../signal/protocol.ts'
import {
  FALLBACK_DIAL_MS,
  LOST_AFTER_MS,
  MAX_LINKS,
  MAX_MEMBERS,
  Mesh,
  RESTART_BOUND_MS,
  RETRY_BASE_MS,
  RETRY_CAP_MS,
} from './mesh.ts'
import type { MeshEffect, MeshInput } from './mesh-steps.ts'

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

/** What follows from the inputs, one line an effect. Disarmed timers are left out; what is proved is chosen at once. */
function after(...inputs: MeshInput[]): string[] {
  return inputs
    .flatMap((input): MeshInput[] => (input.kind === 'proved' ? [input, chosen(input.link)] : [input]))
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
    case 'carry':
      return `carry ${effect.peer} over ${effect.link}`
    case 'unlist':
      return `unlist ${effect.peer}`
    case 'restart':
    case 'ask':
      return `${effect.kind} ${effect.link}`
    case 'seek':
      return 'seek'
    case 'arm':
      return `${effect.timer.split(' ')[0]} in ${effect.ms}`
    case 'disarm':
      return `disarm ${effect.timer.split(' ')[0]}`
  }
}

const attached = (...present: SignalAddress[]): MeshInput => ({ kind: 'attached', present })
const joined = (at: SignalAddress): MeshInput => ({ kind: 'joined', at })
const left = (at: SignalAddress, why: 'gone' | 'lost' = 'gone'): MeshInput => ({ kind: 'left', at, why })
const introduced = (at: SignalAddress): MeshInput => ({ kind: 'introduced', at })
const withdrawn = (at: SignalAddress): MeshInput => ({ kind: 'withdrawn', at })
const dialled = (at: SignalAddress, link: string): MeshInput => ({ kind: 'dialled', at, link })
const proved = (link: string): MeshInput => ({ kind: 'proved', link })
const chosen = (link: string): MeshInput => ({ kind: 'chosen', link })
const failed = (link: string): MeshInput => ({ kind: 'ended', link, why: 'failed' })
const lost = (at: SignalAddress): MeshInput => ({ kind: 'due', timer: `lost ${at.peer}` })
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
  it('[RTC-22] a call made before either end was attached where it is now may have reached nobody: another is made', () => {
    expect(after(attached(high))).toEqual(['dial z1 own1 politely'])
    expect(after(attached(high))).toEqual(['drop own1', 'dial z1 own2 politely'])
    expect(after(joined(high))).toEqual(['drop own2', `retry in ${FALLBACK_DIAL_MS}`])
  })

  it('[RTC-23] a peer is listed when its key is proved, and not before', () => {
    expect(after(attached(high))).toEqual(['dial z1 own1 politely'])
    expect(after(proved('own1'))).toEqual(['carry z over own1'])
    expect(after(proved('own1'))).toEqual([])
  })

  it('[RTC-23] the end with the higher id says which link carries, and the other waits for that', () => {
    mesh.step(attached(low, high))
    expect(mesh.step(proved('own1')).map(told)).toContain('carry a over own1')
    expect(mesh.step(chosen('own1')).map(told)).toEqual([])
    expect(mesh.step(chosen('own2')).map(told)).toEqual([])
    expect(mesh.step(proved('own2')).map(told)).not.toContain('carry z over own2')
    expect(mesh.peers.get('z')).toBe('connecting')
    expect(mesh.step(chosen('own2')).map(told)).toContain('carry z over own2')
    expect(mesh.step(chosen('own2')).map(told)).toEqual([])
  })

  it('[RTC-24] the same key from another session supersedes the old link: it leaves, then joins', () => {
    after(attached(high), proved('own1'), joined(highReloaded), dialled(highReloaded, 'theirs'))
    expect(after(proved('theirs'))).toEqual(['drop own1 (superseded)', 'unlist z', 'carry z over theirs'])
  })

  it('[RTC-24] the same session over another link goes on over it, listed throughout', () => {
    after(attached(high), proved('own1'), dialled(high, 'theirs'))
    expect(after(proved('theirs'))).toEqual(['carry z over theirs', 'drop own1'])
  })

  it('[RTC-24] the ghost of a linked peer is not dialled, nor dialled again', () => {
    after(attached(high, highReloaded))
    expect(after(proved('own2'))).toEqual(['drop own1', 'carry z over own2'])
    expect(after(retry(high))).toEqual([])
    expect(after({ kind: 'detached' }, attached(high, highReloaded))).toEqual([])
  })

  it('[RTC-24] who merely claims an id keeps nobody from linking with its owner', () => {
    const claimed = { peer: high.peer, session: 'claimed' }
    expect(after(attached(claimed, high))).toEqual(['dial claimed own1 politely', 'dial z1 own2 politely'])
    expect(after({ kind: 'ended', link: 'own1', why: 'refused' }, proved('own2'))).toEqual(['carry z over own2'])
  })

  it('[RTC-25] a peer whose link breaks stays listed for a while, then leaves', () => {
    after(attached(high), proved('own1'), dialled(high, 'theirs'))
    expect(after(failed('theirs'))).toEqual([])
    expect(after(failed('own1'))).toEqual([`lost in ${LOST_AFTER_MS}`, `retry in ${RETRY_BASE_MS / 2}`])
    expect(mesh.peers.get('z')).toBe('interrupted')
    expect(after(lost(high))).toEqual(['unlist z'])
    expect(after(retry(high))).toEqual(['dial z1 own2 politely'])
  })

  it('[RTC-25] a peer that is linked again in time goes on, and has its whole time at the next break', () => {
    after(attached(high), proved('own1'), failed('own1'), retry(high))
    expect(after(proved('own2'))).toEqual(['carry z over own2'])
    expect(mesh.peers.get('z')).toBe('connected')
    expect(after(failed('own2'))).toEqual([`lost in ${LOST_AFTER_MS}`, `retry in ${RETRY_BASE_MS / 2}`])
  })

  it('[RTC-25] a peer that says goodbye, is refused or is cut off leaves at once', () => {
    after(attached(low, high), proved('own1'), proved('own2'))
    expect(after({ kind: 'ended', link: 'own1', why: 'goodbye' })).toEqual(['unlist a'])
    expect(after({ kind: 'cut-off', peer: 'z' })).toEqual(['drop own2', 'unlist z'])
    expect(after(retry(low), retry(high))).toEqual([])
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
    expect(after(failed('own10')).at(-1)).toEqual(`retry in ${RETRY_BASE_MS / 2}`)
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
    expect(mesh.links).toEqual([{ id: 'own1', ...low, stage: 'connected', route: 'direct' }])
  })
})

describe('a link without a path', () => {
  const interrupted = (link: string): MeshInput => ({ kind: 'path', link, path: 'interrupted' })
  const restart = (link: string): MeshInput => ({ kind: 'due', timer: `restart ${link}` })

  it('[RTC-27] is restarted, given a bounded time, and made again', () => {
    after(attached(low, high), proved('own1'), proved('own2'))
    for (const [link, peer] of [
      ['own1', 'a'],
      ['own2', 'z'],
    ] as const) {
      expect(after(interrupted(link))).toEqual([
        `lost in ${LOST_AFTER_MS}`,
        `restart ${link}`,
        `restart in ${RESTART_BOUND_MS}`,
      ])
      expect(mesh.peers.get(peer)).toBe('interrupted')
    }
    expect(after({ kind: 'path', link: 'own1', path: 'connected' })).toEqual([])
    expect(after(restart('own2'))).toEqual(['drop own2', `retry in ${RETRY_BASE_MS / 2}`])
    expect(after(retry(high))).toEqual(['dial z1 own3 politely', `restart in ${RESTART_BOUND_MS}`])
    expect(after(proved('own3'))).toEqual(['carry z over own3'])
  })

  it('[RTC-27] is kept until its peer counts as lost where nothing can be signalled, and restarted where that changes', () => {
    after(attached(high), proved('own1'), { kind: 'detached' }, interrupted('own1'))
    expect(after(restart('own1'))).toEqual([])
    expect(after(attached(high))).toEqual(['restart own1', `restart in ${RESTART_BOUND_MS}`])
    after({ kind: 'detached' })
    expect(after(lost(high))).toEqual(['drop own1', 'unlist z'])
  })

  it('[RTC-27] that is made again has the same time to be answered, while its peer is listed', () => {
    after(attached(high), proved('own1'), failed('own1'))
    expect(after(retry(high))).toEqual(['dial z1 own2 politely', `restart in ${RESTART_BOUND_MS}`])
    expect(after(restart('own2'))).toEqual(['drop own2', expect.stringContaining('retry in')])
    after(retry(high))
    const disarmed = mesh.step({ kind: 'answered', link: 'own3' })
    expect(disarmed).toEqual([{ kind: 'disarm', timer: 'restart own3' }])
  })

  it('[RTC-28] whose peer has left for good is dropped at once, in either order', () => {
    after(attached(low, high), proved('own1'), proved('own2'), interrupted('own1'))
    expect(after(left(low))).toEqual(['drop own1', 'unlist a'])
    expect(after(left(high))).toEqual(['ask own2'])
    expect(after(interrupted('own2'))).toEqual(['drop own2', 'unlist z'])
  })

  it('[LIST-11] whose peer is out of reach has it sought where else it may be, and not while it is in reach', () => {
    after(attached(high), proved('own1'))
    expect(after(left(high, 'lost'))).toEqual([])
    expect(after(failed('own1'))).toContain('seek')
    expect(after(attached())).toContain('seek')
    expect(after(attached(high))).not.toContain('seek')
  })

  it('[RTC-28] whose peer has left for good is not waited for while it is being made again', () => {
    after(attached(high), proved('own1'), failed('own1'))
    expect(after(left(high))).toEqual(['unlist z'])
    after(attached(high), proved('own2'), left(high))
    expect(after(failed('own2'))).toEqual(['unlist z'])
  })

  it('[RTC-28] is not dropped because its server, or the peer, lost the connection to it', () => {
    after(attached(low, high), proved('own1'), proved('own2'), interrupted('own1'))
    expect(after(left(low, 'lost'), { kind: 'detached' })).toEqual(['seek'])
    expect(after(interrupted('own2'))[0]).toBe(`lost in ${LOST_AFTER_MS}`)
    expect([...mesh.peers.keys()]).toEqual(['a', 'z'])
  })
})

describe('a wake', () => {
  it('[RTC-40] asks after links that look well, restarts those without a path, and dials at once whom it waits for', () => {
    const third = { peer: 'p', session: 'p1' }
    after(attached(low, high, third), proved('own1'), proved('own2'), proved('own3'))
    after({ kind: 'path', link: 'own2', path: 'interrupted' }, failed('own3'))
    expect(after({ kind: 'wake' })).toEqual([
      'ask own1',
      'restart own2',
      `restart in ${RESTART_BOUND_MS}`,
      'dial p1 own4 politely',
      `restart in ${RESTART_BOUND_MS}`,
    ])
    expect(after({ kind: 'detached' }, { kind: 'wake' })).not.toContain('dial')
  })
})

describe('what signalling claims', () => {
  it('[RTC-29] is bounded: attachments beyond the bound are passed over', () => {
    const crowd = Array.from({ length: MAX_MEMBERS + 10 }, (_, i) => ({ peer: `p${i}`, session: 's' }))
    expect(after(attached(...crowd)).filter((effect) => effect.startsWith('dial'))).toHaveLength(MAX_LINKS)
    expect(after(joined(high), dialled(high, 'theirs'))).toEqual([])
  })

  it('[RTC-29] who comes while there are as many links as there may be is called later', () => {
    const crowd = Array.from({ length: MAX_LINKS }, (_, i) => ({ peer: `p${i}`, session: 's' }))
    expect(after(attached(...crowd, high)).at(-1)).toBe(`retry in ${RETRY_CAP_MS}`)
    after(failed('own1'))
    expect(after(retry(high))).toEqual([`dial z1 own${MAX_LINKS + 1} politely`])
  })

  it('[RTC-29] who calls and has left by the time that the call is read is not called back', () => {
    after(attached(), joined(low), left(low))
    expect(after(dialled(low, 'theirs'))).toEqual(['accept a1 theirs'])
    expect(after(failed('theirs'), retry(low))).toEqual([])
    expect(mesh.hasProspects).toBe(false)
  })

  it('[RTC-29] is forgotten when it is over', () => {
    for (let i = 0; i < MAX_MEMBERS * 2; i++)
      after(joined({ peer: `p${i}`, session: 's' }), left({ peer: `p${i}`, session: 's' }))
    expect(after(attached(high))).toEqual(['dial z1 own1 politely'])
  })
})

describe('who is introduced by linked peers', () => {
  it('[INTRO-7] is called by the end with the higher id; the other waits for that, and calls if nothing comes', () => {
    expect(after(introduced(low))).toEqual(['dial a1 own1'])
    expect(after(introduced(high))).toEqual([`retry in ${FALLBACK_DIAL_MS}`])
    expect(after(retry(high))).toEqual(['dial z1 own2 politely'])
  })

  it('[INTRO-7] is called again when that fails, without any server, until nobody introduces it', () => {
    after(introduced(low))
    expect(after(failed('own1'))).toEqual([`retry in ${RETRY_BASE_MS / 2}`])
    expect(after(retry(low))).toEqual(['dial a1 own2'])
    after(withdrawn(low))
    expect(after(failed('own2'), retry(low))).toEqual([])
  })

  it('[INTRO-7] is not called twice for being known from the server as well', () => {
    after(attached(low, high), proved('own1'))
    expect(after(introduced(low), introduced(high))).toEqual([])
    expect(after({ kind: 'detached' }, failed('own2'))).toEqual([`retry in ${RETRY_BASE_MS / 2}`])
  })

  it('[INTRO-7] may be the ghost of a session that is linked: nobody hurries to call it', () => {
    after(attached(low), proved('own1'))
    expect(after(introduced({ peer: 'a', session: 'a2' }))).toEqual([`retry in ${FALLBACK_DIAL_MS}`])
  })

  it('[INTRO-7] has not left for good while a linked peer is linked with it, whatever a server says', () => {
    after(attached(low), introduced(low), proved('own1'), left(low))
    expect(after({ kind: 'path', link: 'own1', path: 'interrupted' })).toContain('restart own1')
    expect(after(withdrawn(low))).toEqual(['drop own1', 'unlist a'])
  })

  it('[INTRO-7] is not called again where it said goodbye', () => {
    after(introduced(low), proved('own1'))
    expect(after({ kind: 'ended', link: 'own1', why: 'goodbye' })).toEqual(['unlist a'])
    expect(after(withdrawn(low), introduced(high))).toEqual([`retry in ${FALLBACK_DIAL_MS}`])
  })

  it('[INTRO-7] is restarted when a way to it comes up', () => {
    after(attached(low), proved('own1'), { kind: 'detached' }, { kind: 'path', link: 'own1', path: 'interrupted' })
    expect(after(introduced(low)).filter((effect) => effect.startsWith('restart'))).toEqual([
      'restart own1',
      expect.stringContaining('restart in'),
    ])
  })
})
