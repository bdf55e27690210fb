import { createInterface } from 'node:readline'

/** Answers each line of JSON on the standard input by what `answers[what]` resolves with. */
export async function answering(answers) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { what, ...more } = JSON.parse(line)
    process.stdout.write(`${JSON.stringify((await answers[what](more)) ?? {})}\n`)
  }
}
