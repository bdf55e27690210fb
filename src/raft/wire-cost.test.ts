import { describe, expect, it } from 'vitest'
import { selvage } from '../../bench/raft/subjects/selvage.ts'

/** What an entry costs over all links of three nodes, once the nodes know one another's names. */
function costOf(outstanding: number, commandBytes?: number): { readonly messages: number; readonly bytes: number } {
  const cluster = selvage({ encoded: true, ...(commandBytes === undefined ? {} : { commandBytes }) })
  cluster.elect()
  const run = (): void => {
    for (let i = 0; i < outstanding; i++) cluster.propose(1)
    cluster.settle()
  }
  for (let i = 0; i < 3; i++) run()
  const before = { messages: cluster.messages, bytes: cluster.bytes, applied: cluster.applied }
  for (let i = 0; i < 20; i++) run()
  expect(cluster.applied).toBe(before.applied + 20 * outstanding)
  return {
    messages: (cluster.messages - before.messages) / (20 * outstanding),
    bytes: (cluster.bytes - before.bytes) / (20 * outstanding),
  }
}

describe('what an entry costs on the wire', () => {
  it('[RWIRE-9] sent alone: no more bytes and messages than of etcd', () => {
    const { messages, bytes } = costOf(1)
    expect(messages).toBeLessThanOrEqual(8)
    expect(bytes).toBeLessThanOrEqual(406)
  })

  it('[RWIRE-9] with 1024 outstanding: no more bytes and messages than of etcd', () => {
    const { messages, bytes } = costOf(1024)
    expect(messages).toBeLessThanOrEqual(1.51)
    expect(bytes).toBeLessThanOrEqual(258)
  })

  it('[RWIRE-9] a signature of 64 bytes in a command adds its length to each of two frames, and one byte of length', () => {
    expect(costOf(1, 164).bytes - costOf(1, 100).bytes).toBeLessThanOrEqual(2 * (64 + 1))
  })
})
