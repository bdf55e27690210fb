import { expect, type Locator, type Page } from '@playwright/test'

/** A person at a page of the demo. Every wait is for a state the page tells in `<html data-…>`, never for a time. */
export class Player {
  readonly page: Page
  readonly root: Locator

  constructor(page: Page) {
    this.page = page
    this.root = page.locator('html')
  }

  cell(cell: number): Locator {
    return this.page.locator(`#board [data-cell="${cell}"]`)
  }

  /** Opens the lobby, creates a game, and returns the link to it. */
  async create(query = ''): Promise<string> {
    await this.page.bringToFront()
    await this.page.goto(`/${QUIET}${query}`)
    await this.page.getByRole('button', { name: 'Create a game' }).click()
    await this.shows('connection', 'waiting')
    const link = await this.page.getByRole('textbox', { name: 'Link to this game' }).inputValue()
    expect(link).toBe(this.page.url())
    return link
  }

  async open(link: string): Promise<void> {
    await this.page.goto(link)
  }

  async shows(fact: string, value: string | RegExp): Promise<void> {
    await expect(this.root).toHaveAttribute(`data-${fact}`, value)
  }

  /** Seated, connected to the other player, and agreed on the log. */
  async plays(mark: 'X' | 'O'): Promise<void> {
    await this.shows('seat', mark)
    await this.shows('connection', 'connected')
  }

  /** Waits for the turn, marks the cell, and waits until the mark is agreed. */
  async marks(cell: number): Promise<void> {
    await this.shows('turn', 'mine')
    // Behind another tab of its window a page is drawn once a second, and a click waits for two frames.
    await this.page.bringToFront()
    await this.cell(cell).click()
    await this.sees(cell, /[XO]/)
  }

  async sees(cell: number, mark: string | RegExp): Promise<void> {
    await expect(this.cell(cell)).toHaveAttribute('data-mark', mark)
  }

  /** The whole board, e.g. `X.O|.X.|...`. */
  async seesBoard(board: string): Promise<void> {
    const cells = [...board.replaceAll('|', '')]
    for (const [cell, mark] of cells.entries()) await this.sees(cell, mark === '.' ? '' : mark)
  }

  /**
   * Waits until this browser has stored that the whole log is agreed. A node writes that down a moment after
   * it learns of it, and a page that is closed before comes back without the last turn until the other is there.
   */
  async keepsAll(): Promise<void> {
    await expect.poll(() => this.page.evaluate(isAllKept)).toBe(true)
  }

  /** How each signalling server of the list does, in its order. */
  async seesServers(...health: readonly string[]): Promise<void> {
    for (const [index, state] of health.entries())
      await expect(this.page.locator('#servers .server').nth(index)).toHaveAttribute('data-health', state)
  }

  async says(text: string): Promise<void> {
    await this.page.bringToFront()
    await this.page.getByRole('textbox', { name: 'Message' }).fill(text)
    await this.page.getByRole('button', { name: 'Send' }).click()
  }

  async hears(text: string): Promise<void> {
    await expect(this.page.locator('.message[data-from="friend"]').filter({ hasText: text })).toBeVisible()
  }

  async isTold(title: string): Promise<void> {
    await expect(this.page.getByRole('heading', { name: title })).toBeVisible()
  }
}

/** Runs in the page: reads the one place that its browser holds. */
async function isAllKept(): Promise<boolean> {
  const place = (await indexedDB.databases()).find(({ name }) => name?.startsWith('selvage/place/'))
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const opening = indexedDB.open(place?.name ?? '')
    opening.addEventListener('success', () => resolve(opening.result))
    opening.addEventListener('error', () => reject(new Error('the place cannot be opened', { cause: opening.error })))
  })
  try {
    const records = database.transaction('records').objectStore('records')
    const read = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve) => request.addEventListener('success', () => resolve(request.result)))
    const [keys, commit] = await Promise.all([read(records.getAllKeys()), read<unknown>(records.get('commit'))])
    return commit === Math.max(...keys.filter((key) => typeof key === 'number'))
  } finally {
    database.close()
  }
}

/** Nothing outside this machine is asked for an address. */
export const QUIET = '?stun=off'

/** The founder creates, the friend follows the link, both are connected. */
export async function sitDown(
  founder: Page,
  friend: Page,
  query = '',
): Promise<{ x: Player; o: Player; link: string }> {
  const x = new Player(founder)
  const o = new Player(friend)
  const link = await x.create(query)
  await o.open(link)
  await Promise.all([x.plays('X'), o.plays('O')])
  return { x, o, link }
}

/** Marks in turn, `first` first. Each is seen by both before the next. */
export async function playOut(first: Player, second: Player, cells: readonly number[]): Promise<void> {
  let [mover, other] = [first, second]
  for (const cell of cells) {
    await mover.marks(cell)
    await other.sees(cell, /[XO]/)
    ;[mover, other] = [other, mover]
  }
}
