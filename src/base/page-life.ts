/** A page's `document` and `window`, as far as they tell whether somebody looks at it. */
export interface Page {
  readonly document: EventTarget & { readonly visibilityState: string }
  readonly window: EventTarget
  /** Where the browser tells of the network that it is on (Network Information). */
  readonly connection?: EventTarget | undefined
}

/** `frozen` and `left`: its scripts may be stopped at any moment; a left page may come back all the same. */
export type PageState = 'visible' | 'hidden' | 'frozen' | 'left'

/** Tells what becomes of the page from here on. Returns what ends it. Without a page there is nothing to tell. */
export function watchPage(tell: (state: PageState) => void, page: Page | null = thisPage()): () => void {
  const ended = new AbortController()
  const { signal } = ended
  const look = (): void => tell(page?.document.visibilityState === 'hidden' ? 'hidden' : 'visible')
  page?.document.addEventListener('visibilitychange', look, { signal })
  page?.document.addEventListener('freeze', () => tell('frozen'), { signal })
  page?.document.addEventListener('resume', look, { signal })
  page?.window.addEventListener('pagehide', () => tell('left'), { signal })
  page?.window.addEventListener('pageshow', look, { signal })
  return () => ended.abort()
}

export function thisPage(): Page | null {
  if (typeof document !== 'object' || typeof window !== 'object') return null
  const { connection } = navigator as { readonly connection?: EventTarget }
  return { document, window, connection }
}
