import { quantile, spread } from '../quantile.mjs'

const rows = [
  { field: 'joinRate', label: 'joins', unit: '/s', scale: 1 },
  { field: 'relayRate', label: 'relayed messages', unit: 'k/s', scale: 1e-3 },
  { field: 'bytesEach', label: 'memory a connection', unit: 'KiB', scale: 1 / 1024 },
]

/** Markdown: medians in their unit, then ratios of the same round, median [lowest–highest quartile]. */
export function table(results) {
  const lines = [
    ['', 'peer', 'ours', 'ours : peer', 'ours again : ours (A/A)'],
    ['---', '---:', '---:', '---:', '---:'],
  ]
  for (const { field, label, unit, scale } of rows) {
    const [peer, ours, again] = ['peer', 'ours', 'ours again'].map((name) =>
      results.get(name).map((each) => each[field]),
    )
    const median = (values) => `${(quantile(values, 0.5) * scale).toPrecision(3)} ${unit}`
    const ratio = (values, base) => spread(values.map((value, round) => value / base[round]))
    lines.push([label, median(peer), median(ours), ratio(ours, peer), ratio(again, ours)])
  }
  return rowsOf(lines)
}

/** Markdown: how `wanted` idle connections were held. */
export function held(wanted, results) {
  const lines = [
    [`${wanted} idle connections`, 'held', 'joins', 'memory a connection'],
    ['---', '---:', '---:', '---:'],
  ]
  for (const [name, { held: open, joinRate, bytesEach }] of results) {
    lines.push([name, String(open), `${joinRate.toFixed(0)} /s`, `${(bytesEach / 1024).toFixed(1)} KiB`])
  }
  return rowsOf(lines)
}

function rowsOf(lines) {
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
