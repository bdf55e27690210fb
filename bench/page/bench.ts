import type { Opened, Subject } from './line.ts'
import { type Figures, measure, serve } from './measure.ts'
import { bareChannel } from './subjects/bare.ts'
import { peerjs } from './subjects/peerjs.ts'
import { webRtcSeam } from './subjects/seam.ts'
import { simplePeer } from './subjects/simple-peer.ts'
import { trystero } from './subjects/trystero.ts'

const subjects: readonly Subject[] = [
  bareChannel('bare'),
  bareChannel('bare again'),
  webRtcSeam,
  simplePeer,
  peerjs,
  trystero,
]

/** What the harness calls in each page. Only plain data crosses. */
export interface BenchPage {
  answer(name: string, meeting: string): Promise<string>
  answered(): Promise<Moments>
  call(name: string, meeting: string, invitation: string): Promise<Moments & { readonly callMs: number }>
  measure(): Promise<Figures>
  close(): Promise<void>
}

interface Moments {
  readonly offeredAt: number | null
  readonly openAt: number
}

let opened: Promise<Opened> | null = null

const page: BenchPage = {
  async answer(name, meeting) {
    const listening = await subject(name).answer(meeting)
    opened = listening.opened.then((end) => {
      serve(end.line)
      return end
    })
    return listening.invitation
  },
  async answered() {
    return moments(await current())
  },
  async call(name, meeting, invitation) {
    const startedAt = performance.now()
    opened = subject(name).call(meeting, invitation)
    const end = await opened
    return { ...moments(end), callMs: performance.now() - startedAt }
  },
  async measure() {
    return measure((await current()).line)
  },
  async close() {
    const end = await current()
    opened = null
    await end.line.close()
  },
}

Object.assign(globalThis, { selvageBench: page })

function subject(name: string): Subject {
  const found = subjects.find((one) => one.name === name)
  if (found === undefined) throw new Error(`no subject is called ${name}`)
  return found
}

function current(): Promise<Opened> {
  if (opened === null) throw new Error('nothing is open')
  return opened
}

function moments({ offeredAt, openAt }: Opened): Moments {
  return { offeredAt, openAt }
}
