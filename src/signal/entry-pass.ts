import type { SignalAddress } from './protocol.ts'

/** What a connection brought along for its attaching, checked already by who let it in. */
export type EntryPass =
  /** Nothing, and nothing is asked for. */
  | { readonly kind: 'open' }
  | {
      readonly kind: 'ticket'
      /** For this peer alone. */
      readonly peer?: string | undefined
      /** For the room of this address alone. */
      readonly room?: string | undefined
      /** By the clock of the hub's inputs. */
      readonly expiresAtMs: number
    }
  /** None where one is needed, or one that is no good. */
  | { readonly kind: 'refused'; readonly message: string }

/** Why the pass does not let `who` into `room`; `null` where it does. Says nothing about the room. */
export function passFault(pass: EntryPass, room: string, who: SignalAddress, nowMs: number): string | null {
  if (pass.kind === 'open') return null
  if (pass.kind === 'refused') return pass.message
  if (nowMs >= pass.expiresAtMs) return 'the ticket has expired: fetch another'
  if (pass.peer !== undefined && pass.peer !== who.peer) return 'the ticket is for another peer'
  if (pass.room !== undefined && pass.room !== room) return 'the ticket is for another room'
  return null
}
