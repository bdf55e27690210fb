import ts from 'typescript'
import { parse, type SourceFiles, walk } from './source-file.ts'

const ruleId = '[A-Z][A-Z0-9]*(?:-[A-Z][A-Z0-9]*)*-[0-9]+[a-z]?'
const definition = new RegExp(`^[-*] \\*\\*(${ruleId})\\*\\*`, 'gm')
/** One id in brackets, or several that share a pair of them: `[MUX-4]`, `[MUX-4, MUX-5]`. */
const quotation = new RegExp(`\\[(${ruleId}(?:, ?${ruleId})*)\\]`, 'g')
const wholeId = new RegExp(`^${ruleId}$`)

/** The ids of the rules in a contract, in order, doubles included. */
export function definedRules(contract: string): string[] {
  return [...contract.matchAll(definition)].map((match) => match[1] ?? '')
}

/**
 * The rule ids that tests quote, each with a file that does: in brackets in any string of a test file, and as
 * the `id` of a law (`{ id: 'MUX-4' }` or `law('MUX-4', …)`, `muxLaw('MUX-4', …)`), which the suites quote for it.
 * Of a transcript the first line, from which its test takes the title.
 */
export function quotedRules(files: SourceFiles): Map<string, string> {
  const quoted = new Map<string, string>()
  for (const [path, text] of files) {
    if (path.endsWith('.txt')) {
      for (const id of idsInTitle(text.split('\n', 1)[0] ?? '')) quoted.set(id, path)
      continue
    }
    walk(parse(path, text), (node) => {
      for (const id of idsIn(node)) quoted.set(id, path)
    })
  }
  return quoted
}

function idsIn(node: ts.Node): string[] {
  if (!ts.isStringLiteralLike(node) && !ts.isTemplateHead(node)) return []
  if (wholeId.test(node.text) && namesLaw(node)) return [node.text]
  return idsInTitle(node.text)
}

function idsInTitle(title: string): string[] {
  return [...title.matchAll(quotation)].flatMap((match) => (match[1] ?? '').split(/, ?/))
}

function namesLaw({ parent }: ts.Node): boolean {
  if (ts.isPropertyAssignment(parent)) return parent.name.getText() === 'id'
  return ts.isCallExpression(parent) && /^(?:law|\w+Law)$/.test(parent.expression.getText())
}
