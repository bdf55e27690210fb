import { afterEach, describe, expect, inject, it } from 'vitest'
import { concatBytes, fromBase64Url, toBase64Url } from '../../base/bytes.ts'
import { LinkFailedError } from '../../base/errors.ts'
import type { Link, LinkDriver, LinkOptions } from '../../mesh/link/link-driver.ts'
import { privateRoomAddress, publicRoomAddress } from '../../mesh/seal/room-address.ts'
import { decodeSealedSignal, encodeSealedSignal, sealContext } from '../../mesh/seal/sealed-signal.ts'
import { sealKeyOf } from '../../mesh/seal/seal-key.ts'
import type { PeerIdentity, Seam } from '../../seam/contract.ts'
import { createPeerIdentity } from '../../seam/peer-identity.ts'
import type { SignalSocketConstructor } from '../../signal/signal-socket.ts'
import { nativeLinks, WebRtcLoom, type SignalTag, type WebRtcLoomOptions } from './index.ts'

const APP = 'selvage tests'
const servers = inject('signalServers')
const seams: Seam[] = []

function loomOf(options: Partial<WebRtcLoomOptions> = {}): WebRtcLoom {
  return new WebRtcLoom({ app: APP, servers, iceServers: [], relay: 'never', ...options })
}

async function kept(weaving: Promise<Seam>): Promise<Seam> {
  const seam = await weaving
  seams.push(seam)
  return seam
}

/** Sockets of a server that does with signals what `tamper` says before it hands them on, and keeps all it sees. */
function hostileServer(tamper: (body: string) => Promise<string>, seen: string[] = []): SignalSocketConstructor {
  return class extends WebSocket {
    #order: Promise<void> = Promise.resolve()

    override addEventListener(type: string, listener: never): void {
      const heard = listener as (event: unknown) => void
      if (type !== 'message') return super.addEventListener(type, heard)
      super.addEventListener('message', (event) => {
        this.#order = this.#order.then(async () => heard({ data: await this.#changed(event as MessageEvent<string>) }))
      })
    }

    async #changed({ data }: MessageEvent<string>): Promise<string> {
      const message = JSON.parse(data) as { type: string; body: string }
      if (message.type !== 'signal') return data
      seen.push(message.body)
      return JSON.stringify({ ...message, body: await tamper(message.body) })
    }
  } as SignalSocketConstructor
}

/** Who knows the room, and with it the key: writes its own certificate into every description. */
async function rewriter(tag: SignalTag, forgedBy: PeerIdentity | null): Promise<(body: string) => Promise<string>> {
  const room =
    tag.secret === undefined ? await publicRoomAddress(APP, tag.room) : await privateRoomAddress(APP, tag.secret)
  const [key, additionalData] = [await sealKeyOf(APP, tag), sealContext(room)]
  return async (text) => {
    const bytes = fromBase64Url(text) as Uint8Array<ArrayBuffer>
    const algorithm = { name: 'AES-GCM', iv: bytes.slice(1, 13), additionalData }
    const signal = decodeSealedSignal(new Uint8Array(await crypto.subtle.decrypt(algorithm, key, bytes.slice(13))))
    if (signal === null) throw new Error('it should have opened')
    const bodies = signal.bodies.map((body) => body.replace(/(a=fingerprint:sha-256 )(\w\w)/g, '$100'))
    const publicKey = forgedBy?.publicKey ?? signal.publicKey
    const signed = encodeSealedSignal({ ...signal, publicKey, bodies })
    const signature = (await forgedBy?.sign(concatBytes(additionalData, signed))) ?? signal.signature
    const sealed = await crypto.subtle.encrypt(algorithm, key, concatBytes(signature, signed))
    return toBase64Url(concatBytes(bytes.slice(0, 13), new Uint8Array(sealed)))
  }
}

/**
 * Has got past the seal: a description with its own certificate reaches either end, both channels end at it,
 * and it hands every message on.
 */
class Interloper {
  readonly #links: Link[] = []
  carried = 0

  /** The driver of the end that dials. */
  driver(): LinkDriver {
    return {
      open: (options) => {
        const toDialler = new Ear({ ...options, initiator: false }, (body) => dialler.signal(body))
        const toOther = new Ear(options, (body) => options.events.onSignal(body))
        for (const [here, there] of [
          [toDialler, toOther],
          [toOther, toDialler],
        ] as const) {
          here.onMessage = (bytes) => {
            this.carried++
            void there.opened.then(() => there.link.send(bytes))
          }
        }
        const onSignal = (body: string): void => toDialler.link.signal(body)
        const dialler = nativeLinks().open({ ...options, events: through(options.events, { onSignal }) })
        this.#links.push(toDialler.link, toOther.link)
        return through(dialler, { signal: (body) => toOther.link.signal(body) })
      },
    }
  }

