import { makeSvg } from './dom.ts'
import type { Mark } from './tic-tac-toe.ts'

/**
 * Needlework in SVG: an X in two satin-stitched bars, an O as a buttonhole, the seams of the board and the
 * stitch through a winning line. Colours and movement are the stylesheet's.
 */
export function embroider(mark: Mark): SVGElement {
  const svg = makeSvg('svg', {
    class: `mark mark-${mark.toLowerCase()}`,
    viewBox: '0 0 100 100',
    'aria-hidden': 'true',
  })
  svg.append(...(mark === 'X' ? [bar(24, 24, 76, 76, 1), bar(76, 24, 24, 76, 2)] : [buttonhole()]))
  return svg
}

/** A mark as it is tacked down before it is sewn: not agreed yet. */
export function tack(mark: Mark): SVGElement {
  const svg = makeSvg('svg', {
    class: `tack tack-${mark.toLowerCase()}`,
    viewBox: '0 0 100 100',
    'aria-hidden': 'true',
  })
  if (mark === 'X') svg.append(makeSvg('path', { d: 'M25 25 75 75 M75 25 25 75' }))
  else svg.append(makeSvg('circle', { cx: 50, cy: 50, r: 26 }))
  return svg
}

/** Two seams across and two down, each a double row. */
export function seams(): SVGElement {
  const svg = makeSvg('svg', { class: 'seams', viewBox: '0 0 300 300', 'aria-hidden': 'true' })
  for (const at of [100, 200]) {
    for (const offset of [-2.1, 2.1]) {
      svg.append(makeSvg('line', { x1: 10, x2: 290, y1: at + offset, y2: at + offset }))
      svg.append(makeSvg('line', { y1: 10, y2: 290, x1: at + offset, x2: at + offset }))
    }
  }
  return svg
}

/** The stitch through three cells in a row. */
export function winningStitch(line: readonly number[]): SVGElement {
  const svg = makeSvg('svg', { class: 'winning', viewBox: '0 0 300 300', 'aria-hidden': 'true' })
  const first = centreOf(line[0] ?? 0)
  const last = centreOf(line.at(-1) ?? 0)
  const reach = { x: (last.x - first.x) * 0.17, y: (last.y - first.y) * 0.17 }
  const path = `M${first.x - reach.x} ${first.y - reach.y}L${last.x + reach.x} ${last.y + reach.y}`
  svg.append(
    ...['winning-shade', 'winning-thread'].map((layer) => makeSvg('path', { d: path, class: layer, pathLength: 100 })),
  )
  return svg
}

function bar(x1: number, y1: number, x2: number, y2: number, order: number): SVGElement {
  const d = `M${x1} ${y1}L${x2} ${y2}`
  const group = makeSvg('g', { class: `bar bar-${order}` })
  for (const layer of ['shade', 'bed', 'satin', 'sheen']) group.append(makeSvg('path', { d, class: layer }))
  return group
}

function buttonhole(): SVGElement {
  const group = makeSvg('g', { class: 'eyelet' })
  for (const layer of ['shade', 'bed', 'satin', 'sheen']) {
    group.append(makeSvg('circle', { cx: 50, cy: 50, r: 25, class: layer, transform: 'rotate(-90 50 50)' }))
  }
  group.append(
    makeSvg('circle', { cx: 50, cy: 50, r: 32, class: 'purl' }),
    makeSvg('circle', { cx: 50, cy: 50, r: 18, class: 'purl' }),
  )
  return group
}

function centreOf(cell: number): { x: number; y: number } {
  return { x: (cell % 3) * 100 + 50, y: Math.floor(cell / 3) * 100 + 50 }
}
