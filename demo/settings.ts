/** What the page's address sets; all of it can be left out. */
export interface Settings {
  /** Signalling servers, the first preferred. Default: the one that serves the page. `?servers=url,url` */
  readonly servers: readonly string[]
  /** `undefined`: the library's public STUN server. `?stun=off` keeps everything on the local network. */
  readonly iceServers: RTCIceServer[] | undefined
  /** How long the place of who is away is held, milliseconds; `undefined`: the library's default. `?window=20`, in seconds. */
  readonly windowMs: number | undefined
}

/** Invitations never choose servers: a link uses those of the page that opens it. */
export function settingsOf(address: URL): Settings {
  const listed = (address.searchParams.get('servers') ?? '').split(',').filter((url) => /^wss?:\/\//.test(url))
  const windowS = Number(address.searchParams.get('window') ?? Number.NaN)
  return {
    servers: listed.length > 0 ? listed : [ownServer(address)],
    iceServers: address.searchParams.get('stun') === 'off' ? [] : undefined,
    windowMs: windowS >= 1 && windowS <= 3600 ? windowS * 1000 : undefined,
  }
}

/** The development server mounts a signalling server beside the page. */
function ownServer(address: URL): string {
  const scheme = address.protocol === 'https:' ? 'wss' : 'ws'
  return `${scheme}://${address.host}/signal`
}
