import { describeLaws } from '../conformance/describe-laws.ts'
import { seamLaws } from '../conformance/seam-laws.ts'
import { simulatedHarness } from '../conformance/simulated-harness.ts'

describeLaws('SimulatedNetwork without faults keeps the laws of seams', seamLaws, () => simulatedHarness({ seed: 1 }))

for (const seed of [1, 2, 3]) {
  describeLaws(`SimulatedNetwork under faults keeps the laws of seams, seed ${seed}`, seamLaws, () =>
    simulatedHarness({ seed, latencyMs: 30, jitterMs: 50, loss: 0.15, duplicate: 0.1, reorder: 0.15 }),
  )
}
