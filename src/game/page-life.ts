import type { RaftNode } from '../raft/contract.ts'

/** A page's `document` and `window`, as far as they tell whether somebody looks at it. */
export interface Page {
  readonly document: EventTarget & { readonly visibilityState: string }
  readonly window: EventTarget
}

/**
 * Tells `node` when its page is hidden, frozen or left, and when it is back, so that leadership is not with one who may
 * be stopped at any moment. A hidden page goes on to vote and to acknowledge: two tabs of one window are a table.
 * Returns what ends it. Without a page there is nothing to follow.
 */
export function followPage(node: Pick<RaftNode, 'pause' | 'resume'>, page: Page | null = thisPage()): () => void {
  const ended = new AbortController()
  const { signal } = ended
  const away = (reason: string): void => {
    // A node that is closed meanwhile has nothing to hand over.
    node.pause(reason).catch(() => {})
  }
  const look = (): void => {
    if (page?.document.visibilityState === 'hidden') away('hidden')
    else node.resume()
  }
  page?.document.addEventListener('visibilitychange', look, { signal })
  page?.document.addEventListener('freeze', () => away('frozen'), { signal })
  page?.document.addEventListener('resume', look, { signal })
  page?.window.addEventListener('pagehide', () => away('left'), { signal })
  page?.window.addEventListener('pageshow', look, { signal })
  return () => ended.abort()
}

function thisPage(): Page | null {
  return typeof document === 'object' && typeof window === 'object' ? { document, window } : null
}
