import { Inbox } from '../../base/inbox.ts'
import type { Seam, Swatch } from '../../seam/contract.ts'
import { DelegateSeam } from '../delegate-seam.ts'

/** A seam whose arriving frames pass through `change` first. It reads its inner seam at once, whoever reads it. */
export class TappedSeam extends DelegateSeam {
  protected readonly inbox: Inbox<Swatch> = new Inbox()

  constructor(inner: Seam, change: (swatch: Swatch) => readonly Swatch[] = (swatch) => [swatch]) {
    super(inner)
    void this.#pump(change)
  }

  override get incoming(): AsyncIterable<Swatch> {
    return this.inbox
  }

  async #pump(change: (swatch: Swatch) => readonly Swatch[]): Promise<void> {
    for await (const swatch of this.inner.incoming) for (const changed of change(swatch)) this.inbox.push(changed)
    this.inbox.end()
  }
}
