import '@fontsource-variable/archivo/wdth.css'
import './look/page.css'
import './look/table.css'
import './look/cloth.css'
import './look/marks.css'
import type { SignalTag } from 'selvage/webrtc'
import { type Facts, initialFacts, isMyTurn } from './facts.ts'
import { invitationIn, newInvitation } from './invitation.ts'
import { Page } from './page.ts'
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
  create: () => sitAt(newInvitation(), 'create'),
  retry: () => arrive(),
  mark: (cell) => {
    if (isMyTurn(facts)) table?.mark(cell, facts.game.round)
  },
  nextRound: () => {
    if (!facts.asked) table?.nextRound(facts.game.round)
  },
  say: (text) => table?.say(text),
})

addEventListener('hashchange', () => location.reload())
arrive()

function arrive(): void {
  if (!isSecureContext) {
    change({ ...initialFacts, stage: 'failed', failure: 'insecure' })
    return
  }
  let invitation: SignalTag | null
  try {
    invitation = invitationIn(location.href)
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
  change({ ...initialFacts, stage: 'opening', invite })
  table = new Table(invitation, settingsOf(new URL(location.href)), {
    change,
    message: (message) => page.addMessage(message),
  })
  void table.open(errand)
}

function change(changed: Partial<Facts>): void {
  facts = { ...facts, ...changed }
  page.draw(facts)
}
