import '@fontsource-variable/archivo/wdth.css'
import './look/page.css'
import './look/table.css'
import './look/cloth.css'
import './look/marks.css'
import type { SignalTag } from 'selvage/webrtc'
import { type Facts, initialFacts, isMyTurn, isWorthWaiting } from './facts.ts'
import { invitationIn, newInvitation } from './invitation.ts'
import { keepSettings } from './keep-settings.ts'
import { obstacleAt } from './obstacle.ts'
import { Page } from './page.ts'
import { Patience } from './patience.ts'
import { settingsOf } from './settings.ts'
import { Table } from './table.ts'

/**
 * The demo. The address says where the page stands: without a fragment it is the lobby, with one it is the
 * table that the fragment names. Creating a game writes the invitation into the address, so that the
 * founder's link, the friend's link and a reload are one and the same.
 */
let facts: Facts = initialFacts
let table: Table | null = null

const page = new Page({
  create: () => begin(() => sitAt(newInvitation('tic-tac-toe'), 'create')),
  retry: () => begin(arrive),
  mark: (cell) => {
    if (isMyTurn(facts)) table?.mark(cell, facts.game.round)
  },
  nextRound: () => {
    if (!facts.asked) table?.nextRound(facts.game.round)
  },
  say: (text) => table?.say(text),
})

const patience = new Patience((count) => {
  change({ looking: count })
  if (count === 'now') arrive()
})

addEventListener('hashchange', () => location.reload())
keepSettings()
arrive()

/** What a person asks for ends what the page does by itself. */
function begin(what: () => void): void {
  patience.renew()
  change({ looking: null })
  what()
}

function arrive(): void {
  const obstacle = obstacleAt(new URL(location.href))
  if (obstacle !== null) {
    change({ ...initialFacts, stage: 'failed', failure: obstacle })
    return
  }
  let invitation: SignalTag | null
  try {
    invitation = invitationIn(location.href, 'tic-tac-toe')
  } catch {
    change({ ...initialFacts, stage: 'failed', failure: 'invalid-link' })
    return
  }
  if (invitation === null) change(initialFacts)
  else sitAt(invitation, 'open')
}

function sitAt(invitation: SignalTag, errand: 'create' | 'open'): void {
  table?.close()
  const invite = invitation.toURL(location.href).href
  if (invite !== location.href) history.replaceState(null, '', invite)
  page.clearMessages()
  const settings = settingsOf(new URL(location.href))
  change({ ...initialFacts, fabric: settings.fabric, looking: facts.looking, stage: 'opening', invite })
  table = new Table(invitation, settings, {
    change: (changed) => {
      const found = changed.stage === 'entering' || changed.stage === 'failed'
      change(found ? { ...changed, looking: null } : changed)
      if (changed.stage === 'seated') patience.renew()
      if (changed.stage === 'failed' && isWorthWaiting(facts.failure)) patience.wait()
    },
    message: (message) => page.addMessage(message),
  })
  void table.open(errand)
}

/** A look that the page takes by itself leaves the notice where it is until it has found somebody. */
function change(changed: Partial<Facts>): void {
  facts = { ...facts, ...changed }
  if (facts.looking === 'now' && (facts.stage === 'opening' || facts.stage === 'reaching')) return
  page.draw(facts)
}
