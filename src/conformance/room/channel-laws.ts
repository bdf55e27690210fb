import { expect } from 'vitest'
import { ClosedError, ConfigError, PeerNotConnectedError, SeamTornError } from '../../base/errors.ts'
import { bytesOf, roomLaw, type RoomLaw } from './room-harness.ts'

const channelLaws: readonly RoomLaw[] = [
  roomLaw(
    'CHAN-1',
    'a channel reaches the members on it, and neither another channel nor who is no member',
    async (trial) => {
      const [ann, bob, cat] = await trial.gather('ann', 'bob', 'cat')
      const stranger = await trial.seam('mal')
      await trial.eventually(() => stranger.peers.get().size, 4)
      const heard = { chat: trial.hear(cat.channel('chat').incoming), map: trial.hear(cat.channel('map').incoming) }
      const chat = ann.channel('chat')
      bob.channel('chat')
      await trial.eventually(() => chat.peers.get().size, 3)
      expect(ann.channel('chat')).toBe(chat)
      expect(chat.peers.get()).toEqual(new Set([ann, bob, cat].map(({ selfId }) => selfId)))
      await trial.settle(chat.broadcast(bytesOf('hello')))
      await trial.eventually(() => heard.chat, ['ann: hello'])
      await trial.quiet()
      expect(heard).toEqual({ chat: ['ann: hello'], map: [] })
    },
  ),

  roomLaw(
    'CHAN-2',
    'closing a channel harms no other; the closed view says so, and the name opens anew',
    async (trial) => {
      const [ann, bob] = await trial.gather('ann', 'bob')
      const [one, other] = [ann.channel('one'), ann.channel('other')]
      const heard = trial.hear(bob.channel('other').incoming)
      bob.channel('one')
      await trial.eventually(() => [one.peers.get().size, other.peers.get().size], [2, 2])
      await trial.settle(one.close())
      expect(one.state.get().kind).toBe('torn')
      expect(await trial.failure(one.broadcast(bytesOf('x')))).toBeInstanceOf(SeamTornError)
      await trial.settle(other.broadcast(bytesOf('still here')))
      await trial.eventually(() => heard, ['ann: still here'])
      const anew = ann.channel('one')
      expect(anew).not.toBe(one)
      const again = trial.hear(anew.incoming)
      await trial.quiet()
      await trial.settle(bob.channel('one').broadcast(bytesOf('welcome back')))
      await trial.eventually(() => again, ['bob: welcome back'])
    },
  ),

  roomLaw('CHAN-3', 'with its room every channel ends: torn, alone, its reader done', async (trial) => {
    const [ann, bob] = await trial.gather('ann', 'bob')
    const channels = [bob.channel('chat'), bob.channel('game', { whileAway: 'present' })]
    const done = channels.map(async ({ incoming }) => {
      for await (const frame of incoming) void frame
    })
    ann.kick(bob.selfId)
    await trial.settle(Promise.all(done))
    for (const channel of channels) {
      expect(channel.state.get().kind).toBe('torn')
      expect(channel.peers.get()).toEqual(new Set([bob.selfId]))
    }
    expect(() => bob.channel('chat')).toThrow(ClosedError)
  }),

  roomLaw('CHAN-4', 'names, bounds and changes of class that cannot be are refused', async (trial) => {
    const ann = await trial.host('ann')
    for (const name of ['', 'n'.repeat(256), 'ß'.repeat(128)]) expect(() => ann.channel(name), name).toThrow(RangeError)
    for (const keepBytes of [0, 1.5, Number.NaN]) expect(() => ann.channel('a', { keepBytes })).toThrow(RangeError)
    ann.channel('a')
    expect(() => ann.channel('a', { whileAway: 'present' })).toThrow(ConfigError)
    expect(ann.channel('ß'.repeat(127)).state.get().kind).toBe('woven')
  }),

  roomLaw('CHAN-5', 'a present channel lists who is linked, and forgets with the link', async (trial) => {
    const [ann, bob] = await trial.gather('ann', 'bob')
    const [mine, theirs] = [ann, bob].map((room) => room.channel('game', { whileAway: 'present' }))
    if (mine === undefined || theirs === undefined) expect.fail('two channels')
    const heard = trial.hear(theirs.incoming)
    await trial.eventually(() => mine.peers.get().size, 2)
    await trial.cut(['ann'], ['bob'])
    await trial.eventually(() => mine.peers.get().size, 1)
    expect(trial.shown(ann), 'still a member').toHaveLength(1)
    expect(await trial.failure(mine.sendTo(bob.selfId, bytesOf('lost')))).toBeInstanceOf(PeerNotConnectedError)
    await trial.settle(mine.broadcast(bytesOf('to nobody')))
    await trial.heal()
    await trial.eventually(() => mine.peers.get().size, 2)
    await trial.settle(mine.broadcast(bytesOf('new')))
    await trial.eventually(() => heard, ['ann: new'])
  }),
]

