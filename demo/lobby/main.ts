import '@fontsource-variable/archivo/wdth.css'
import '../look/page.css'
import '../look/table.css'
import '../look/cloth.css'
import '../look/lobby.css'
import type { SignalTag } from 'selvage/webrtc'
import { invitationIn, newInvitation } from '../invitation.ts'
import { keepSettings } from '../keep-settings.ts'
import { obstacleAt } from '../obstacle.ts'
import { Patience } from '../patience.ts'
import { settingsOf } from '../settings.ts'
import { type Facts, initialFacts, isWorthWaiting } from './facts.ts'
import { lastName } from './keepsake.ts'
import { Page } from './page.ts'
import { Visit } from './visit.ts'

/**
 * The lobby: a room without a game. As at the table, the address says where the page stands: without a fragment it is
 * the door to a new room, with one it is the room that the fragment names.
 */
let facts: Facts = initialFacts
let visit: Visit | null = null

const page = new Page({
  enter: (name) => {
    if (visit === null) begin(newInvitation('lobby'), (fresh) => fresh.create(name))
    else void visit.join(name)
  },
  again: () => {
    patience.renew()
    change({ looking: null })
    lookAgain()
  },
  open: () => {
    patience.renew()
    const invitation = invitationIn(location.href, 'lobby')
    if (invitation !== null) begin(invitation, (fresh) => fresh.reopen())
  },
  say: (text) => visit?.stay?.say(text),
  kick: (peer) => visit?.stay?.kick(peer),
  lock: (locked) => visit?.stay?.lock(locked),
  leave: () => void visit?.stay?.leave(),
})

const patience = new Patience((count) => {
  change({ looking: count })
  if (count === 'now') lookAgain()
})

addEventListener('hashchange', () => location.reload())
keepSettings()
addEventListener('online', () => change({ isOnline: true }))
addEventListener('offline', () => change({ isOnline: false }))
arrive()

function arrive(): void {
  const invitation = possibleInvitation()
  if (invitation === null) change({ ...initialFacts, name: lastName.read(), isOnline: navigator.onLine })
  else if (invitation !== 'none') begin(invitation, (fresh) => fresh.arrive())
}

/** Who has given a name already is not asked again. */
function lookAgain(): void {
  const { errand, name } = facts
  const invitation = possibleInvitation()
  if (name === '' || invitation === null || invitation === 'none') arrive()
  else begin(invitation, (fresh) => (errand === 'create' ? fresh.create(name) : fresh.arrive(name)))
}

/** `none`: the page says why there can be none. */
function possibleInvitation(): SignalTag | null | 'none' {
  const over = obstacleAt(new URL(location.href))
  try {
    if (over === null) return invitationIn(location.href, 'lobby')
    change({ ...initialFacts, stage: 'over', over })
  } catch {
    change({ ...initialFacts, stage: 'over', over: 'invalid-link' })
  }
  return 'none'
}

function begin(invitation: SignalTag, how: (fresh: Visit) => Promise<void>): void {
  visit?.close()
  const invite = invitation.toURL(location.href).href
  if (invite !== location.href) history.replaceState(null, '', invite)
  const { looking, name, errand } = facts
  const settings = settingsOf(new URL(location.href))
  change({
    ...initialFacts,
    fabric: settings.fabric,
    looking,
    name,
    errand,
    invited: true,
    isOnline: navigator.onLine,
    stage: 'opening',
    invite,
  })
  visit = new Visit(invitation, settings, {
    change: (changed) => {
      const found = changed.stage === 'knocking' || changed.stage === 'inside' || changed.stage === 'door'
      change(found ? { ...changed, looking: null } : changed)
      if (changed.stage === 'inside') patience.renew()
      if (changed.stage === 'over' && facts.over !== null && isWorthWaiting(facts.over)) patience.wait()
    },
    said: (said) => page.showSaid(said),
    missed: (sender) => page.showMissed(sender),
  })
  void how(visit)
}

/** A look that the page takes by itself leaves the notice where it is until it has found somebody. */
function change(changed: Partial<Facts>): void {
  facts = { ...facts, ...changed }
  if (facts.looking === 'now' && (facts.stage === 'opening' || facts.stage === 'looking')) return
  page.draw(facts)
}
