import { describe, expect, it } from 'vitest'
import { InMemoryLoom, InMemoryTag, NamedMux, type Seam } from 'selvage'
import { type Addressee, Chat, MAX_TEXT, type SaidMessage } from './chat.ts'

const names = new Map<string, string>()
const nameOf = (peer: string): string => names.get(peer) ?? 'Somebody'

/** One page's chat on a seam of its own, and all that it shows. */
class Side {
  said: readonly SaidMessage[]
  readonly seam: Seam
  readonly chat: Chat

  constructor(seam: Seam, said: readonly SaidMessage[] = []) {
    this.seam = seam
    this.said = said
    this.chat = new Chat(seam, said, nameOf, (now) => (this.said = now))
  }

  get texts(): string[] {
    return this.said.map(({ text }) => text)
  }

  get addressee(): Addressee {
    return { id: this.seam.selfId, name: nameOf(this.seam.selfId) }
  }
}

async function twoSeams(): Promise<[Seam, Seam]> {
  const loom = new InMemoryLoom()
  const ada = await loom.host({ sessionName: 'chat' })
  const bea = await loom.join(new InMemoryTag('chat'))
  names.set(ada.selfId, 'Ada').set(bea.selfId, 'Bea')
  return [ada, bea]
}

/** All that in-memory seams do, they do in microtasks. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await Promise.resolve()
}

describe('the chat of a lobby', () => {
  it('shows what was said, in order, and to its sender who has it', async () => {
    const [a, b] = await twoSeams()
    const [ada, bea] = [new Side(a), new Side(b)]
    ada.chat.say('one', [bea.addressee])
    ada.chat.say('two', [bea.addressee])
    await settle()
    expect(bea.texts).toEqual(['one', 'two'])
    expect(bea.said[0]).toMatchObject({ name: 'Ada', isMine: false })
    expect(ada.said.map(({ got }) => got)).toEqual([[b.selfId], [b.selfId]])
  })

  it('says again what a former page of the sender does not know to have come', async () => {
    const [a, b] = (await twoSeams()).map((seam) => new NamedMux(seam)) as [NamedMux, NamedMux]
    const bea = new Side(b.channel('chat'))
    const before = new Side(a.channel('chat'))
    before.chat.say('for Bea', [bea.addressee])
    before.chat.say('for Cleo', [{ id: 'cleo', name: 'Cleo' }])
    before.chat.close()
    await settle()
    const again = new Side(a.channel('chat'), before.said)
    await settle()
    expect(bea.texts).toEqual(['for Bea'])
    expect(again.said.map(({ got }) => got)).toEqual([[bea.addressee.id], []])
  })

  it('shows once what comes twice, and answers both times', async () => {
    const [a, b] = await twoSeams()
    const bea = new Side(b)
    const answers: string[] = []
    void (async () => {
      for await (const { payload } of a.incoming) answers.push(new TextDecoder().decode(payload))
    })()
    const frame = JSON.stringify({ kind: 'say', number: 7, text: 'hello' })
    for (let time = 0; time < 2; time++) await a.sendTo(b.selfId, new TextEncoder().encode(frame))
    await settle()
    expect(bea.texts).toEqual(['hello'])
    expect(answers).toHaveLength(2)
  })

  it('drops what is no frame, and cuts what is too long', async () => {
    const [a, b] = await twoSeams()
    const bea = new Side(b)
    const bad = ['', '{', 'null', '[]', '{"kind":"say","number":0,"text":"x"}', '{"kind":"say","number":1,"text":1}']
    for (const text of [...bad, '{"kind":"got","number":3}']) await a.sendTo(b.selfId, new TextEncoder().encode(text))
    await settle()
    expect(bea.said).toEqual([])
    const long = JSON.stringify({ kind: 'say', number: 1, text: 'x'.repeat(2 * MAX_TEXT) })
    await a.sendTo(b.selfId, new TextEncoder().encode(long))
    await settle()
    expect(bea.texts[0]).toHaveLength(MAX_TEXT)
  })
})
