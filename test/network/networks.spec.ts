import { type Browser, expect, test as base } from '@playwright/test'
import { sleep } from '../../src/base/abort.ts'
import { systemClock } from '../../src/base/clock.ts'
import { startSignalServer } from '../../src/server/index.ts'
import { leaveOut } from '../browser/leave-out.ts'
import { findChromium } from '../browser/find-browser.ts'
import { closeAccounts } from './accounts.ts'
import { newInvitation } from './invitation.ts'
import { Lan } from './lan.ts'
import { Member } from './member.ts'

/** Two browsers, each in a namespace of its own, or in one and the same where namespaces are refused. */
interface Net {
  readonly lan: Lan | null
  readonly browsers: readonly Browser[]
  /** What kept a network of namespaces from being made. */
  readonly refusal: string
}

const test = base.extend<{ room: readonly Member[] }, { net: Net }>({
  net: [
    async ({ playwright, browser }, use) => {
      const chromium = findChromium()
      let refusal = chromium === null ? 'no Chromium was found by its path' : ''
      const lan =
        chromium === null
          ? null
          : await Lan.create().catch((error: unknown) => {
              refusal = String(error).split('\n').slice(0, 2).join(' ')
              return null
            })
      if (lan === null || chromium === null) return use({ lan: null, browsers: [browser, browser], refusal })
      await lan.addMachine()
      const launching = lan.machines.map((machine) =>
        playwright.chromium.launch({ executablePath: lan.wrapped(chromium, machine), args: ['--no-sandbox'] }),
      )
      const browsers = await Promise.all(launching)
      await use({ lan, browsers, refusal })
      for (const one of browsers) await one.close()
      await lan.close()
    },
    { scope: 'worker' },
  ],

  /** Two members that hear each other. */
  room: async ({ net, permissions }, use) => {
    const server = await (net.lan?.startSignalServer() ?? startSignalServer())
    const setup = { servers: [server.url], intervalMs: 20 }
    const invitation = newInvitation()
    const contexts = await Promise.all(net.browsers.map((one) => one.newContext({ permissions: permissions ?? [] })))
    const members = await Promise.all(contexts.map((context) => Member.open(context, invitation, setup)))
    for (const member of members) await member.enters()
    await hearEachOther(members)
    await use(members)
    for (const context of contexts) await context.close()
    await server.close()
  },
})

// One network, used by one test at a time.
test.describe.configure({ mode: 'default', timeout: 90_000 })

test('a cable is pulled and put back: nobody leaves the roster, and no frame is lost or doubled', async ({
  net,
  room,
}) => {
  const [machine] = net.lan?.machines ?? []
  if (machine === undefined) {
    leaveOut(`no network namespaces (${net.refusal}): links are cut by closing the transports under the fabric`)
    expect(await room[0]?.cut()).toBe(1)
  } else {
    await machine.unplug()
    await sleep(systemClock, CUT_MS)
    await machine.replug()
  }
  await hearEachOther(room)
  await keepsAll(room)
})

test('an address changes under a page: it is found again, and no frame is lost or doubled', async ({ net, room }) => {
  const [machine] = net.lan?.machines ?? []
  if (net.lan === null || machine === undefined) {
    leaveOut(`no network namespaces (${net.refusal}): no address changes`)
    return
  }
  await machine.changeAddress(net.lan.address)
  await hearEachOther(room)
  await keepsAll(room)
})

test('a network delays and drops: every frame comes, once and in order', async ({ net, room }) => {
  const [machine] = net.lan?.machines ?? []
  const refusal =
    machine === undefined
      ? `no network namespaces (${net.refusal})`
      : await machine.worsen(DELAY_MS, LOSS_PERCENT).then(
          () => null,
          () => 'the kernel has no sch_netem',
        )
  if (refusal !== null) return leaveOut(`${refusal}: no network delays or drops`)
  const sinceMs = Date.now()
  expect(((await room[0]?.heard(room, sinceMs)) ?? 0) - sinceMs).toBeGreaterThanOrEqual(DELAY_MS)
  await sleep(systemClock, 2_000)
  await hearEachOther(room)
  await keepsAll(room)
})

/** Longer than an engine takes to call a path interrupted, and within the window of a link. */
const CUT_MS = 6_000
const DELAY_MS = 80
const LOSS_PERCENT = 5

async function hearEachOther(members: readonly Member[]): Promise<void> {
  const sinceMs = Date.now()
  await Promise.all(members.map((member) => member.heard(members, sinceMs)))
}

async function keepsAll(members: readonly Member[]): Promise<void> {
  const { violations, frames } = await closeAccounts(members)
  expect(violations).toEqual([])
  expect(frames).toBeGreaterThan(100)
}
