import type { Seam } from 'selvage'

/**
 * Who is looking at the board. Each page tells the others when it is hidden or left (*away*) and when it is
 * seen again (*here*); leaving the page is never a departure, for a reload looks just the same. A peer that
 * says nothing is here, and the seam itself tells who is connected at all.
 */
export class Attendance {
  readonly #channel: Seam
  readonly #onChange: () => void
  readonly #away = new Set<string>()
  readonly #leaving = new AbortController()
  /** False from `pagehide` on, whatever other events a page that is being left still fires. */
  #shown = true

  /** `channel` is a channel of its own; it becomes this object's to close. */
  constructor(channel: Seam, onChange: () => void) {
    this.#channel = channel
    this.#onChange = onChange
    const { signal } = this.#leaving
    addEventListener('pagehide', () => this.#onShown(false), { signal })
    addEventListener('pageshow', () => this.#onShown(true), { signal })
    document.addEventListener('visibilitychange', () => this.#tell(), { signal })
    const stopListening = channel.peers.listen((peers) => this.#onPeers(peers))
    signal.addEventListener('abort', stopListening)
    void this.#read()
    this.#tell()
  }

  isAway(peer: string): boolean {
    return this.#away.has(peer)
  }

  close(): void {
    this.#leaving.abort()
    void this.#channel.close()
  }

  /** Whoever comes back is here until it says otherwise, and has to be told about us. */
  #onPeers(peers: ReadonlySet<string>): void {
    for (const peer of this.#away) if (!peers.has(peer)) this.#away.delete(peer)
    this.#tell()
    this.#onChange()
  }

  #onShown(shown: boolean): void {
    this.#shown = shown
    this.#tell()
  }

  /** Sent at once or not at all: the page may have no later. */
  #tell(): void {
    const state = this.#shown && document.visibilityState === 'visible' ? 'here' : 'away'
    this.#channel.broadcast(new TextEncoder().encode(state)).catch(() => {})
  }

  async #read(): Promise<void> {
    for await (const { sender, payload } of this.#channel.incoming) {
      const said = new TextDecoder().decode(payload)
      if (said === 'away') this.#away.add(sender)
      else if (said === 'here') this.#away.delete(sender)
      this.#onChange()
    }
  }
}
