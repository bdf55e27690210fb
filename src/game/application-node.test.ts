import { describe, expect, it } from 'vitest'
import { utf8 } from '../base/bytes.ts'
import { ApplicationNode } from './application-node.ts'
import { encodeApplication, encodeFounded, encodeSeated } from './game-entry.ts'
import { commandAt, ScriptedNode, take } from './test-support/scripted-node.ts'

function founded(): ScriptedNode {
  const node = new ScriptedNode('ann')
  node.push({ kind: 'internal', index: 1 }, commandAt(2, 'ann', encodeFounded(2, 'ann')))
  return node
}

describe('ApplicationNode', () => {
  it('[SEAT-3] shows the application its own commands, and everything else as internal', async () => {
    const node = founded()
    node.push(
      commandAt(3, 'ann', encodeApplication(utf8('first'))),
      commandAt(4, 'bob', encodeApplication(utf8('too early'))),
      commandAt(5, 'ann', encodeSeated(1, 'bob')),
      commandAt(6, 'bob', encodeApplication(utf8('second'))),
    )
    const seen = await take(new ApplicationNode(node).committedFrom(1), 6)
    expect(seen).toMatchObject([
      { kind: 'internal', index: 1 },
      { kind: 'internal', index: 2 },
      { kind: 'entry', entry: { index: 3, command: utf8('first'), proposer: 'ann' } },
      { kind: 'internal', index: 4 },
      { kind: 'internal', index: 5 },
      { kind: 'entry', entry: { index: 6, command: utf8('second'), proposer: 'bob' } },
    ])
  })

  it('[SEAT-3] knows who had a seat wherever reading begins', async () => {
    const node = founded()
    node.push(commandAt(3, 'ann', encodeSeated(1, 'bob')), commandAt(4, 'bob', encodeApplication(utf8('move'))))
    const [seen] = await take(new ApplicationNode(node).committedFrom(4), 1)
    expect(seen).toMatchObject({ kind: 'entry', entry: { index: 4, command: utf8('move') } })
  })

  it("[SEAT-3] proposes under the application's kind and answers with the command that was agreed, without the kind", async () => {
    const node = founded()
    const command = utf8('move')
    const entry = await new ApplicationNode(node).propose(command)
    expect(entry.command).toEqual(command)
    expect(node.log.at(-1)).toMatchObject({ entry: { command: encodeApplication(command) } })
  })
})
