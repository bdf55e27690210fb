/** Median and quartiles as text: `1.02 [0.98–1.05]`. */
export function spread(values) {
  const [low, middle, high] = [0.25, 0.5, 0.75].map((at) => quantile(values, at).toFixed(2))
  return `${middle} [${low}–${high}]`
}

/** Between the two nearest where `at` (0 to 1) falls between them. */
export function quantile(values, at) {
  const sorted = [...values].sort((a, b) => a - b)
  const position = (sorted.length - 1) * at
  const below = Math.floor(position)
  const weight = position - below
  return sorted[below] * (1 - weight) + (sorted[below + 1] ?? sorted[below]) * weight
}
