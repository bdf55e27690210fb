/**
 * What the STUN and TURN servers of one connection said to it, or did not say, in sentences for people: the server by
 * its address (never what lets in there), the code, what that means and what to do about it.
 */
export class IceServerReport {
  readonly #connection: RTCPeerConnection
  /** By server. */
  readonly #faults: Map<string, Fault> = new Map()
  #isRelayed = false

  /** `onRefused` hears of TURN servers at once: a pair that needs one waits in vain. */
  constructor(connection: RTCPeerConnection, onRefused: (why: string) => void) {
    this.#connection = connection
    connection.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate?.type === 'relay') this.#isRelayed = true
    })
    connection.addEventListener('icegatheringstatechange', () => {
      // Another search: the servers, and what they let in by, may be others.
      if (connection.iceGatheringState === 'gathering') this.#faults.clear()
    })
    connection.addEventListener('icecandidateerror', ({ url, errorCode, errorText }) => {
      const fault = faultOf(url, errorCode, errorText)
      const known = this.#faults.get(fault.server)
      // Engines say it for every address of this device, and ask a TURN server for what a STUN server tells, too.
      if (known !== undefined && known.rank >= fault.rank) return
      if (known === undefined && this.#faults.size >= MAX_FAULTS) return
      this.#faults.set(fault.server, fault)
      if (fault.rank > STUN_FAULT) onRefused(fault.why)
    })
  }

  /** `null` where there is nothing to say. */
  get text(): string | null {
    const whys = [...this.#faults.values()].sort((a, b) => b.rank - a.rank).map(({ why }) => why)
    const silent = this.#isRelayed ? [] : this.#turnServers().filter((server) => !this.#faults.has(server))
    if (silent.length > 0) whys.push(`no answer has come from the TURN server ${silent.join(' or ')}: ${CHECK_SERVER}`)
    return whys.length === 0 ? null : whys.join('; ')
  }

  #turnServers(): string[] {
    const urls = (this.#connection.getConfiguration().iceServers ?? []).flatMap((server) => server.urls)
    return [...new Set(urls.filter(isTurn).map(addressIn))].slice(0, MAX_FAULTS)
  }
}

interface Fault {
  readonly server: string
  readonly why: string
  /** The more it says about why there is no link, the higher. */
  readonly rank: number
}

/** Servers that are told about; nobody needs as many. */
const MAX_FAULTS = 4

const STUN_FAULT = 0
const UNREACHABLE_TURN = 1
const REFUSING_TURN = 2

const CHECK_SERVER = 'check its address, that it runs, and that no firewall is in between'

/** W3C WebRTC 1.0, section 4.8.3: the browser's own code for a server that it could not reach. */
const UNREACHABLE = 701

/** Of RFC 8656 and RFC 8489: what became of the request, and what to do. */
const MEANINGS: Readonly<Record<number, string>> = {
  401: 'refused the user name or password: they are wrong, or their time is over; check where they come from, and the shared secret and the clock of the server that makes them',
  403: 'forbids it: check its rules about who may relay what to where',
  437: 'takes this for a repeated request: another attempt is made from another port',
  441: 'refused credentials that are not those of before: name each TURN server with one user alone',
  442: 'does not relay over this transport: name it with another one',
  486: 'gives this user no more relays: raise its user-quota, or wait until earlier ones have run out',
  508: 'has no relay left: raise its total-quota or its range of ports, or name another server',
}

function faultOf(url: string, code: number, text: string): Fault {
  const server = addressIn(url)
  const turn = isTurn(url)
  const said = [String(code), text.slice(0, MAX_TEXT_LENGTH).replace(/\.$/, '')].join(' ').trim()
  const name = `the ${turn ? 'TURN' : 'STUN'} server ${server}`
  if (code === UNREACHABLE)
    return {
      server,
      why: `${name} could not be reached (${said}): ${CHECK_SERVER}`,
      rank: turn ? UNREACHABLE_TURN : STUN_FAULT,
    }
  const meaning = MEANINGS[code] ?? 'refused: see its log'
  return { server, why: `${name} answered with ${said}: it ${meaning}`, rank: turn ? REFUSING_TURN : STUN_FAULT }
}

/** The server writes it. */
const MAX_TEXT_LENGTH = 80

function isTurn(url: string): boolean {
  return /^turns?:/i.test(url)
}

/** Host and port (RFC 7064, RFC 7065). Nothing before an `@`: there is none in such an address, but perhaps a secret. */
function addressIn(url: string): string {
  return url.replace(/^[a-z]+:(?:.*@)?/i, '').replace(/\?.*$/, '')
}
