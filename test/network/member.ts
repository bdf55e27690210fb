import type { BrowserContext, Page } from '@playwright/test'
import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'
import type { PeerId } from '../../src/seam/contract.ts'
import type { LedgerReport } from './ledger.ts'
import type { MemberPage, MemberSetup } from './member-page.ts'

/** A page that is a member of a room, in the hands of a test. */
export class Member {
  readonly page: Page
  #id: PeerId | null = null

  constructor(page: Page) {
    this.page = page
  }

  /** Opens the page in `context`; the invitation is the fragment of an address. */
  static async open(context: BrowserContext, invitation: string, setup: MemberSetup): Promise<Member> {
    const body = await document()
    // Answered here: no server has to be within reach of the browser, and localhost is a secure context.
    await context.route(`${ORIGIN}**`, (route) => route.fulfill({ contentType: 'text/html; charset=utf-8', body }))
    const member = new Member(await context.newPage())
    await member.page.goto(`${ORIGIN}?setup=${encodeURIComponent(JSON.stringify(setup))}#${invitation}`)
    return member
  }

  get id(): PeerId {
    if (this.#id === null) throw new Error('the member has not entered yet')
    return this.#id
  }

  /** Resolves once the member is in the room; rejects with what kept it out. */
  async enters(): Promise<PeerId> {
    this.#id = await this.page.evaluate(() => member.entered)
    return this.#id
  }

  /** A new session of the same peer. Resolves with when it began, epoch milliseconds. */
  async reload(): Promise<number> {
    await this.page.reload()
    return this.page.evaluate(() => performance.timeOrigin)
  }

  peers(): Promise<PeerId[]> {
    return this.page.evaluate(() => member.peers())
  }

  /** Resolves with what kept it out, in words: not every browser's driver hands on an error. */
  keptOut(): Promise<string> {
    return this.page.evaluate(() => member.keptOut)
  }

  why(words: string): Promise<string> {
    return this.page.evaluate((text) => member.why(text), words)
  }

  heard(others: readonly Member[], sinceMs: number): Promise<number> {
    const peers = others.filter((other) => other !== this).map(({ id }) => id)
    return this.page.evaluate(([from, since]) => member.heard(from, since), [peers, sinceMs] as const)
  }

  attached(): Promise<number> {
    return this.page.evaluate(() => member.attached())
  }

  /** Closes the links at these places, in the order they were opened; all where none is named. Resolves with how many. */
  cut(...places: readonly number[]): Promise<number> {
    return this.page.evaluate(
      (chosen) => member.cut((open) => (chosen.length === 0 ? Array.from({ length: open }, (_, at) => at) : chosen)),
      places,
    )
  }

  rest(): Promise<void> {
    return this.page.evaluate(() => member.rest())
  }

  report(): Promise<LedgerReport> {
    return this.page.evaluate(() => member.report())
  }

  candidateTypes(): Promise<string[]> {
    return this.page.evaluate(() => member.candidateTypes())
  }
}

/** In the pages. */
declare const member: MemberPage

const ORIGIN = 'http://localhost/member'

let built: Promise<string> | null = null

/** The page as one document, bundled from the sources once in each process. */
function document(): Promise<string> {
  built ??= build({
    entryPoints: [fileURLToPath(new URL('member-page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    logLevel: 'silent',
  }).then(({ outputFiles }) => {
    const script = (outputFiles[0]?.text ?? '').replaceAll('</script', '<\\/script')
    return `<!doctype html><html lang="en"><title>A member</title><script type="module">${script}</script></html>`
  })
  return built
}
