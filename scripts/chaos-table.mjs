/** What sessions of chaos came to, as text. */

/** The reports of sessions (`test/chaos/session.ts`) that a JSON report of Playwright holds. */
export function reportsIn({ suites }) {
  return suites.flatMap(attachmentsOf).map(({ body }) => JSON.parse(Buffer.from(body, 'base64').toString('utf8')))
}

function attachmentsOf(suite) {
  const tests = (suite.specs ?? []).flatMap((spec) => spec.tests)
  const attachments = tests.flatMap(({ results }) => results.flatMap((result) => result.attachments))
  return [...(suite.suites ?? []).flatMap(attachmentsOf), ...attachments.filter(({ name }) => name === 'chaos')]
}

/** One row for each kind of fault that came alone, one for those that came together. */
export function chaosTable(reports) {
  const byKind = new Map()
  for (const { kind, ms } of reports.flatMap(({ recoveries }) => recoveries)) {
    const row = kind.includes(' + ') ? 'several at once' : kind
    byKind.set(row, [...(byKind.get(row) ?? []), ms])
  }
  const rows = [...byKind].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, times]) => rowOf(kind, times))
  const violations = reports.flatMap(({ seed, violations: of }) => of.map((one) => `${seed}: ${one}`))
  const frames = reports.reduce((sum, report) => sum + report.frames, 0)
  return [
    '| what was done | times | whole again after: median | p95 | max (ms) |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    `${reports.length} sessions, ${frames} frames received, ${violations.length} violations`,
    ...violations,
  ].join('\n')
}

function rowOf(kind, times) {
  const sorted = times.slice().sort((a, b) => a - b)
  const at = (share) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))])
  return `| ${kind} | ${sorted.length} | ${at(0.5)} | ${at(0.95)} | ${at(1)} |`
}
