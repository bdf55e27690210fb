import { type Browser, expect, test as base } from '@playwright/test'
import { type SignalServer, startSignalServer } from '../../src/server/index.ts'
import { TurnCredentials } from '../../src/server/turn.ts'
import { readFileSync, writeFileSync } from 'node:fs'
import { findFirefox, firefoxLaunchOptions } from '../browser/find-browser.ts'
import { leaveOut } from '../browser/leave-out.ts'
import { closeAccounts } from './accounts.ts'
import { type Coturn, findTurnServer, startCoturn } from './coturn.ts'
import { newInvitation } from './invitation.ts'
import type { MemberSetup } from './member-page.ts'
import { Member } from './member.ts'

const turnserver = findTurnServer()
const firefox = findFirefox()

/** Not the one. */
const PASSWORD = 'a wrong password'
const SECRET = 'north, south, east and west'

/** `turn` has one user, `sharing` the secret that `granting` makes credentials with; `signalling` makes none. */
interface Servers {
  turn: Coturn
  sharing: Coturn
  signalling: SignalServer
  granting: SignalServer
}

const test = base.extend<Servers>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the fixtures wanted from this pattern
  turn: async ({}, use) => closing(await startCoturn(turnserver ?? ''), use),
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the fixtures wanted from this pattern
  sharing: async ({}, use) => closing(await startCoturn(turnserver ?? '', SECRET), use),
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the fixtures wanted from this pattern
  signalling: async ({}, use) => closing(await startSignalServer(), use),
  granting: async ({ sharing }, use) =>
    closing(await startSignalServer({ turn: { secret: SECRET, urls: [sharing.url('udp')] } }), use),
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

  test('coturn takes the configuration that docs/server.md advises', async () => {
    const guide = readFileSync(new URL('../../docs/server.md', import.meta.url), 'utf8')
    const [, advised = ''] = /```\n(# turnserver\.conf\n[^]*?)```/.exec(guide) ?? []
    expect(advised).toContain('static-auth-secret=<the same secret>')
    const file = test.info().outputPath('turnserver.conf')
    writeFileSync(file, advised.replace('<the same secret>', SECRET))
    const advisedTurn = await startCoturn(turnserver, SECRET, file)
    await advisedTurn.close()
    // What it says of an option that is none is heard.
    writeFileSync(file, `${advised}no-such-option\n`)
    await expect(startCoturn(turnserver, SECRET, file)).rejects.toThrow(/does not take its options/)
  })

  test(`${TITLE} reach each other with what the signalling server gives them, a reload included`, async ({
    browser,
    granting,
  }) => {
    await meetThrough([], granting, [browser, browser])
  })

  test(`${TITLE} are told in words where it refuses them, or cannot be reached; in Firefox, too`, async ({
    browser,
    playwright,
    sharing,
    signalling,
  }) => {
    // Up to seven pages in two browsers, six of which wait until their joins have run out.
    test.slow()
    if (firefox === null) {
      leaveOut('no Firefox was found: what it says of a TURN server that refuses is not read')
      return refusedInWords([browser], sharing, signalling)
    }
    const other = await playwright.firefox.launch(firefoxLaunchOptions(firefox))
    await refusedInWords([browser, other], sharing, signalling)
    await other.close()
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
  // The statistics of a link that has just been made may not name its pair yet.
  for (const member of members)
    await expect.poll(async () => [...new Set(await member.candidateTypes())]).toEqual(['relay'])
  expect((await closeAccounts(members)).violations).toEqual([])
}

/** One room, in which nobody has what a TURN server lets in by. */
async function refusedInWords(browsers: readonly Browser[], turn: Coturn, signalling: SignalServer): Promise<void> {
  const wrong = { ...grantedAt(turn, Date.now()), credential: PASSWORD }
  const expired = grantedAt(turn, Date.now() - 2 * 3_600_000)
  const nowhere = { ...wrong, urls: `turn:127.0.0.1:${UNUSED_PORT}?transport=tcp` }
  const invitation = newInvitation()
  const setup = { servers: [signalling.url], iceTransportPolicy: 'relay', intervalMs: 20 } as const
  const open = async (browser: Browser, server: RTCIceServer, joining: Partial<MemberSetup> = {}): Promise<Member> =>
    Member.open(await browser.newContext(), invitation, { ...setup, iceServers: [server], ...joining })
  const place = turn.url('udp').replace(/^turn:|\?.*$/g, '')
  const refused = new RegExp(
    `the TURN server ${place} answered with 401.*: it refused the user name or password: they are wrong, or their time is over`,
  )
  const unreachable = new RegExp(
    `the TURN server 127.0.0.1:${UNUSED_PORT} could not be reached \\(701.*\\): check its address`,
  )
  const host = await open(browsers[0] as Browser, wrong)
  await host.enters()
  const guests: { readonly member: Member; readonly server: RTCIceServer }[] = []
  // One after the other: Firefox's driver opens one page at a time.
  for (const browser of browsers)
    for (const server of [wrong, expired, nowhere])
      guests.push({ member: await open(browser, server, { joins: true, joinTimeoutMs: 10_000 }), server })
  expect(await host.why('401')).toMatch(refused)
  for (const { member, server } of guests) {
    const words = await member.keptOut()
    expect(words).toMatch(/LinkFailedError: .*nothing was joined/)
    expect(words).toMatch(server === nowhere ? unreachable : refused)
    for (const secret of [server.username, server.credential]) expect(words).not.toContain(secret)
  }
  expect(await host.peers()).toEqual([])
}

/** What the signalling server would have given somebody at that time. */
function grantedAt(turn: Coturn, wallMs: number): RTCIceServer {
  const { username, credential } = new TurnCredentials({ secret: SECRET, urls: [turn.url('udp')] }).grant('ann', wallMs)
  return { urls: turn.url('udp'), username, credential }
}

/** Below those that a system hands out, so that nobody listens there; to TCP it refuses at once. */
const UNUSED_PORT = 20_001

async function closing<T extends { close(): Promise<void> }>(
  server: T,
  use: (server: T) => Promise<void>,
): Promise<void> {
  await use(server)
  await server.close()
}
