import { describe, expect, it } from 'vitest'
import { IceServerReport } from './ice-server-report.ts'

/** As much of a connection as reports listen to. */
class FakeConnection extends EventTarget {
  iceGatheringState: RTCIceGatheringState = 'new'
  readonly #urls: string[]

  constructor(...urls: string[]) {
    super()
    this.#urls = urls
  }

  getConfiguration(): RTCConfiguration {
    return { iceServers: [{ urls: this.#urls, username: 'ann', credential: 'hush' }] }
  }

  says(errorCode: number, url: string, errorText = ''): void {
    this.dispatchEvent(Object.assign(new Event('icecandidateerror'), { errorCode, errorText, url }))
  }

  gathers(type: 'host' | 'relay'): void {
    this.dispatchEvent(Object.assign(new Event('icecandidate'), { candidate: { type } }))
  }

  starts(): void {
    this.iceGatheringState = 'gathering'
    this.dispatchEvent(new Event('icegatheringstatechange'))
  }
}

const TURN = 'turn:turn.example:3478?transport=udp'
const STUN = 'stun:stun.example:3478'

function reporting(...urls: string[]): { connection: FakeConnection; report: IceServerReport; heard: string[] } {
  const connection = new FakeConnection(...urls)
  const heard: string[] = []
  const report = new IceServerReport(connection as unknown as RTCPeerConnection, (why) => heard.push(why))
  return { connection, report, heard }
}

describe('what ICE servers said', () => {
  it.each([
    [401, 'the TURN server turn.example:3478 answered with 401 Told: it refused the user name or password'],
    [403, 'the TURN server turn.example:3478 answered with 403 Told: it forbids it: check its rules'],
    [437, 'the TURN server turn.example:3478 answered with 437 Told: it takes this for a repeated request'],
    [486, 'the TURN server turn.example:3478 answered with 486 Told: it gives this user no more relays: raise'],
    [508, 'the TURN server turn.example:3478 answered with 508 Told: it has no relay left: raise'],
    [500, 'the TURN server turn.example:3478 answered with 500 Told: it refused: see its log'],
    [701, 'the TURN server turn.example:3478 could not be reached (701 Told): check its address'],
  ])('[RTC-61] %i is told at once, in words', (code, words) => {
    const { connection, report, heard } = reporting(TURN)
    connection.says(code, TURN, 'Told.')
    expect(heard).toEqual([expect.stringContaining(words)])
    expect(report.text).toBe(heard[0])
  })

  it('[RTC-61] is told once for each server, the worst of it, and of TURN servers first', () => {
    const { connection, report, heard } = reporting(TURN, STUN)
    connection.says(701, STUN)
    expect([heard, report.text]).toEqual([[], expect.stringMatching(/^the STUN server stun.example:3478 could not/)])
    for (let address = 0; address < 3; address++) connection.says(701, TURN)
    connection.says(401, TURN)
    expect(heard).toEqual([expect.stringContaining('(701)'), expect.stringContaining('401')])
    expect(report.text).toMatch(/^the TURN server turn.example:3478 answered with 401: .*; the STUN server [^;]*$/)
  })

  it('[RTC-61] names a TURN server that has said nothing, unless it relays', () => {
    const { connection, report } = reporting(TURN, 'turns:user:hush@other.example', STUN)
    expect(report.text).toMatch(
      /^no answer has come from the TURN server turn.example:3478 or other.example: check its address/,
    )
    connection.gathers('host')
    expect(report.text).not.toBeNull()
    connection.gathers('relay')
    expect(report.text).toBeNull()
    expect(reporting(STUN).report.text).toBeNull()
  })

  it('[RTC-61] shows no credential, and of what the server writes no more than a line', () => {
    const { connection, heard } = reporting()
    connection.says(401, 'turn:ann:hush@turn.example', 'x'.repeat(5_000))
    expect(heard[0]).toMatch(/^the TURN server turn.example answered with 401 x+: /)
    expect(heard[0]?.length).toBeLessThan(400)
    for (let at = 0; at < 100; at++) connection.says(401, `turn:${at}.example`)
    expect(heard.length).toBeLessThan(10)
  })

  it('[RTC-61] is forgotten when another search begins', () => {
    const { connection, report } = reporting(STUN)
    connection.says(401, TURN)
    connection.starts()
    expect(report.text).toBeNull()
  })
})
