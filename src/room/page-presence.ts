import { type Page, watchPage } from '../base/page-life.ts'
import type { Room } from './contract.ts'

/**
 * Announces in `room` what becomes of this page: hidden, away (frozen or left, perhaps to come back), here again. Ends with
 * the room, or by the function returned. Without a page there is nothing to announce.
 */
export function announcePage(room: Pick<Room, 'announce' | 'status'>, page?: Page | null): () => void {
  const stopWatching = watchPage((state) => {
    if (state === 'visible') room.announce('here')
    else room.announce(state === 'hidden' ? 'hidden' : 'away')
  }, page)
  const stopListening = room.status.listen(({ kind }) => {
    if (kind === 'ended') stop()
  })
  const stop = (): void => {
    stopWatching()
    stopListening()
  }
  return stop
}
