import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const from = (path) => require.resolve(`@coaty/consensus.raft/${path}.js`)

// The port asks one constant of the package's controller, which would bring in a database and a messaging framework.
const controller = from('non-ported/raft-controller')
require.cache[controller] = { id: controller, filename: controller, loaded: true, exports: { emptyRaftData: null } }
const { RawNode } = require(from('ported/rawnode'))
const { RaftConfig } = require(from('ported/raft'))
const { MemoryStorage } = require(from('ported/storage'))
const { discardLogger, setLogger } = require(from('ported/logger'))
const { Entry, Message, MessageType, Snapshot } = require(from('ported/raftpb/raft.pb'))
setLogger(discardLogger)

const ids = ['a', 'b', 'c']
/** It carries JSON: 100 bytes are a text of 100 characters. */
const command = 'x'.repeat(100)

/** Three of its nodes, driven as etcd's documentation says: ready, append, send, apply, advance. */
export function coaty({ encoded }) {
  const nodes = new Map(ids.map((id) => [id, start(id)]))
  const [leader] = nodes.values()
  let queue = []
  const cluster = {
    messages: 0,
    bytes: 0,
    elect,
    propose,
    settle,
    get applied() {
      return Math.min(...[...nodes.values()].map(({ applied }) => applied))
    },
  }

  function elect() {
    leader.raw.campaign()
    settle()
  }

  function propose(count) {
    const entries = Array.from({ length: count }, () => new Entry({ data: command }))
    leader.raw.step(new Message({ type: MessageType.MsgProp, from: 'a', entries }))
    if (count > 1) drain(leader)
  }

  function settle() {
    for (const node of nodes.values()) drain(node)
    while (queue.length > 0) {
      const batch = queue
      queue = []
      for (const sent of batch) {
        const message = encoded ? new Message(JSON.parse(sent)) : sent
        nodes.get(message.to).raw.step(message)
      }
      for (const node of nodes.values()) drain(node)
    }
  }

  function drain({ raw, storage }) {
    const node = nodes.get(raw.raft.id)
    while (raw.hasReady()) {
      const ready = raw.ready()
      if (!ready.hardState.isEmptyHardState()) storage.SetHardState(ready.hardState)
      storage.Append(ready.entries)
      for (const message of ready.messages) send(message)
      for (const { data } of ready.committedEntries) if (data !== null) node.applied++
      raw.advance(ready)
    }
  }

  function send(message) {
    cluster.messages++
    if (!encoded) return queue.push(message)
    const text = JSON.stringify(message)
    cluster.bytes += text.length
    return queue.push(text)
  }

  return cluster
}

function start(id) {
  const snapshot = new Snapshot({ metadata: { confState: { voters: ids } } })
  const storage = new MemoryStorage({ snapshot, ents: [new Entry()] })
  const config = new RaftConfig({
    id,
    electionTick: 10,
    heartbeatTick: 1,
    storage,
    maxSizePerMsg: 1_048_576,
    maxInflightMsgs: 256,
    checkQuorum: true,
    preVote: true,
    logger: discardLogger,
  })
  return { raw: RawNode.NewRawNode(config), storage, applied: 0 }
}
