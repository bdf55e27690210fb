import { quantile, spread } from '../quantile.mjs'

/** etcd 3.6 in Go by the same measure: entries/s as multiples of coaty's, messages and bytes an entry. */
const etcd = {
  '1 outstanding': { ratio: 2.1, messages: 8 },
  '64 outstanding': { ratio: 1.9, messages: 8 },
  '1024 outstanding': { ratio: 3.5, messages: 1.51 },
  '10 batches of 100': { ratio: 4.9, messages: 0.08 },
  '1 outstanding, encoded': { ratio: 5.6, bytes: 406 },
  '1024 outstanding, encoded': { ratio: 5.6, bytes: 258 },
}

/** Markdown, a row for each column of the bench. Ratios are of the same round: median [lowest–highest quartile]. */
export function table(columns, results) {
  const lines = [
    ['', 'coaty, entries/s', 'ours, entries/s', 'ours : coaty', 'etcd : coaty', 'ours again : ours (A/A)'].concat([
      'messages/entry',
      'coaty',
      'etcd',
      'bytes/entry',
      'coaty',
      'etcd',
    ]),
    ['---', ...Array.from({ length: 11 }, () => '---:')],
  ]
  for (const { title, encoded } of columns) {
    const { coaty, ours, 'ours again': again } = Object.fromEntries(results.get(title))
    const best = etcd[title]
    lines.push([
      title,
      ...[coaty, ours].map((figures) => `${(median(figures, 'rate') / 1000).toFixed(0)}k`),
      spread(ours.map(({ rate }, round) => rate / coaty[round].rate)),
      best?.ratio.toFixed(1) ?? '',
      spread(again.map(({ rate }, round) => rate / ours[round].rate)),
      ...[ours, coaty].map((figures) => median(figures, 'messages').toPrecision(3)),
      best?.messages ?? '',
      ...(encoded ? [ours, coaty].map((figures) => median(figures, 'bytes').toFixed(0)) : ['', '']),
      best?.bytes ?? '',
    ])
  }
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function median(figures, field) {
  return quantile(
    figures.map((each) => each[field]),
    0.5,
  )
}
