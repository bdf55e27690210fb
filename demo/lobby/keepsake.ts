import type { ResumeToken } from 'selvage'
import type { SaidMessage } from './chat.ts'

/** What a browser keeps of one membership, for the page that comes after this one. */
export interface Keepsake {
  readonly name: string
  readonly token: ResumeToken
  /** Whether this member hosted: then it opens the room again where nobody is left in it. */
  readonly hosted: boolean
  readonly said: readonly SaidMessage[]
}

/**
 * Keeps it under a key of this tab's own place, which a lock guards: two tabs are two members. Where the browser
 * refuses storage nothing is kept, and a reload is a newcomer.
 */
export class KeepsakeBox {
  readonly #key: string

  constructor(place: string, number: number) {
    this.#key = `${place} ${number}`
  }

  /** `null` for nothing, and for what is none. */
  read(): Keepsake | null {
    try {
      const kept = JSON.parse(localStorage.getItem(this.#key) ?? 'null') as Keepsake | null
      return typeof kept?.name === 'string' && Array.isArray(kept.said) ? kept : null
    } catch {
      return null
    }
  }

  write(keepsake: Keepsake): void {
    try {
      localStorage.setItem(this.#key, JSON.stringify(keepsake))
    } catch {
      // Refused or full: the membership lives with the page.
    }
  }

  forget(): void {
    try {
      localStorage.removeItem(this.#key)
    } catch {
      // Refused: nothing was kept.
    }
  }
}

/** The name last used in this browser, to begin with at another door. */
export const lastName = {
  read(): string {
    try {
      return localStorage.getItem('lobby name') ?? ''
    } catch {
      return ''
    }
  },
  write(name: string): void {
    try {
      localStorage.setItem('lobby name', name)
    } catch {
      // Refused: it is asked for again.
    }
  },
}