const keptLaws: readonly RoomLaw[] = [
  roomLaw('KEPT-1', 'what is sent while a member is away reaches it on return, in order and once', async (trial) => {
    const [ann, bob, cat] = await trial.gather('ann', 'bob', 'cat')
    const chat = ann.channel('chat')
    const heard = [trial.hear(bob.channel('chat').incoming), trial.hear(bob.incoming), trial.hear(cat.incoming)]
    cat.channel('chat')
    await trial.eventually(() => chat.peers.get().size, 3)
    const say = async (i: number): Promise<void> => {
      await trial.settle(Promise.all([chat.broadcast(bytesOf(`${i}`)), ann.broadcast(bytesOf(`${i}`))]))
    }
    for (let i = 0; i < 5; i++) await say(i)
    await trial.cut(['bob'], ['ann', 'cat'])
    for (let i = 5; i < 10; i++) await say(i)
    await trial.shows(ann, 'bob?', 'cat')
    for (let i = 10; i < 15; i++) await say(i)
    expect(chat.peers.get().has(bob.selfId), 'a member away is listed').toBe(true)
    await trial.heal()
    const all = Array.from({ length: 15 }, (_, i) => `ann: ${i}`)
    for (const texts of heard) await trial.eventually(() => texts, all)
    await trial.quiet()
    expect(heard).toEqual([all, all, all])
    expect(trial.kinds(bob)).not.toContain('missed')
  }),

  roomLaw(
    'KEPT-2',
    'to a member that comes back as another page goes what was sent since it was missed',
    async (trial) => {
      const [ann, bob] = await trial.gather('ann', 'bob')
      await trial.settle(ann.broadcast(bytesOf('before')))
      await trial.quiet()
      for (const [name, texts] of [
        ['bob', ['one', 'two']],
        ['bob-2', ['three']],
      ] as const) {
        const token = bob.resumeToken ?? undefined
        await trial.vanish('bob')
        await trial.shows(ann, 'bob?')
        for (const text of texts) await trial.settle(ann.broadcast(bytesOf(text)))
        const back = await trial.join(name, { token, keyOf: 'bob' })
        const heard = trial.hear(back.incoming)
        const wanted = texts.map((text) => `ann: ${text}`)
        await trial.eventually(() => heard, wanted)
        await trial.settle(ann.broadcast(bytesOf('live')))
        await trial.eventually(() => heard, [...wanted, 'ann: live'])
      }
    },
  ),

  roomLaw(
    'KEPT-3',
    'past the bound nothing is kept: the member is unlisted until it is back, and told',
    async (trial) => {
      const [ann, bob] = await trial.gather('ann', 'bob')
      const chat = ann.channel('chat', { keepBytes: 1_000 })
      const theirs = bob.channel('chat')
      const heard = trial.hear(theirs.incoming)
      await trial.eventually(() => chat.peers.get().size, 2)
      await trial.cut(['ann'], ['bob'])
      await trial.shows(ann, 'bob?')
      for (let i = 0; i < 20; i++) chat.broadcast(bytesOf(`${i}`)).catch(() => {})
      await trial.eventually(() => chat.peers.get().size, 1)
      expect(await trial.failure(chat.sendTo(bob.selfId, bytesOf('x')))).toBeInstanceOf(PeerNotConnectedError)
      await trial.heal()
      await trial.eventually(() => chat.peers.get().size, 2)
      await trial.eventually(() => trial.kinds(bob).filter((kind) => kind === 'missed').length, 1)
      const missed = trial.events(bob).find(({ kind }) => kind === 'missed')
      expect(missed).toMatchObject({ peer: ann.selfId, channel: 'chat' })
      expect(heard).toEqual([])
      await trial.settle(chat.broadcast(bytesOf('after')))
      await trial.eventually(() => heard, ['ann: after'])
    },
  ),

  roomLaw('KEPT-4', 'what was kept ends with the membership', async (trial) => {
    const [ann, bob] = await trial.gather('ann', 'bob')
    const chat = ann.channel('chat')
    bob.channel('chat')
    await trial.eventually(() => chat.peers.get().size, 2)
    await trial.vanish('bob')
    await trial.shows(ann, 'bob?')
    await trial.settle(chat.broadcast(bytesOf('kept')))
    await trial.shows(ann)
    expect(chat.peers.get().size).toBe(1)
    const again = (await trial.join('bob')).channel('chat')
    const heard = trial.hear(again.incoming)
    await trial.eventually(() => chat.peers.get().size, 2)
    await trial.settle(chat.broadcast(bytesOf('new')))
    await trial.eventually(() => heard, ['ann: new'])
  }),

  roomLaw('KEPT-5', 'a slow reader holds its senders up, and loses nothing', async (trial) => {
    const [ann, bob] = await trial.gather('ann', 'bob')
    const [mine, theirs] = [ann.channel('files'), bob.channel('files')]
    await trial.eventually(() => mine.peers.get().size, 2)
    let sent = 0
    const sending = (async () => {
      for (let i = 0; i < 64; i++) {
        await mine.sendTo(bob.selfId, new Uint8Array(65_000).fill(i))
        sent++
      }
    })()
    sending.catch(() => {})
    await trial.elapse(10 * trial.timing.intervalMs)
    expect(sent).toBeGreaterThan(8)
    expect(sent).toBeLessThan(40)
    const seen: number[] = []
    const all = (async () => {
      for await (const { payload } of theirs.incoming) if (seen.push(payload[0] ?? -1) === 64) break
    })()
    await trial.settle(Promise.all([sending, all]))
    expect(seen).toEqual(Array.from({ length: 64 }, (_, i) => i))
  }),
]

export const roomChannelLaws: readonly RoomLaw[] = [...channelLaws, ...keptLaws]
