import { InsecureContextError } from '../../base/errors.ts'
import type { LinkDriver } from '../../mesh/link/link-driver.ts'
import { MeshLoom, type MeshLoomOptions } from '../../mesh/mesh-loom.ts'
import { tabLinks } from './tab-links.ts'
import { TabPresence } from './tab-presence.ts'

/**
 * Seams between the tabs, frames and workers of one origin in one browser profile: no server, no network.
 * A tab that is closed, or whose process dies, is noticed at once. Servers that a tag names are passed over.
 */
export class BroadcastChannelLoom extends MeshLoom {
  /** Throws a `TypeError` for options that cannot work. Opens nothing. */
  constructor({ links, ...options }: BroadcastChannelLoomOptions) {
    super(
      { ...options, servers: [] },
      {
        serverless: true,
        weave: () => ({ driver: links ?? tabLinks(), presence: (presence) => new TabPresence(presence) }),
        roles: ['broadcast-channel'],
        lacking,
      },
    )
  }
}

export interface BroadcastChannelLoomOptions extends Omit<MeshLoomOptions, 'servers' | 'WebSocket'> {
  /** Default {@link tabLinks}. */
  readonly links?: LinkDriver | undefined
}

function lacking(): Error | null {
  const platform: { readonly navigator?: { readonly locks?: LockManager } } = globalThis
  if (platform.navigator?.locks !== undefined && typeof BroadcastChannel === 'function') return null
  if (globalThis.isSecureContext === false) {
    return new InsecureContextError(
      'this page has no Web Locks because it is not secure: serve it over HTTPS or from localhost',
    )
  }
  return new TypeError('this platform has no BroadcastChannel or no Web Locks: take another fabric')
}
