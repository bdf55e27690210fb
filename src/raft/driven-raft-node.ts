import { orAborted, throwIfAborted } from '../base/abort.ts'
import type { Clock } from '../base/clock.ts'
import { ClosedError, OverloadedError, PayloadTooLargeError, StorageFailedError } from '../base/errors.ts'
import { observable, until } from '../base/observable.ts'
import type { Random } from '../base/random.ts'
import type { WaitOptions } from '../seam/contract.ts'
import { Alarm } from './alarm.ts'
import type { ClientSerials } from './client-serials.ts'
import { CommittedCursors } from './committed-cursors.ts'
import type {
  ClusterConfig,
  Committed,
  LogEntry,
  LogSize,
  MembershipChange,
  NodeId,
  RaftNode,
  RaftRole,
  RaftStorage,
  RaftTransport,
} from './contract.ts'
import { sameSet } from './core/configuration.ts'
import { maxCommandBytes } from './core/entry-size.ts'
import type { Limits } from './core/limits.ts'
import { type Input, RaftCore, type Ready } from './core/raft-core.ts'
import type { Circumstances, DurableState } from './core/replica.ts'
import { checkNodeId } from './id.ts'
import { NodeFrames } from './node-frames.ts'
import { queuesOf, type RaftMetrics, standingOf, Stopwatch } from './raft-metrics.ts'
import { Requests } from './requests.ts'
import type { Settings } from './settings.ts'
import type { DriverNote, RaftTraceEvent, RequestKind, TraceNote } from './trace-event.ts'
import { TraceStream } from './trace-stream.ts'

/** What a node is made of, all of it checked. */
export interface NodeParts {
  readonly id: NodeId
  readonly cluster: ClusterConfig
  readonly transport: RaftTransport
  readonly storage: RaftStorage
  readonly settings: Settings
  readonly limits: Limits
  readonly serials: ClientSerials
  readonly clock: Clock
  readonly random: Random
  readonly durable: DurableState
}

type Atom<T> = ReturnType<typeof observable<T>>

/**
 * Drives a {@link RaftCore}: feeds it what happens, begins its writes, sends its frames, wakes it up in time,
 * and gives its committed entries to cursors. Inputs that come in the same turn share one round, and so one
 * write and one frame for each follower.
 */
export class DrivenRaftNode implements RaftNode {
  readonly id: NodeId
  readonly role: Atom<RaftRole>
  readonly leader: Atom<NodeId | null>
  readonly membership: Atom<ClusterConfig>
  readonly commitIndex: Atom<number>
  readonly compactionFloor: Atom<number>
  readonly failure: Atom<StorageFailedError | null>
  readonly ended: AbortSignal
  readonly trace: AsyncIterable<RaftTraceEvent>

  readonly #parts: NodeParts
  readonly #core: RaftCore
  readonly #cursors: CommittedCursors
  readonly #trace: TraceStream
  readonly #requests: Requests = new Requests()
  readonly #writes: Stopwatch = new Stopwatch()
  #committed = 0
  readonly #end: AbortController = new AbortController()
  /** Why nothing goes on any more: closed, or the storage failed. */
  #ended: Error | null = null
  #closing: Promise<void> | null = null
  #roundIsDue = false
  readonly #alarm: Alarm
  readonly #frames: NodeFrames

