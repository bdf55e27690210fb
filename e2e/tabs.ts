import { type Browser, type CDPSession, expect, type PlaywrightWorkerArgs } from '@playwright/test'
import type { Mark } from '../demo/tic-tac-toe.ts'

/**
 * A browser whose tabs are hidden, throttled and frozen as a person's are. Playwright keeps every page that it knows of
 * visible and awake, so these are in a profile that it does not know of, driven through its DevTools session.
 */
export class Tabs {
  readonly #browser: Browser
  readonly #devtools: CDPSession
  readonly #profile: string

  static async launch({
    playwright,
    launchOptions,
  }: Pick<PlaywrightWorkerArgs, 'playwright'> & { launchOptions: object }): Promise<Tabs> {
    const browser = await playwright.chromium.launch({ ...launchOptions, ignoreDefaultArgs: KEEPING_AWAKE })
    const devtools = await browser.newBrowserCDPSession()
    const { browserContextId } = await devtools.send('Target.createBrowserContext')
    // Without it WebRTC hides the addresses of this machine.
    await devtools.send('Browser.grantPermissions', { permissions: ['audioCapture'], browserContextId })
    return new Tabs(browser, devtools, browserContextId)
  }

  private constructor(browser: Browser, devtools: CDPSession, profile: string) {
    this.#browser = browser
    this.#devtools = devtools
    this.#profile = profile
  }

  /** A tab in front of all others of its window. */
  async open(url: string, where: { newWindow?: true } = {}): Promise<Tab> {
    const tab = { url, browserContextId: this.#profile, ...where }
    const { targetId } = await this.#devtools.send('Target.createTarget', tab)
    const { sessionId } = await this.#devtools.send('Target.attachToTarget', { targetId })
    return new Tab(this.#devtools, targetId, sessionId)
  }

  async close(): Promise<void> {
    await this.#browser.close()
  }
}

const KEEPING_AWAKE = [
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
]

/** One tab, and the player at it. */
export class Tab {
  readonly #devtools: CDPSession
  readonly #targetId: string
  readonly #sessionId: string
  #lastId = 0

  constructor(devtools: CDPSession, targetId: string, sessionId: string) {
    this.#devtools = devtools
    this.#targetId = targetId
    this.#sessionId = sessionId
  }

  /** Puts this tab in front, and so hides the one that was there. */
  async show(): Promise<void> {
    await this.#devtools.send('Target.activateTarget', { targetId: this.#targetId })
    await this.looks('visible')
  }

  async looks(visibility: DocumentVisibilityState): Promise<void> {
    await expect.poll(() => this.evaluate(() => document.visibilityState)).toBe(visibility)
  }

  /** Stops its scripts, as in a tab that has been hidden for minutes. */
  async freeze(): Promise<void> {
    await this.evaluate(() => {
      document.addEventListener('freeze', () => (document.body.dataset['frozen'] = 'yes'), { once: true })
    })
    await this.#ask('Page.setWebLifecycleState', { state: 'frozen' })
    await expect.poll(() => this.evaluate(() => document.body.dataset['frozen'])).toBe('yes')
  }

  async thaw(): Promise<void> {
    await this.#ask('Page.setWebLifecycleState', { state: 'active' })
  }

  /** Runs in the page, where it sees nothing of the test but `args`, which travel as JSON. */
  async evaluate<T, Args extends readonly unknown[]>(run: (...args: Args) => T, ...args: Args): Promise<Awaited<T>> {
    const expression = `(${run.toString()})(...${JSON.stringify(args)})`
    const { result } = await this.#ask('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
    return result?.value as Awaited<T>
  }

  /** `value` is what the page tells as `<html data-…>`. */
  async shows(fact: string, value: string): Promise<void> {
    const read = (name: string): string | undefined => document.documentElement.dataset[name]
    await expect.poll(() => this.evaluate(read, fact)).toBe(value)
  }

  async sees(cell: number, mark: Mark | ''): Promise<void> {
    const read = (what: string): string | undefined => document.querySelector<HTMLElement>(what)?.dataset['mark']
    await expect.poll(() => this.evaluate(read, cellAt(cell))).toBe(mark)
  }

  async clicks(selector: string): Promise<void> {
    await this.evaluate((what) => document.querySelector<HTMLElement>(what)?.click(), selector)
  }

  /** Waits for the turn only: not for the mark to be agreed. */
  async marks(cell: number): Promise<void> {
    await this.shows('turn', 'mine')
    await this.clicks(cellAt(cell))
  }

  async #ask(method: string, params: object): Promise<Answer['result']> {
    const [id, sessionId] = [++this.#lastId, this.#sessionId]
    const answered = new Promise<Answer>((resolve) => {
      const listen = (heard: { sessionId: string; message: string }): void => {
        const answer = JSON.parse(heard.message) as Answer
        if (heard.sessionId !== sessionId || answer.id !== id) return
        this.#devtools.off('Target.receivedMessageFromTarget', listen)
        resolve(answer)
      }
      this.#devtools.on('Target.receivedMessageFromTarget', listen)
    })
    const message = JSON.stringify({ id, method, params })
    await this.#devtools.send('Target.sendMessageToTarget', { sessionId, message })
    const { result, error } = await answered
    if (error !== undefined) throw new Error(`${method}: ${error.message}`)
    return result
  }
}

interface Answer {
  readonly id?: number
  readonly result: { readonly result?: { readonly value?: unknown } }
  readonly error?: { readonly message: string }
}

function cellAt(cell: number): string {
  return `#board [data-cell="${cell}"]`
}
