import { type Page, watchPage } from '../base/page-life.ts'
import type { RaftNode } from '../raft/contract.ts'

/**
 * Tells `node` when its page is hidden, frozen or left, and when it is back, so that leadership is not with one who may
 * be stopped at any moment. A hidden page goes on to vote and to acknowledge: two tabs of one window are a table.
 * Returns what ends it. Without a page there is nothing to follow.
 */
export function followPage(node: Pick<RaftNode, 'pause' | 'resume'>, page?: Page | null): () => void {
  return watchPage((state) => {
    if (state === 'visible') node.resume()
    // A node that is closed meanwhile has nothing to hand over.
    else node.pause(state).catch(() => {})
  }, page)
}
