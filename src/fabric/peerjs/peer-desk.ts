import type { DataConnection, Peer } from 'peerjs'

/** Where a weave's links and its attachments meet: its peers on PeerServers, and the calls that are expected there. */
export class PeerDesk {
  /** By the address of the server. */
  readonly peers: Map<string, Peer> = new Map()
  readonly #expected: Map<string, (connection: DataConnection) => void> = new Map()

  open(url: string, peer: Peer): void {
    this.peers.set(url, peer)
    peer.on('connection', (connection) => {
      const expecting = connection.serialization === 'raw' ? this.#expected.get(connection.label) : undefined
      if (expecting === undefined) connection.close()
      else {
        this.#expected.delete(connection.label)
        expecting(connection)
      }
    })
    // A call from who was promised none is closed; one for sound and pictures is not taken at all.
    peer.on('call', (call) => call.close())
  }

  close(url: string, peer: Peer): void {
    if (this.peers.get(url) === peer) this.peers.delete(url)
  }

  expect(label: string, take: (connection: DataConnection) => void): void {
    this.#expected.set(label, take)
  }

  forget(label: string): void {
    this.#expected.delete(label)
  }
}