  async leave(): Promise<void> {
    await Promise.all(this.#links.map((link) => link.close()))
  }
}

/** An end of a link that listens, and proves nothing. */
class Ear {
  readonly link: Link
  readonly opened: Promise<void>
  onMessage: (bytes: Uint8Array<ArrayBuffer>) => void = () => {}

  constructor(options: LinkOptions, onSignal: (body: string) => void) {
    const { promise, resolve } = withResolvers()
    this.opened = promise
    const nothing = (): void => {}
    const events = { onDrain: nothing, onPath: nothing, onClosed: nothing, onOpen: resolve, onSignal }
    const onMessage = (bytes: Uint8Array<ArrayBuffer>): void => this.onMessage(bytes)
    this.link = nativeLinks().open({ ...options, events: through(options.events, { ...events, onMessage }) })
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

/** `target` but for what `change` does in its place. */
function through<T extends object>(target: T, change: Partial<T>): T {
  return new Proxy(target, {
    get: (_, name) => {
      const changed: unknown = Reflect.get(change, name)
      if (changed !== undefined) return changed
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
    set: (_, name, value) => Reflect.set(target, name, value, target),
  })
}

describe('who sits between two peers', () => {
  afterEach(async () => {
    await Promise.all(seams.splice(0).map((seam) => seam.close()))
  })

  it('[SEAL-9] a server reads nothing of what the peers of a private room say, and they meet', async () => {
    const seen: string[] = []
    const WebSocket = hostileServer(async (body) => body, seen)
    const host = loomOf({ WebSocket })
    const seam = await kept(host.host({ sessionName: 'oak' }))
    await kept(loomOf({ WebSocket }).join(host.invite(seam)))
    expect(seen.length).toBeGreaterThanOrEqual(2)
    const readable = seen.map((body) => new TextDecoder('latin1').decode(fromBase64Url(body) ?? new Uint8Array()))
    expect(readable.filter((text) => /sdp|candidate|fingerprint/.test(text))).toEqual([])
    expect(host.diagnostics(seam)).toMatchObject({ refusedSignals: new Map(), trust: 'secret' })
  })

  it('[SEAL-9] what a server changes of it is refused', async () => {
    const changed = async (body: string): Promise<string> => `${body.slice(0, -2)}${body.endsWith('AA') ? 'BB' : 'AA'}`
    const host = loomOf({ WebSocket: hostileServer(changed) })
    const seam = await kept(host.host({ sessionName: 'oak' }))
    await expect(loomOf({ joinTimeoutMs: 1_000 }).join(host.invite(seam))).rejects.toBeInstanceOf(LinkFailedError)
    expect([...host.diagnostics(seam).refusedSignals.keys()]).toEqual(['unsealed'])
    expect(seam.peers.get().size).toBe(1)
  })

  it.each([
    ['a server that knows the name of a public room', 'oak'],
    ['a member whose server it is', undefined],
  ])('[SEAL-9] %s rewrites descriptions in vain', async (_who, roomKey) => {
    const mallory = await createPeerIdentity()
    for (const [forgedBy, gate] of [
      [null, 'forged'],
      [mallory, 'misattributed'],
    ] as const) {
      let tamper: Promise<(body: string) => Promise<string>> | null = null
      const host = loomOf({ WebSocket: hostileServer(async (body) => (await tamper!)(body)) })
      const name = roomKey === undefined ? undefined : `${roomKey} ${crypto.randomUUID()}`
      const seam = await kept(host.host({ sessionName: 'oak', roomKey: name }))
      expect(host.diagnostics(seam).trust).toBe(roomKey === undefined ? 'secret' : 'first-use')
      tamper = rewriter(host.invite(seam), forgedBy)
      await expect(loomOf({ joinTimeoutMs: 1_000 }).join(host.invite(seam))).rejects.toBeInstanceOf(LinkFailedError)
      expect([...host.diagnostics(seam).refusedSignals.keys()]).toEqual([gate])
      expect([seam.peers.get().size, host.diagnostics(seam).refused.size]).toEqual([1, 0])
    }
  })

  it('[LINK-7] one that has got past the seal, and carries an open channel, is found out at both ends', async () => {
    const host = loomOf()
    const seam = await kept(host.host({ sessionName: 'oak' }))
    const interloper = new Interloper()
    const dialler = loomOf({ links: interloper.driver() })
    const other = await kept(dialler.reopen(host.invite(seam)))
    for (const [loom, woven] of [
      [host, seam],
      [dialler, other],
    ] as const) {
      const refusals = expect.poll(() => [...loom.diagnostics(woven).refused.keys()], { timeout: 10_000 })
      await refusals.toEqual(['forged'])
      expect(woven.peers.get().size).toBe(1)
    }
    expect(interloper.carried, 'hellos and proofs went through it').toBeGreaterThanOrEqual(4)
    await interloper.leave()
  })
})
