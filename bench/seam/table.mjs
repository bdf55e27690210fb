import { quantile, spread } from '../quantile.mjs'

/** What is printed, and where we mean to be beside the bare channel. */
const rows = [
  { field: 'roundTripMs', label: 'round trip p50', unit: 'us', scale: 1000, target: '<= 1.05' },
  { field: 'rate16KiB', label: '16 KiB frames', unit: 'MB/s', scale: 1e-6, target: '>= 0.97' },
  { field: 'rate64KiB', label: '64 KiB frames', unit: 'MB/s', scale: 1e-6, target: '>= 0.97' },
  { field: 'rate1MiB', label: '1 MiB payloads', unit: 'MB/s', scale: 1e-6, target: '>= 0.95' },
  { field: 'smallRate', label: '64-byte messages', unit: 'k/s', scale: 1e-3, target: '>= 8' },
  { field: 'connectMs', label: 'connect, offer to listed', unit: 'ms', scale: 1, target: '<= 1.3' },
]

/** Markdown: the bare channel's median in its unit, then for each subject the ratio to it, median [lowest–highest quartile]. */
export function table(results, subjects) {
  const lines = [
    ['', 'bare', ...subjects.map((name) => (name === 'bare again' ? 'bare again (A/A)' : name)), 'target of the seam'],
    ['---', '---:', ...subjects.map(() => '---:'), '---:'],
  ]
  for (const { field, label, unit, scale, target } of rows) {
    const bare = results.get('bare').map((figures) => figures[field])
    const ratios = subjects.map((name) =>
      spread(results.get(name).map((figures, round) => figures[field] / bare[round])),
    )
    lines.push([label, `${(quantile(bare, 0.5) * scale).toPrecision(3)} ${unit}`, ...ratios, target])
  }
  const join = results.get('seam')?.map(({ callMs }) => callMs)
  const note = join === undefined ? '' : `\njoin() in full, the server included: ${quantile(join, 0.5).toFixed(0)} ms\n`
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n') + `\n${note}`
}
