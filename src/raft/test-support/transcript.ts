import { utf8 } from '../../base/bytes.ts'
import type { ClusterConfig, DedupKey, MembershipChange, NodeId, RaftWrite, StoredEntry } from '../contract.ts'
import type { Outgoing } from '../core/message.ts'
import { limitsOf } from '../core/limits.ts'
import { RaftCore, type Input, type Ready } from '../core/raft-core.ts'
import type { DurableState } from '../core/replica.ts'
import {
  shortText,
  snapshotText,
  wordsOfEntries,
  wordsOfMessage,
  wordsOfNote,
  wordsOfOutcome,
  wordsOfWrite,
} from './transcript-words.ts'

const TIMING = {
  electionTimeoutMinMs: 1000,
  electionTimeoutMaxMs: 2000,
  heartbeatIntervalMs: 100,
  catchUpTimeoutMs: 5000,
}

/** No tail: a follower that lacks a compacted entry is sent a snapshot. */
const LIMITS = limitsOf({ tailEntries: 0 })

type Frame = Outgoing & { readonly from: NodeId }

interface Actor {
  core: RaftCore | null
  disk: DurableState
  cluster: ClusterConfig
  /** Writes begun and not durable, while the disk is held. */
  held: { readonly id: number; readonly batch: RaftWrite }[] | null
}

/**
 * Runs scripts against cores whose every frame waits until the script says what becomes of it. A script is a
 * text of commands (`> name arguments`) and comments (`#`); the result is the same text with all that
 * happened under each command.
 */
export class Transcript {
  readonly #actors: Map<NodeId, Actor> = new Map()
  #wire: Frame[] = []
  /** Links that are cut: what is sent there is lost. */
  readonly #cuts: Set<string> = new Set()
  /** Nodes whose writes are told of. */
  readonly #shown: Set<NodeId> = new Set()
  /** Copies of frames, put aside by name. */
  readonly #copies: Map<string, readonly Frame[]> = new Map()
  #nowMs = 0
  /** All draw nearly alike, so that the script alone says who is first; no two nonces are equal. */
  readonly #random = (): number => 0.5 + 1e-6 * ++this.#draws
  #draws = 0
  #frameBytes: number | null = null
  #lines: string[] = []
  #token = 0

  run(script: string): string {
    for (const line of script.split('\n')) {
      if (line.startsWith('#') || line.trim() === '') this.#lines.push(line)
      else if (line.startsWith('> ')) {
        this.#lines.push(line)
        this.#command(line.slice(2).trim().split(/\s+/))
      }
    }
    // Blank lines around commands are the author's; those at the end are nobody's.
    return `${this.#lines
      .join('\n')
      .replace(/\n{3,}/g, '\n\n')
      .trimEnd()}\n`
  }