  constructor(parts: NodeParts) {
    const { id, cluster, durable, settings: timing, limits, random, transport } = parts
    this.#parts = parts
    this.id = id
    this.#core = new RaftCore({ id, cluster, durable, timing, limits, random, at: this.#circumstances() })
    this.role = observable<RaftRole>(this.#core.role)
    this.leader = observable<NodeId | null>(this.#core.leader)
    this.membership = observable<ClusterConfig>(this.#core.membership, sameConfig)
    this.commitIndex = observable<number>(this.#core.commitIndex)
    this.compactionFloor = observable<number>(this.#core.log.floorIndex)
    this.failure = observable<StorageFailedError | null>(null)
    this.ended = this.#end.signal
    this.#cursors = new CommittedCursors(this.#core.log, this.#core)
    this.#trace = new TraceStream((watched) => (this.#core.notes = watched))
    this.trace = this.#trace
    this.#alarm = new Alarm(parts.clock, (dueMs) => this.#step({ kind: 'tick', dueMs }))
    this.#frames = new NodeFrames(transport, random, {
      message: (from, message) => this.#step({ kind: 'message', from, message }),
      reachable: (peer) => this.#step({ kind: 'reachable', peer }),
      refused: (from, gate, bytes) => this.#tell({ kind: gate, from, bytes }),
      dropped: (peer, reason) => this.#tell({ kind: 'frame-dropped', peer, reason }),
    })
    // A voter alone need not wait for a timer to lead.
    if (this.#core.nextDeadlineMs <= parts.clock.now()) this.#step({ kind: 'tick' })
    else this.#alarm.setAt(this.#core.nextDeadlineMs)
  }

  committedFrom(index: number, options: WaitOptions = {}): AsyncIterable<Committed> {
    return this.#cursors.from(index, options.signal)
  }

  async propose(
    command: Uint8Array,
    options: WaitOptions & { requestId?: number | undefined; automatic?: boolean | undefined } = {},
  ): Promise<LogEntry> {
    throwIfAborted(options.signal)
    this.#throwIfEnded()
    const { serials, transport } = this.#parts
    const dedupKey = options.automatic === true ? serials.automaticKey() : serials.keyOf(options.requestId)
    const maxBytes = maxCommandBytes(transport.maxFrameBytes, dedupKey, this.id)
    if (command.length > maxBytes) throw new PayloadTooLargeError(command.length, Math.max(0, maxBytes))
    this.#throwIfOverloaded()
    return this.#ask<LogEntry>(options.signal, (token) => ({
      kind: 'propose',
      token,
      // A copy, also of a Node `Buffer`, whose `slice` is a view.
      command: new Uint8Array(command),
      dedupKey,
    }))
  }

  async changeMembership(
    change: MembershipChange,
    options: WaitOptions & { ifConfigIndex?: number | undefined } = {},
  ): Promise<ClusterConfig> {
    throwIfAborted(options.signal)
    this.#throwIfEnded()
    const asked = copyOf(change)
    return this.#ask<ClusterConfig>(options.signal, (token) => ({
      kind: 'change',
      token,
      change: asked,
      ifConfigIndex: options.ifConfigIndex ?? null,
    }))
  }

  async publishSnapshot(throughIndex: number, state: Uint8Array): Promise<number> {
    this.#throwIfEnded()
    const { maxSnapshotBytes } = this.#parts.limits
    if (state.length > maxSnapshotBytes) throw new PayloadTooLargeError(state.length, maxSnapshotBytes)
    const copy = new Uint8Array(state)
    return this.#ask<number>(undefined, (token) => ({ kind: 'compact', token, index: throughIndex, state: copy }))
  }

  logSize(): LogSize {
    const { length, sizeBytes } = this.#core.log
    const { maxLogEntries, maxLogBytes } = this.#parts.limits
    return { entries: length, bytes: sizeBytes, maxEntries: maxLogEntries, maxBytes: maxLogBytes }
  }

  async readIndex(options: WaitOptions = {}): Promise<number> {
    throwIfAborted(options.signal)
    this.#throwIfEnded()
    this.#throwIfOverloaded()
    return this.#ask<number>(options.signal, (token) => ({ kind: 'read', token }))
  }

  async transferLeadership(target: NodeId, options: WaitOptions = {}): Promise<void> {
    throwIfAborted(options.signal)
    this.#throwIfEnded()
    checkNodeId('the id of the next leader', target)
    return this.#ask<void>(options.signal, (token) => ({ kind: 'transfer', token, target }))
  }

  async pause(reason: string): Promise<void> {
    this.#throwIfEnded()
    if (this.#trace.isWatched) this.#tell({ kind: 'paused', reason })
    return this.#ask<void>(undefined, (token) => ({ kind: 'pause', token }))
  }

  resume(): void {
    this.#step({ kind: 'resume' })
  }

  async awaitLeadership(options: WaitOptions = {}): Promise<void> {
    throwIfAborted(options.signal)
    this.#throwIfEnded()
    const either = options.signal === undefined ? this.ended : AbortSignal.any([options.signal, this.ended])
    await until(this.role, (role) => role === 'leader', { signal: either })
  }

  metrics(): RaftMetrics {
    const proposals = { ...this.#requests.proposals.read(), failed: this.#requests.failedProposals }
    return {
      ...standingOf(this.#core, this.#parts.clock.now()),
      ...this.#frames.read(this.#core.dropped),
      committed: this.#committed,
      proposals,
      writes: this.#writes.read(),
      queues: { requests: this.#requests.size, ...queuesOf(this.#core) },
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop(
      new ClosedError('the node was closed: a proposal under way may still take effect', { outcome: 'unknown' }),
    )
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #ask<T>(
    signal: AbortSignal | undefined,
    input: (token: number) => Input & { readonly kind: RequestKind },
  ): Promise<T> {
    const token = this.#requests.nextToken()
    const asked = input(token)
    const answer = this.#requests.wait<T>(token, asked.kind, this.#parts.clock.now())
    this.#step(asked)
    if (signal === undefined) return answer
    return orAborted(answer, signal).catch((error: unknown) => {
      if (this.#requests.forget(token)) this.#step({ kind: 'withdraw', token })
      throw error
    })
  }

  #step(input: Input): void {
    if (this.#ended !== null) return
    this.#core.step(input, this.#circumstances())
    if (this.#roundIsDue) return
    this.#roundIsDue = true
    queueMicrotask(() => this.#round())
  }

  #round(): void {
    this.#roundIsDue = false
    if (this.#ended !== null) return
    const ready = this.#core.ready()
    if (ready.write !== null) this.#write(ready.write)
    for (const { to, message } of ready.messages) this.#frames.send(to, message)
    this.#publish(ready)
    if (this.#ended === null) this.#alarm.setAt(this.#core.nextDeadlineMs)
  }

  #write({ id, batch }: NonNullable<Ready['write']>): void {
    const { clock, storage } = this.#parts
    const sinceMs = clock.now()
    const write = async (): Promise<void> => storage.write(batch)
    write().then(
      () => {
        const elapsedMs = clock.now() - sinceMs
        this.#writes.add(elapsedMs)
        if (this.#trace.isWatched) this.#tell({ kind: 'stored', write: id, elapsedMs })
        this.#step({ kind: 'written', id })
      },
      (cause: unknown) => {
        const message =
          'the storage failed, so this node stopped: what was proposed may still take effect; start a new node'
        void this.#stop(new StorageFailedError(message, { cause }))
      },
    )
  }

  /** Committed entries first, then what they changed, then whoever waited for it. */
  #publish({ installed, committed, outcomes, notes }: Ready): void {
    this.#committed += committed.length
    if (installed !== null || committed.length > 0) this.#cursors.advanced()
    for (const note of notes) this.#tell(note)
    this.#setAtoms()
    if (outcomes.length === 0) return
    const tell = this.#trace.isWatched ? (note: DriverNote) => this.#tell(note) : null
    for (const outcome of outcomes) this.#requests.settle(outcome, this.#parts.clock.now(), tell)
  }

  /** Each is looked up only when it is set: a listener of the one before may have closed the node. */
  #setAtoms(): void {
    const core = this.#core
    this.membership.set(core.membership)
    this.compactionFloor.set(core.log.floorIndex)
    this.commitIndex.set(core.commitIndex)
    this.leader.set(this.#ended === null ? core.leader : null)
    this.role.set(this.#ended === null || core.role === 'learner' ? core.role : 'follower')
  }

  #tell(note: TraceNote | DriverNote): void {
    this.#trace.push({ ...note, atMs: this.#parts.clock.now() })
  }

  #circumstances(): Circumstances {
    const { clock, transport } = this.#parts
    return { nowMs: clock.now(), wallMs: clock.wallNow(), frameBytes: transport.maxFrameBytes }
  }

  async #stop(error: Error): Promise<void> {
    if (this.#ended !== null) return
    this.#ended = error
    this.#alarm.clear()
    this.#requests.failAll(error)
    this.#end.abort(error)
    this.#setAtoms()
    if (error instanceof StorageFailedError) this.failure.set(error)
    this.#tell({ kind: 'stopped', error })
    this.#cursors.end()
    this.#trace.end()
    await this.#frames.close()
  }

  #throwIfOverloaded(): void {
    if (this.#requests.size < this.#parts.settings.maxPendingProposals) return
    throw new OverloadedError(`${this.#requests.size} requests are under way: nothing was asked; await some of them`)
  }

  #throwIfEnded(): void {
    if (this.#ended === null) return
    if (this.#ended instanceof ClosedError)
      throw new ClosedError('the node is closed: nothing was done; start a new one')
    throw new StorageFailedError('the storage failed and this node stopped: nothing was done; start a new one', {
      outcome: 'refused',
      cause: this.#ended.cause,
    })
  }
}

/** Iterables may be read once only, and by nobody later: the caller may change them meanwhile. */
function copyOf(change: MembershipChange): MembershipChange {
  const [addLearners, promote, demote, remove] = [change.addLearners, change.promote, change.demote, change.remove].map(
    (ids) => [...(ids ?? [])],
  ) as [NodeId[], NodeId[], NodeId[], NodeId[]]
  for (const id of [...addLearners, ...promote]) checkNodeId('the id of a new member', id)
  return { addLearners, promote, demote, remove }
}

function sameConfig(a: ClusterConfig, b: ClusterConfig): boolean {
  return a.index === b.index && sameSet(a.voters, b.voters) && sameSet(a.learners, b.learners)
}
