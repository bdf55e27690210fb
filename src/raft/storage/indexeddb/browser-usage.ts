import { boundedWait, type WaitBound } from '../../../base/bounded-wait.ts'

/** What the whole site takes in this browser, and how much it may; bytes, `null` where the browser does not tell. */
export interface BrowserUsage {
  readonly siteBytes: number | null
  readonly quotaBytes: number | null
}

/** Rejects with the signal's reason only. */
export async function browserUsage(bound: WaitBound): Promise<BrowserUsage> {
  const { storage } = (globalThis.navigator as Navigator | undefined) ?? {}
  if (storage?.estimate === undefined) return { siteBytes: null, quotaBytes: null }
  const estimate = await boundedWait<StorageEstimate>(
    bound,
    () => new Error('no answer'),
    (resolve, reject) => void storage.estimate().then(resolve, reject),
  ).catch((error: unknown) => {
    if (bound.signal?.aborted === true) throw error
    return {} as StorageEstimate
  })
  return { siteBytes: estimate.usage ?? null, quotaBytes: estimate.quota ?? null }
}
