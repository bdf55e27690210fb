import { type Page, thisPage, watchPage } from './page-life.ts'

/** Calls `wake` when the page is shown, thawed or online again, or moves to another network. Returns what ends it. Without a page nothing happens. */
export function watchNetwork(wake: () => void, page: Page | null = thisPage()): () => void {
  const unwatchPage = watchPage((state) => {
    if (state === 'visible') wake()
  }, page)
  const onOnline = (): void => wake()
  page?.window.addEventListener('online', onOnline)
  page?.connection?.addEventListener('change', onOnline)
  return () => {
    unwatchPage()
    page?.window.removeEventListener('online', onOnline)
    page?.connection?.removeEventListener('change', onOnline)
  }
}
