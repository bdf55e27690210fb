import { SignalTag } from '../../mesh/seal/signal-tag.ts'

/**
 * Names a room to join by way of PeerServers. `servers` are theirs: `wss://host:port/path`, `https:` is taken for
 * it; the key, where it is not `peerjs`, stands in the query (`?key=…`).
 */
export class PeerJsTag extends SignalTag {
  static override fromURL(url: URL | string): PeerJsTag {
    return new PeerJsTag(SignalTag.fromURL(url))
  }
}
