import type { Random } from '../base/random.ts'
import type { PeerId } from '../seam/contract.ts'
import type { LeftWhy, SignalAddress } from '../signal/protocol.ts'
import type { GoodbyeReason } from './link/link-frames.ts'
import type { LinkRoute, LinkStage } from './link/link-status.ts'

/** What a {@link Mesh} is told, in the order in which it happens. */
export type MeshInput =
  /** This peer attached to a server; `present` is who else is. */
  | { readonly kind: 'attached'; readonly present: readonly SignalAddress[] }
  | { readonly kind: 'detached' }
  | { readonly kind: 'joined'; readonly at: SignalAddress }
  /** `gone`: for good. `lost`: it may come back, to this server or another. */
  | { readonly kind: 'left'; readonly at: SignalAddress; readonly why: LeftWhy }
  /** A linked peer is linked with this member, so that words for it have a way; `withdrawn`: no longer. */
  | { readonly kind: 'introduced' | 'withdrawn'; readonly at: SignalAddress }
  /** Another peer makes a link to this one. */
  | { readonly kind: 'dialled'; readonly at: SignalAddress; readonly link: string; readonly route?: LinkRoute }
  /** The other end of a link in the making has said something. */
  | { readonly kind: 'answered'; readonly link: string }
  | { readonly kind: 'proved'; readonly link: string }
  /** The other end moves the bond to this link. */
  | { readonly kind: 'chosen'; readonly link: string }
  | { readonly kind: 'ended'; readonly link: string; readonly why: LinkEnd }
  | { readonly kind: 'path'; readonly link: string; readonly path: 'connected' | 'interrupted' }
  /** The peer broke a rule of the seam's: its link is to go, and it leaves. */
  | { readonly kind: 'cut-off'; readonly peer: PeerId }
  /** The page, or its network, is back. */
  | { readonly kind: 'wake' }
  | { readonly kind: 'due'; readonly timer: string }

/** `failed`: worth another try. `goodbye`: the other end left. `refused`: it is not whom it claims to be, or is no match. */
export type LinkEnd = 'failed' | 'goodbye' | 'refused'

export type MeshEffect =
  | {
      readonly kind: 'dial' | 'accept'
      readonly link: string
      readonly at: SignalAddress
      readonly polite: boolean
      readonly route: LinkRoute
    }
  /** Close the link, with a goodbye where there is a reason to give. It sends no `ended`. */
  | { readonly kind: 'drop'; readonly link: string; readonly goodbye: GoodbyeReason | null }
  /** From now on this link carries what goes to the peer, who is listed once both ends agree on what has arrived. */
  | { readonly kind: 'carry'; readonly peer: PeerId; readonly at: SignalAddress; readonly link: string }
  /** `lost`: not of its own will. */
  | { readonly kind: 'unlist'; readonly peer: PeerId; readonly lost: boolean }
  | { readonly kind: 'restart'; readonly link: string; readonly at: SignalAddress }
  /** Finds out whether anything gets through. */
  | { readonly kind: 'ask'; readonly link: string }
  /** Whoever is missed may be on another server: looks there. */
  | { readonly kind: 'seek' }
  /** Starts a timer, in place of one of the same name. */
  | { readonly kind: 'arm'; readonly timer: string; readonly ms: number }
  | { readonly kind: 'disarm'; readonly timer: string }

export interface MeshLinkView {
  readonly id: string
  readonly peer: PeerId
  readonly session: string
  readonly stage: LinkStage
  readonly route: LinkRoute
}

export interface MeshOptions {
  readonly selfId: PeerId
  readonly random: Random
  readonly newLinkId: () => string
  /** Default 15,000. */
  readonly lostAfterMs?: number | undefined
  /** Default `never`. */
  readonly relay?: RelayPolicy | undefined
}

/**
 * `fallback`: a peer that cannot be linked with directly is linked with through a relay, until it can be.
 * `always`: no direct link is made. `never`: no relayed one.
 */
export type RelayPolicy = 'fallback' | 'always' | 'never'
