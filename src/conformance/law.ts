/** One rule of a contract as a program: `run` rejects where the implementation under the harness breaks it. */
export interface Law<H> {
  /** The rule's id in CONTRACT.md; two laws may prove one rule. */
  readonly id: string
  readonly title: string
  /** Optional parts of the harness that this law cannot do without. */
  readonly needs?: readonly (keyof H & string)[]
  run(harness: H): Promise<void>
}
