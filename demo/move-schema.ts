import { CELLS, type Move } from './tic-tac-toe.ts'

/**
 * What a turn from another machine has to look like, as a Standard Schema (standardschema.dev), written
 * by hand: zod, valibot or arktype would do as well. What fails it is skipped alike on every board.
 */
export const moveSchema = {
  '~standard': {
    version: 1,
    vendor: 'selvage-demo',
    validate: (value: unknown): { value: Move } | { issues: readonly { message: string }[] } => {
      const move = moveOf(value)
      return move === null ? { issues: [{ message: 'not a turn of tic-tac-toe' }] } : { value: move }
    },
  },
} as const

function moveOf(value: unknown): Move | null {
  if (typeof value !== 'object' || value === null) return null
  const { kind, round, cell } = value as Partial<Record<string, unknown>>
  if (!isCount(round)) return null
  if (kind === 'next') return { kind, round }
  if (kind === 'mark' && isCount(cell) && cell < CELLS) return { kind, round, cell }
  return null
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
