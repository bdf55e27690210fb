import { expect, type Locator, type Page } from '@playwright/test'

/** A person at the lobby. Every wait is for a state or a sentence that the page shows, never for a time. */
export class Guest {
  readonly page: Page
  readonly root: Locator
  readonly name: string

  constructor(page: Page, name: string) {
    this.page = page
    this.root = page.locator('html')
    this.name = name
  }

  /** Opens a room and returns the link to it. */
  async opens(query = ''): Promise<string> {
    await this.#begins()
    await this.page.goto(`/lobby.html?stun=off${query}`)
    await this.page.getByLabel('Your name').fill(this.name)
    await this.page.getByRole('button', { name: 'Open a room' }).click()
    await this.isTold('You are alone here. Send the link to whoever should come.')
    const link = await this.page.getByRole('textbox', { name: 'Link to this room' }).inputValue()
    expect(link).toBe(this.page.url())
    return link
  }

  /** Follows the link and gives a name. */
  async asks(link: string): Promise<void> {
    await this.#begins()
    await this.page.goto(link)
    await this.isTold('Somebody has invited you to a room.')
    await this.page.getByLabel('Your name').fill(this.name)
    await this.page.getByRole('button', { name: 'Come in' }).click()
  }

  async comesIn(link: string): Promise<void> {
    await this.asks(link)
    await expect(this.root).toHaveAttribute('data-stage', 'inside')
  }

  /** The one sentence for what this person is in. */
  async isTold(sentence: string | RegExp): Promise<void> {
    await expect(this.page.locator('#sentence')).toHaveText(sentence)
  }

  /** As {@link isTold}, or was at some moment since this page was opened, however short. */
  async wasTold(sentence: string): Promise<void> {
    await expect.poll(() => this.page.evaluate(() => document.body.dataset['told'])).toContain(`${sentence}\n`)
  }

  /** Why this person is not in the room. */
  async isStopped(title: string, sentence: string | RegExp): Promise<void> {
    await expect(this.page.getByRole('heading', { name: title })).toBeVisible()
    await expect(this.page.locator('#notice-text')).toHaveText(sentence)
  }

  label(name: string): Locator {
    return this.page.locator(`#people .label[data-name="${name}"]`)
  }

  /** How another member is, in the words of its label. */
  async sees(name: string, how: string | RegExp): Promise<void> {
    await expect(this.label(name).locator('.how')).toHaveText(how)
  }

  /** Who is on the cloth: oneself first, the others in whatever order. */
  async seesOnly(...names: string[]): Promise<void> {
    await expect(this.page.locator('#people .label')).toHaveCount(names.length + 1)
    for (const name of names) await expect(this.label(name)).toBeVisible()
  }

  async seesHost(name: string): Promise<void> {
    await expect(this.label(name).locator('.badge')).toBeVisible()
    await expect(this.page.locator('#people .badge:visible')).toHaveCount(1)
  }

  async says(text: string): Promise<void> {
    await this.page.bringToFront()
    await this.page.getByRole('textbox', { name: 'Message' }).fill(text)
    await this.page.getByRole('button', { name: 'Send', exact: true }).click()
    await expect(this.#message('me', text)).toBeVisible()
  }

  /** What `from` said, all of it and nothing twice, in this order. */
  async hears(from: string, ...texts: string[]): Promise<void> {
    await expect(this.page.locator(`.message[data-from="${from}"] .text`)).toHaveText(texts)
  }

  /** What became of a message of one's own. */
  async seesDelivery(text: string, delivery: string): Promise<void> {
    await expect(this.#message('me', text).locator('.delivery')).toHaveText(delivery)
  }

  /** Each member has answered that it has the message. */
  async seesAllHave(text: string): Promise<void> {
    await expect(this.#message('me', text)).toHaveAttribute('data-waits', '0')
    await this.seesDelivery(text, '')
  }

  async #begins(): Promise<void> {
    await this.page.bringToFront()
    await this.page.addInitScript(noteSentences)
  }

  #message(from: string, text: string): Locator {
    return this.page.locator(`.message[data-from="${from}"]`).filter({ hasText: text })
  }
}

/** Runs in the page: notes each sentence that it shows, however short, a line each. */
function noteSentences(): void {
  new MutationObserver(() => {
    const line = `${document.getElementById('sentence')?.textContent ?? ''}\n`
    const told = document.body?.dataset['told'] ?? ''
    if (line !== '\n' && !told.endsWith(line)) document.body.dataset['told'] = told + line
  }).observe(document, { childList: true, characterData: true, subtree: true })
}

/** The first opens a room, the others come in by its link, and each sees all the others. */
export async function gather(guests: readonly Guest[], query = ''): Promise<string> {
  const [host, ...others] = guests
  if (host === undefined) throw new RangeError('a room begins with a host')
  const link = await host.opens(query)
  for (const guest of others) await guest.comesIn(link)
  for (const guest of guests) await guest.seesOnly(...guests.filter((other) => other !== guest).map(({ name }) => name))
  return link
}
