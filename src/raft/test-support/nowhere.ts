import { observable } from '../../base/observable.ts'
import type { NodeId, RaftTransport } from '../contract.ts'

/** A transport that reaches nobody. */
export function nowhere(id: NodeId, maxFrameBytes: number | null = null): RaftTransport {
  return {
    selfId: id,
    peers: observable<ReadonlySet<NodeId>>(new Set()),
    maxFrameBytes,
    incoming: { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) },
    send: () => {},
    close: () => Promise.resolve(),
  }
}
