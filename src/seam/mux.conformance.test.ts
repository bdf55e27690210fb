import { describeLaws } from '../conformance/describe-laws.ts'
import { inMemoryHarness } from '../conformance/in-memory-harness.ts'
import { throughChannel, withNamedMux, withTagMux } from '../conformance/mux-harness.ts'
import { muxLaws } from '../conformance/mux-laws.ts'
import { seamLaws } from '../conformance/seam-laws.ts'
import { simulatedHarness } from '../conformance/simulated-harness.ts'

const faults = { seed: 5, latencyMs: 20, jitterMs: 30, loss: 0.1, duplicate: 0.1, reorder: 0.1 }
const noLostLink = { 'SEAM-42': 'memory has no link that could be lost without a goodbye' }

describeLaws('MuxSeam in memory', muxLaws, () => withTagMux(inMemoryHarness()))
describeLaws('NamedMux in memory', muxLaws, () => withNamedMux(inMemoryHarness()))
describeLaws('MuxSeam under faults', muxLaws, () => withTagMux(simulatedHarness(faults)))
describeLaws('NamedMux under faults', muxLaws, () => withNamedMux(simulatedHarness(faults)))

describeLaws('a channel of a MuxSeam is a seam', seamLaws, () => throughChannel(withTagMux(inMemoryHarness())), {
  gaps: noLostLink,
})
describeLaws('a channel of a NamedMux is a seam', seamLaws, () => throughChannel(withNamedMux(inMemoryHarness())), {
  gaps: noLostLink,
})
describeLaws('a channel of a MuxSeam under faults is a seam', seamLaws, () =>
  throughChannel(withTagMux(simulatedHarness(faults))),
)
