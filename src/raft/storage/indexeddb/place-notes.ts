/**
 * The places that a tab has taken at a table, noted in its sessionStorage: that outlives a reload, ends with the tab,
 * and is copied into a duplicated one. Where the page has no sessionStorage nothing is noted, and a reload takes the
 * first free place.
 */
export class PlaceNotes {
  readonly #key: string
  readonly #maxPlaces: number

  constructor(table: string, maxPlaces: number) {
    this.#key = `selvage/place/${table}`
    this.#maxPlaces = maxPlaces
  }

  /** In the order in which they were taken. What is not a list of places reads as none. */
  read(): number[] {
    try {
      const text = sessionStorage.getItem(this.#key)
      if (text === null || !/^\d{1,4}(,\d{1,4})*$/.test(text)) return []
      const numbers = text.split(',').map(Number)
      return [...new Set(numbers)].filter((number) => number < this.#maxPlaces)
    } catch {
      return []
    }
  }

  add(number: number): void {
    const noted = this.read()
    if (!noted.includes(number)) this.#write([...noted, number])
  }

  remove(number: number): void {
    this.#write(this.read().filter((other) => other !== number))
  }

  #write(numbers: readonly number[]): void {
    try {
      if (numbers.length === 0) sessionStorage.removeItem(this.#key)
      else sessionStorage.setItem(this.#key, numbers.join(','))
    } catch {
      // Refused or full: the place is this tab's all the same, only a reload may not find it.
    }
  }
}
