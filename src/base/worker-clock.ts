import { type Clock, LONGEST_TIMEOUT_MS, systemClock } from './clock.ts'

/** A {@link Clock} that keeps time in a worker. */
export interface WorkerClock extends Clock {
  /** Ends the worker. Idempotent; timers that are armed still fire, on the page's own. */
  close(): void
}

/** `[id, ms]` arms a timer, `[id]` disarms it; what falls due is answered with its id. Id 0: the worker runs. */
const WORKER_SOURCE = `const timers = new Map()
onmessage = ({ data: [id, ms] }) => {
  clearTimeout(timers.get(id))
  timers.delete(id)
  if (ms !== undefined) timers.set(id, setTimeout(() => { timers.delete(id); postMessage(id) }, ms))
}
postMessage(0)`

/**
 * A clock whose timers are in time in a hidden tab as well, where the page's own fire once a second: each runs in
 * a worker and on the page, and the first to ring counts. So it is never later than the platform's timers, and where
 * there is no worker (Node, a content security policy without `worker-src blob:`) it is no more than those.
 */
export function workerClock(): WorkerClock {
  const armed = new Map<number, { readonly run: () => void; readonly own: unknown }>()
  let lastId = 0
  const fire = (id: number): void => {
    const timer = armed.get(id)
    armed.delete(id)
    systemClock.clearTimeout(timer?.own)
    timer?.run()
  }
  let worker = startWorker(fire, () => (worker = null))
  return {
    now: () => systemClock.now(),
    wallNow: () => systemClock.wallNow(),
    setTimeout(run, ms) {
      const id = ++lastId
      armed.set(id, { run, own: systemClock.setTimeout(() => fire(id), ms) })
      worker?.postMessage([id, Math.min(ms, LONGEST_TIMEOUT_MS)])
      return id
    },
    clearTimeout(handle) {
      const timer = armed.get(handle as number)
      if (timer === undefined) return
      armed.delete(handle as number)
      systemClock.clearTimeout(timer.own)
      worker?.postMessage([handle])
    },
    close() {
      worker?.terminate()
      worker = null
    },
  }
}

let shared: Clock | null = null

/** The clock of this page, one worker for all who use it; the system clock where there is no page. */
export function pageClock(): Clock {
  const isPage = typeof document === 'object' && typeof Worker === 'function'
  return (shared ??= isPage ? workerClock() : systemClock)
}

function startWorker(ring: (id: number) => void, lost: () => void): Worker | null {
  if (typeof Worker !== 'function') return null
  const url = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: 'text/javascript' }))
  // Not before the worker has read it.
  const done = (): void => URL.revokeObjectURL(url)
  try {
    const worker = new Worker(url)
    worker.onmessage = ({ data }: MessageEvent<number>) => (data === 0 ? done() : ring(data))
    worker.onerror = (event) => {
      event.preventDefault()
      done()
      lost()
    }
    return worker
  } catch {
    done()
    return null
  }
}
