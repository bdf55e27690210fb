import { fromUtf8 } from '../../base/bytes.ts'
import type { RaftWrite, StoredEntry, StoredSnapshot } from '../contract.ts'
import type { RaftMessage } from '../core/message.ts'
import type { Outcome } from '../core/replica.ts'
import type { TraceNote } from '../trace-event.ts'

/** What happened in a node, as a line of a transcript tells it. */
export function wordsOfNote({ kind, ...details }: TraceNote): string {
  return `· ${kind}: ${wordsOfFields(details)}`
}

/** For what has no words of its own. */
function wordsOfFields(fields: object): string {
  return Object.entries(fields)
    .map(([name, value]: [string, unknown]) => `${name} ${wordsOfValue(value)}`)
    .join(', ')
}

function wordsOfValue(value: unknown): string {
  if (Array.isArray(value)) return `{${value.join()}}`
  if (value instanceof Uint8Array) return `${value.length} bytes`
  return value instanceof Error ? value.name : String(value)
}

export function wordsOfOutcome(outcome: Outcome): string {
  if (outcome.kind === 'failed') return `answers with ${outcome.error.name}`
  if (outcome.kind === 'proposed') return `answers: ${entryText({ kind: 'command', ...outcome.entry })}`
  if (outcome.kind === 'compacted') return `answers: floor ${outcome.floor}`
  if (outcome.kind === 'read') return `answers: read at ${outcome.index}`
  if (outcome.kind === 'done') return 'answers: done'
  const { voters, learners } = outcome.config
  return `answers: voters {${[...voters].join()}} learners {${[...learners].join()}}`
}

export function wordsOfMessage(message: RaftMessage): string {
  const { kind, term } = message
  switch (message.kind) {
    case 'pre-vote':
    case 'vote':
      return `${kind} in term ${term}, log ends at ${message.lastIndex} of term ${message.lastTerm}`
    case 'pre-vote-reply':
    case 'vote-reply':
      return `${kind} in term ${term}: ${message.granted ? 'yes' : 'no'}`
    case 'append': {
      const entries = message.entries.map((entry) => `${entry.term}:${shortText(entry)}`).join(' ')
      return `append in term ${term} after ${message.prevIndex} of term ${message.prevTerm} [${entries}], commit ${message.commit}${roundText(message.round)}`
    }
    case 'append-reply': {
      const hint = `, perhaps at ${message.hintIndex} of term ${message.hintTerm}`
      return `append-reply in term ${term}: ${message.accepted ? `have ${message.index}` : `no ${message.index}${hint}`}${roundText(message.round)}`
    }
    case 'commit':
      return `commit ${message.commit} in term ${term}`
    case 'forward':
      return `forward in term ${term}: "${fromUtf8(message.command)}"`
    case 'forward-refused':
      return `forward-refused in term ${term}: ${message.reason === 'too-large' ? `at most ${message.maxBytes} bytes` : message.reason}`
    case 'who-votes':
      return `who-votes in term ${term}`
    case 'voters':
      return `voters as of ${message.index}: {${message.config.voters.join()}}`
    case 'read':
      return `read in term ${term}, question ${message.serial % 1024}`
    case 'read-reply':
      return `read-reply in term ${term}, question ${message.serial % 1024}: ${message.index}`
    case 'timeout-now':
      return `timeout-now in term ${term}: ${message.target} is to lead`
    case 'transfer-refused':
      return `transfer-refused in term ${term}`
    case 'snapshot': {
      const { index, indexTerm, offset, data, size } = message
      const part = data.length === 0 ? `how much of ${size}?` : `${offset} to ${offset + data.length} of ${size}`
      return `snapshot in term ${term} through ${index} of term ${indexTerm}, bytes ${part}`
    }
    case 'snapshot-reply':
      return `snapshot-reply in term ${term} about ${message.index}: have ${message.offset} bytes${message.missed ? ', missed some' : ''}`
    default:
      return wordsOfUnworded(message)
  }
}

function roundText(round: number | undefined): string {
  return round === undefined || round === 0 ? '' : `, round ${round}`
}

/** What one write makes durable, all or nothing. */
export function wordsOfWrite({ term, vote, leader, commit, snapshot, truncateFrom, entries }: RaftWrite): string {
  const parts: string[] = []
  if (term !== undefined) parts.push(`term ${term} and vote ${vote ?? 'none'}`)
  if (leader !== undefined) parts.push(`leader ${leader?.id ?? 'none'} of term ${leader?.term ?? 0}`)
  if (commit !== undefined) parts.push(`commit ${commit}`)
  if (snapshot !== undefined) parts.push(`snapshot through ${snapshot?.index ?? 0}`)
  if (truncateFrom !== undefined) parts.push(`nothing from ${truncateFrom} on`)
  if (entries !== undefined && entries.length > 0) parts.push(wordsOfEntries(entries))
  return `writes ${parts.join('; ')}`
}

export function wordsOfEntries(entries: readonly StoredEntry[]): string {
  const [first] = entries as [StoredEntry]
  if (entries.length === 1) return entryText(first)
  const texts = entries.map((entry) => `${entry.term}:${shortText(entry)}`)
  return `${first.index} to ${first.index + entries.length - 1}: [${texts.join(' ')}]`
}

function entryText(entry: StoredEntry): string {
  return `${entry.index} of term ${entry.term}: ${shortText(entry)}`
}

export function snapshotText({ index, term, config, state }: StoredSnapshot): string {
  const text = fromUtf8(state)
  const told = text.length > 40 ? `${text.slice(0, 30)}… (${text.length} bytes)` : text
  return `through ${index} of term ${term}, voters {${config.voters.join()}}: "${told}"`
}

export function shortText(entry: StoredEntry): string {
  if (entry.kind === 'noop') return 'noop'
  if (entry.kind === 'command') return fromUtf8(entry.command)
  const { voters, learners, old } = entry.config
  const listeners = learners.length > 0 ? `+${learners.join()}` : ''
  return `config{${old === null ? '' : `${old.join()}→`}${voters.join()}${listeners}}`
}

/** Kinds without a case above tell all their fields. */
function wordsOfUnworded({ kind, term, ...fields }: { readonly kind: string; readonly term: number }): string {
  return `${kind} in term ${term}: ${wordsOfFields(fields)}`
}
