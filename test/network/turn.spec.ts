import { type Browser, expect, test as base } from '@playwright/test'
import { type SignalServer, startSignalServer } from '../../src/server/index.ts'
import { findFirefox, firefoxLaunchOptions } from '../browser/find-browser.ts'
import { leaveOut } from '../browser/leave-out.ts'
import { closeAccounts } from './accounts.ts'
import { type Coturn, findTurnServer, startCoturn } from './coturn.ts'
import { newInvitation } from './invitation.ts'
import { Member } from './member.ts'

const turnserver = findTurnServer()
const firefox = findFirefox()

const test = base.extend<{ turn: Coturn; signalling: SignalServer }>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the fixtures wanted from this pattern
  turn: async ({}, use) => {
    const turn = await startCoturn(turnserver ?? '')
    await use(turn)
    await turn.close()
  },
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the fixtures wanted from this pattern
  signalling: async ({}, use) => {
    const server = await startSignalServer()
    await use(server)
    await server.close()
  },
})

const TITLE = 'two peers that may use nothing but a TURN server'

if (turnserver === null) test(TITLE, () => leaveOut('no turnserver (coturn) was found: nothing is relayed by TURN'))
else {
  for (const transport of ['udp', 'tcp'] as const) {
    test(`${TITLE} reach each other through it by ${transport}, a reload included`, async ({
      browser,
      turn,
      signalling,
    }) => {
      await meetThrough(turn.iceServers(transport), signalling, [browser, browser])
    })
  }

  test(`${TITLE}: a wrong password keeps them apart, and that is an error of its own`, async ({
    browser,
    turn,
    signalling,
  }) => {
    const setup = { servers: [signalling.url], iceTransportPolicy: 'relay', intervalMs: 20 } as const
    const invitation = newInvitation()
    const host = await Member.open(await browser.newContext(), invitation, {
      ...setup,
      iceServers: turn.iceServers('udp'),
    })
    await host.enters()
    const guest = await Member.open(await browser.newContext(), invitation, {
      ...setup,
      iceServers: turn.iceServers('udp', 'wrong'),
      joins: true,
      joinTimeoutMs: 8_000,
    })
    await expect(guest.enters()).rejects.toThrow(/LinkFailedError/)
    expect(await host.peers()).toEqual([])
  })

  test(`${TITLE}, Chromium and Firefox, reach each other through it`, async ({
    browser,
    playwright,
    turn,
    signalling,
  }) => {
    if (firefox === null) return leaveOut('no Firefox was found: nothing is relayed by TURN between it and Chromium')
    const other = await playwright.firefox.launch(firefoxLaunchOptions(firefox))
    await meetThrough(turn.iceServers('udp'), signalling, [browser, other])
    await other.close()
  })
}

/** Both hear each other over relays alone, before and after one of them has reloaded. */
async function meetThrough(
  iceServers: RTCIceServer[],
  signalling: SignalServer,
  browsers: readonly [Browser, Browser],
): Promise<void> {
  const setup = { servers: [signalling.url], iceServers, iceTransportPolicy: 'relay', intervalMs: 20 } as const
  const invitation = newInvitation()
  const members: Member[] = []
  for (const browser of browsers) members.push(await Member.open(await browser.newContext(), invitation, setup))
  for (const member of members) await member.enters()
  for (const member of members) await member.heard(members, Date.now())
  await members[0]?.reload()
  for (const member of members) await member.heard(members, Date.now())
  for (const member of members) expect(new Set(await member.candidateTypes())).toEqual(new Set(['relay']))
  expect((await closeAccounts(members)).violations).toEqual([])
}
