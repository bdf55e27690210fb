import { fromUtf8, toBase64Url, utf8 } from '../../base/bytes.ts'
import type { Tag } from '../../seam/contract.ts'
import { isRoomSecret } from './room-address.ts'
import type { RoomTrust } from './seal-key.ts'

/** Bounds of what a tag may hold, and of the link that carries it. Lengths are bytes of UTF-8. */
export const TAG_BOUNDS = { room: 128, servers: 8, server: 512, link: 16_384 } as const

/**
 * Names a room to join: a public one by its key, a private one by its secret, which an invite carries.
 * `servers` are those where it can be found; a loom uses them only if it lists them itself, and a tag
 * with one server is pinned to it. Throws a `TypeError` for what is malformed or out of {@link TAG_BOUNDS}.
 */
export class SignalTag implements Tag {
  readonly room: string
  readonly servers: readonly string[]
  /** 128 bits in base64url, 22 characters. Who has it may come in. */
  readonly secret: string | undefined

  /** `secret` may also be given as its 16 bytes. */
  constructor(options: SignalTagOptions) {
    const { room, servers = [] } = options
    const secret = options.secret instanceof Uint8Array ? toBase64Url(options.secret) : options.secret
    if (!isRoomName(room)) throw new TypeError(`the name of a room is 1 to ${TAG_BOUNDS.room} bytes of UTF-8`)
    if (servers.length > TAG_BOUNDS.servers)
      throw new TypeError(`a tag names ${TAG_BOUNDS.servers} servers at the most`)
    if (secret !== undefined && !isRoomSecret(secret))
      throw new TypeError('the secret of a room is 22 characters of base64url')
    this.room = room
    this.servers = servers.map((server) => normalServerUrl(server))
    this.secret = secret
  }

  get sessionName(): string {
    return this.room
  }

  get roomKey(): string | undefined {
    return this.secret === undefined ? this.room : undefined
  }

  /** What a weave under this tag may rely on; see {@link RoomTrust}. */
  get trust(): RoomTrust {
    return this.secret === undefined ? 'first-use' : 'secret'
  }

  /** Differs with the room and the servers. Holds the first 36 bits of a secret, never all of it. */
  get peerKey(): string {
    return [this.room, this.secret?.slice(0, 6) ?? '', ...this.servers].join(' ')
  }

  /**
   * `page` with the tag as its fragment, in place of one it had. Browsers send no fragment to any
   * server, so that the secret stays between those who share the link. Throws a `TypeError` where the
   * page's own address leaves too little of {@link TAG_BOUNDS}.
   */
  toURL(page: URL | string): URL {
    const fields = new URLSearchParams({ room: this.room })
    if (this.secret !== undefined) fields.set('secret', this.secret)
    for (const server of this.servers) fields.append('server', server)
    const url = new URL(page)
    url.hash = fields.toString()
    if (url.href.length > TAG_BOUNDS.link)
      throw new TypeError('the address of this page is too long to carry an invite')
    return url
  }

  /** The tag that {@link toURL} put into a URL. Throws a `TypeError` where there is none. */
  static fromURL(url: URL | string): SignalTag {
    const text = String(url)
    if (text.length > TAG_BOUNDS.link) throw new TypeError('too long for an invite')
    const fields = new URLSearchParams(new URL(text).hash.slice(1))
    const room = only(fields, 'room')
    if (room === undefined) throw new TypeError('this link names no room: it is no invite, or was cut off')
    return new SignalTag({ room, servers: fields.getAll('server'), secret: only(fields, 'secret') })
  }
}

export interface SignalTagOptions {
  readonly room: string
  readonly servers?: readonly string[] | undefined
  readonly secret?: string | Uint8Array | undefined
}

/** One spelling per server, so that two lists can be compared. Throws a `TypeError` for other than `ws:` and `wss:`. */
export function normalServerUrl(text: string): string {
  if (typeof text !== 'string') throw new TypeError('a server is named by a URL')
  const url = new URL(text)
  if (url.protocol === 'http:') url.protocol = 'ws:'
  if (url.protocol === 'https:') url.protocol = 'wss:'
  if (url.protocol !== 'ws:' && url.protocol !== 'wss:')
    throw new TypeError(`not the address of a signalling server: ${text}`)
  if (url.hash !== '' || url.username !== '' || url.password !== '') {
    throw new TypeError('the address of a signalling server has no fragment and no credentials')
  }
  if (url.href.length > TAG_BOUNDS.server)
    throw new TypeError(`the address of a signalling server is over ${TAG_BOUNDS.server} characters`)
  return url.href
}

/** Half a surrogate pair would come out of a link as another name. */
function isRoomName(room: unknown): boolean {
  if (typeof room !== 'string' || room === '') return false
  const bytes = utf8(room)
  return bytes.length <= TAG_BOUNDS.room && fromUtf8(bytes) === room
}

function only(fields: URLSearchParams, name: string): string | undefined {
  const values = fields.getAll(name)
  if (values.length > 1) throw new TypeError(`this link names more than one ${name}`)
  return values[0]
}
