import { sleep, withinMs } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import type { Link, LinkDriver, LinkEvents } from '../link/link-driver.ts'

/** One end of a link under a test's thumb. */
export class LinkEnd {
  readonly link: Link
  readonly received: Uint8Array[] = []
  readonly lossy: Uint8Array[] = []
  readonly opened: Promise<void>
  readonly closed: Promise<string>
  readonly held: string[] = []
  /** What signalling carries to the other end; the test may hold it back or reorder it. */
  carry: (body: string) => void = (body) => void this.held.push(body)
  onDrain: () => void = () => {}

  constructor(driver: LinkDriver, role: { readonly initiator: boolean; readonly polite: boolean }) {
    let opened = (): void => {}
    let closed: (why: string) => void = () => {}
    this.opened = soon(new Promise((resolve) => (opened = resolve)))
    // An end that never opens fails only the test that waits for it.
    this.opened.catch(() => {})
    this.closed = new Promise((resolve) => (closed = resolve))
    const events: LinkEvents = {
      onSignal: (body) => this.carry(body),
      onOpen: () => opened(),
      onMessage: (bytes) => void this.received.push(bytes),
      onLossy: (bytes) => void this.lossy.push(bytes),
      onDrain: () => this.onDrain(),
      onPath: () => {},
      onTrouble: () => {},
      onClosed: (why) => closed(why),
    }
    this.link = driver.open({
      ...role,
      link: 'AAAAAAAAAAAAAAAA',
      at: { peer: 'other', session: 'other' },
      iceServers: [],
      renewIceServers: async () => {},
      iceTransportPolicy: 'all',
      clock: systemClock,
      events,
    })
  }
}

/** Two ends that signal to each other, with the same driver or one each. */
export function wiredEnds(driver: LinkDriver, other: LinkDriver = driver): [LinkEnd, LinkEnd] {
  const a = new LinkEnd(driver, { initiator: true, polite: true })
  const b = new LinkEnd(other, { initiator: false, polite: false })
  wire(a, b)
  return [a, b]
}

/** What was held back goes first. */
export function wire(a: LinkEnd, b: LinkEnd): void {
  a.carry = (body) => b.link.signal(body)
  b.carry = (body) => a.link.signal(body)
  for (const body of a.held.splice(0)) b.link.signal(body)
  for (const body of b.held.splice(0)) a.link.signal(body)
}

export async function eventually(holds: () => boolean): Promise<void> {
  for (const start = systemClock.now(); !holds();) {
    if (systemClock.now() - start > BOUND_MS) throw new Error(`it did not come to pass within ${BOUND_MS} ms`)
    await sleep(systemClock, 5)
  }
}

export function soon<T>(promise: Promise<T>): Promise<T> {
  return withinMs(systemClock, BOUND_MS, promise, () => new Error(`nothing came within ${BOUND_MS} ms`))
}

const BOUND_MS = 10_000
