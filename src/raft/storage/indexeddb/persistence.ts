import { observable, type ReadableAtom } from '../../../base/observable.ts'

/**
 * How safe what is stored is from the browser itself. `persistent`: it has promised to clear this site's data only
 * when the person asks for that. `best-effort`: it may clear them when room runs low, or (Safari) after a week in
 * which nobody came. `page`: nothing is stored, all of it ends with the page.
 */
export type Persistence = 'persistent' | 'best-effort' | 'page'

/**
 * Asks the browser for its promise, or, with `ask` false, whether it was given already. Nobody waits for the answer:
 * Firefox asks the person, who may never say. Until then, and where it is no, the atom holds `best-effort`.
 */
export function requestPersistence(ask: boolean): ReadableAtom<Persistence> {
  const persistence = observable<Persistence>('best-effort')
  const { storage } = (globalThis.navigator as Navigator | undefined) ?? {}
  void promised(storage, ask).then((given) => given && persistence.set('persistent'))
  return persistence
}

async function promised(storage: Partial<StorageManager> | undefined, ask: boolean): Promise<boolean> {
  try {
    return (await (ask ? storage?.persist?.() : storage?.persisted?.())) ?? false
  } catch {
    return false
  }
}