  #command([name, ...args]: string[]): void {
    const [a = '', b = ''] = args
    switch (name) {
      case 'voters':
        return this.#create(args, { voters: new Set(args), learners: new Set() })
      case 'joiners':
        return this.#create(args, { voters: new Set(), learners: new Set() })
      case 'log':
        return this.#presetLog(a, args.slice(1).map(Number))
      case 'term':
        this.#actor(a).disk = { ...this.#actor(a).disk, term: Number(b) }
        return this.#start(a)
      case 'frames':
        this.#frameBytes = Number(a)
        return
      case 'timeout':
        if (this.#core(a).role === 'leader') throw new Error(`${a} leads: it waits for nobody`)
        return this.#tickUntil(a, /· pre-vote|· candidate/)
      case 'heartbeat':
        return this.#tickUntil(a, /: append in|no majority/)
      case 'tick':
        return this.#tickUntil(a, /./)
      case 'sleep': {
        const dueMs = this.#core(a).nextDeadlineMs
        this.#nowMs += Number(b)
        return this.#step(a, { kind: 'tick', dueMs })
      }
      case 'wait':
        this.#nowMs += Number(a)
        return
      case 'deliver':
        return this.#deliver(a, b === '' ? Infinity : Number(b))
      case 'drop':
        return this.#drop(a)
      case 'cut':
        this.#drop(a)
        this.#cuts.add(a)
        return
      case 'heal':
        if (a === '') this.#cuts.clear()
        else if (!this.#cuts.delete(a)) throw new Error(`${a} is not cut`)
        return
      case 'copy':
        this.#copies.set(
          b,
          this.#wire.filter((frame) => matches(frame, a)),
        )
        return
      case 'replay':
        this.#wire.push(...(this.#copies.get(a) ?? []))
        return
      case 'propose':
        return this.#propose(a, args.slice(1))
      case 'request':
        return this.#request(a, { clientId: b, requestId: Number(args[2]) }, args.slice(3).join(' '))
      case 'change':
        return this.#step(a, {
          kind: 'change',
          token: ++this.#token,
          change: changeOf(args.slice(1)),
          ifConfigIndex: null,
        })
      case 'read':
        return this.#step(a, { kind: 'read', token: ++this.#token })
      case 'transfer':
        return this.#step(a, { kind: 'transfer', token: ++this.#token, target: b })
      case 'pause':
        return this.#step(a, { kind: 'pause', token: ++this.#token })
      case 'resume':
        return this.#step(a, { kind: 'resume' })
      case 'compact':
        return this.#step(a, {
          kind: 'compact',
          token: ++this.#token,
          index: Number(b),
          state: utf8(args.slice(2).join(' ')),
        })
      case 'show-disk':
        this.#shown.add(a)
        return
      case 'hold-disk':
        this.#actor(a).held = []
        return
      case 'sync':
        return this.#sync(a, b === '' ? Infinity : Number(b))
      case 'crash':
        this.#actor(a).core = null
        this.#actor(a).held = null
        return
      case 'restart':
        return this.#start(a)
      case 'state':
        for (const id of args.length > 0 ? args : this.#actors.keys()) this.#say(id, this.#standing(id))
        return
      case 'expect':
        return this.#expect(a, args.slice(1).join(' '))
      case 'said':
        return this.#expectSaid(`${a} ${args.slice(1).join(' ')}`)
      default:
        throw new Error(`no command ${name}`)
    }
  }

  /** The author insists: rewriting expected texts does not rewrite this. */
  #expect(id: NodeId, words: string): void {
    const standing = this.#standing(id)
    if (standing.includes(words)) return
    const before = this.#lines.slice(-20).join('\n')
    throw new Error(`${id} was expected to be “${words}”, and is: ${standing}. The last that happened:\n${before}`)
  }

  /** Under the last command that anything happened under. */
  #expectSaid(words: string): void {
    const isCommand = (line: string): boolean => line.startsWith('>')
    const end = this.#lines.findLastIndex((line) => line.startsWith(' '))
    const begin = this.#lines.slice(0, end).findLastIndex(isCommand)
    const said = this.#lines.slice(begin, end + 1)
    if (!said.some((line) => line.includes(words))) throw new Error(`nobody said “${words}”:\n${said.join('\n')}`)
  }

  #create(ids: readonly NodeId[], cluster: ClusterConfig): void {
    for (const id of ids) {
      const disk: DurableState = { term: 0, vote: null, leader: null, commit: 0, entries: [], floor: null }
      this.#actors.set(id, { core: null, disk, cluster, held: null })
      this.#start(id)
    }
  }

  /** A log of entries with these terms, as if it had been left by earlier leaders. */
  #presetLog(id: NodeId, terms: readonly number[]): void {
    const actor = this.#actor(id)
    const config = { voters: [...actor.cluster.voters], learners: [], old: null }
    const entries = terms.map((term, i): StoredEntry => {
      const base = { index: i + 1, term, command: utf8(`t${term}`), dedupKey: null, proposer: null, timeMs: 0 }
      return i === 0 ? { ...base, kind: 'config', config } : { ...base, kind: 'command' }
    })
    actor.disk = { ...actor.disk, entries, term: terms.at(-1) ?? 0 }
    this.#start(id)
  }

  #start(id: NodeId): void {
    const actor = this.#actor(id)
    const durable = { ...actor.disk, entries: [...actor.disk.entries] }
    const at = { nowMs: this.#nowMs, wallMs: this.#nowMs, frameBytes: this.#frameBytes }
    actor.core = new RaftCore({
      id,
      cluster: actor.cluster,
      durable,
      timing: TIMING,
      limits: LIMITS,
      random: this.#random,
      at,
    })
    actor.core.notes = true
  }

  /** Time goes from one of the node's deadlines to the next until it does something that looks like `what`. */
  #tickUntil(id: NodeId, what: RegExp): void {
    const before = this.#lines.length
    for (let i = 0; i < 10 && !this.#lines.slice(before).some((line) => what.test(line)); i++) {
      const dueMs = this.#core(id).nextDeadlineMs
      if (dueMs === Infinity) return
      this.#nowMs = Math.max(this.#nowMs, dueMs)
      this.#step(id, { kind: 'tick' })
    }
  }

  #step(id: NodeId, ...inputs: Input[]): void {
    const core = this.#core(id)
    const at = { nowMs: this.#nowMs, wallMs: this.#nowMs, frameBytes: this.#frameBytes }
    for (const input of inputs) core.step(input, at)
    const ready = core.ready()
    this.#report(id, ready)
    if (ready.write === null) return
    if (this.#shown.has(id)) this.#say(id, wordsOfWrite(ready.write.batch))
    const { held } = this.#actor(id)
    if (held !== null) held.push(ready.write)
    else this.#finish(id, ready.write)
  }

  #finish(id: NodeId, write: NonNullable<Ready['write']>): void {
    const actor = this.#actor(id)
    actor.disk = written(actor.disk, write.batch)
    this.#step(id, { kind: 'written', id: write.id })
  }

  /** With a number, so many become durable and the rest go on hanging. */
  #sync(id: NodeId, most: number): void {
    const actor = this.#actor(id)
    const held = actor.held ?? []
    if (most === Infinity) actor.held = null
    for (const write of held.splice(0, most)) this.#finish(id, write)
  }

  #deliver(link: string, most: number): void {
    for (let done = 0; done < most; done++) {
      const at = this.#wire.findIndex((frame) => matches(frame, link))
      if (at === -1) return
      const [frame] = this.#wire.splice(at, 1) as [Frame]
      if (this.#actor(frame.to).core === null) continue
      this.#step(frame.to, { kind: 'message', from: frame.from, message: frame.message })
    }
  }

  #drop(link: string): void {
    this.#wire = this.#wire.filter((frame) => !matches(frame, link))
  }

  /** All in one round. */
  #propose(id: NodeId, texts: readonly string[]): void {
    const inputs = texts.map((text): Input => {
      const dedupKey = { clientId: `auto:${id}-0`, requestId: ++this.#token }
      return { kind: 'propose', token: this.#token, command: utf8(text), dedupKey }
    })
    this.#step(id, ...inputs)
  }

  #request(id: NodeId, dedupKey: DedupKey, text: string): void {
    this.#step(id, { kind: 'propose', token: ++this.#token, command: utf8(text), dedupKey })
  }

  #report(id: NodeId, ready: Ready): void {
    for (const note of ready.notes) if (note.kind !== 'commit') this.#say(id, wordsOfNote(note))
    if (ready.installed !== null) this.#say(id, `installs ${snapshotText(ready.installed)}`)
    if (ready.committed.length > 0) this.#say(id, `commits ${wordsOfEntries(ready.committed)}`)
    for (const outcome of ready.outcomes) this.#say(id, wordsOfOutcome(outcome))
    for (const { to, message } of ready.messages) {
      const frame = { from: id, to, message }
      const isLost = [...this.#cuts].some((link) => matches(frame, link))
      this.#lines.push(`    ${id} ${isLost ? '✗' : '→'} ${to}: ${wordsOfMessage(message)}`)
      if (!isLost) this.#wire.push(frame)
    }
  }

  #standing(id: NodeId): string {
    const { core } = this.#actor(id)
    if (core === null) return 'is down'
    const floor = core.snapshot === null ? '' : `snapshot ${snapshotText(core.snapshot)}, `
    const entries = core.log.slice(1, core.log.lastIndex).map((entry) => `${entry.term}:${shortText(entry)}`)
    return `${core.role}, term ${core.term}, leader ${core.leader ?? 'none'}, commit ${core.commitIndex}, ${floor}log [${entries.join(' ')}]`
  }

  #say(id: NodeId, words: string): void {
    this.#lines.push(`  ${id} ${words}`)
  }

  #actor(id: NodeId): Actor {
    const actor = this.#actors.get(id)
    if (actor === undefined) throw new Error(`no node ${id}`)
    return actor
  }

  #core(id: NodeId): RaftCore {
    const { core } = this.#actor(id)
    if (core === null) throw new Error(`${id} is down`)
    return core
  }
}

/** A link is `a->b`, with `*` for anybody; `a` alone is both ways; none is all. */
function matches({ from, to }: Frame, link: string): boolean {
  if (!link.includes('->')) return link === '' || link === from || link === to
  const [source = '*', target = '*'] = link.split('->')
  return (source === '*' || source === from) && (target === '*' || target === to)
}

function changeOf(args: readonly string[]): MembershipChange {
  const lists = Object.fromEntries(args.map((arg) => [arg.split('=')[0], (arg.split('=')[1] ?? '').split(',')]))
  return { addLearners: lists['add'], promote: lists['promote'], demote: lists['demote'], remove: lists['remove'] }
}

function written(disk: DurableState, batch: RaftWrite): DurableState {
  const { term = disk.term, vote = disk.vote, leader = disk.leader, commit = disk.commit } = batch
  const { truncateFrom = Infinity, snapshot, entries = [] } = batch
  const floor = snapshot ?? disk.floor
  const kept = disk.entries.filter(({ index }) => index < truncateFrom && index > (floor?.index ?? 0))
  return { term, vote, leader, commit, floor, entries: [...kept, ...entries] }
}
