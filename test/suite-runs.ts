import { posix } from 'node:path'
import ts from 'typescript'
import { isTest, parse, type SourceFiles, walk } from './source-file.ts'

/**
 * The test files right below `folder` (or deeper) that run the suite of laws called `suite`: they import it
 * from the conformance folder and hand it to something, be it a loop or a call.
 */
export function runsOfSuite(files: SourceFiles, folder: string, suite: string): string[] {
  const runs: string[] = []
  for (const [path, text] of files) {
    if (path.startsWith(`${folder}/`) && path.endsWith('.test.ts') && usesSuite(path, text, suite)) runs.push(path)
  }
  return runs
}

/** Classes of the library, outside tests, that say they implement `contract`, each with its file. */
export function implementersOf(files: SourceFiles, contract: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const [path, text] of files) {
    if (isTest(path)) continue
    walk(parse(path, text), (node) => {
      if (!ts.isClassDeclaration(node) || node.name === undefined) return
      const types = (node.heritageClauses ?? [])
        .filter((clause) => clause.token === ts.SyntaxKind.ImplementsKeyword)
        .flatMap((clause) => clause.types.map((type) => type.expression.getText()))
      if (types.includes(contract)) found.set(node.name.text, path)
    })
  }
  return found
}

/** Whether the file names `name`, itself or in a test-support file it imports. */
export function reaches(files: SourceFiles, path: string, name: string): boolean {
  const source = parse(path, files.get(path) ?? '')
  let reached = false
  walk(source, (node) => {
    if (ts.isIdentifier(node) && node.text === name) reached = true
    if (!ts.isImportDeclaration(node) || !ts.isStringLiteral(node.moduleSpecifier)) return
    const target = posix.join(posix.dirname(path), node.moduleSpecifier.text)
    if (target.includes('/test-support/') && reaches(files, target, name)) reached = true
  })
  return reached
}

function usesSuite(path: string, text: string, suite: string): boolean {
  let imported = false
  let uses = 0
  walk(parse(path, text), (node) => {
    if (!ts.isIdentifier(node) || node.text !== suite) return
    if (!ts.isImportSpecifier(node.parent)) {
      uses++
      return
    }
    const from = node.parent.parent.parent.parent.moduleSpecifier
    imported ||= ts.isStringLiteral(from) && /(^|\/)conformance(\/|$)/.test(from.text)
  })
  return imported && uses > 0
}
