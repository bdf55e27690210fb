import { describeLaws } from '../../conformance/describe-laws.ts'
import { inMemoryHarness } from '../../conformance/in-memory-harness.ts'
import { seamLaws } from '../../conformance/seam-laws.ts'

describeLaws('InMemoryLoom keeps the laws of seams', seamLaws, inMemoryHarness, {
  gaps: { 'SEAM-42': 'memory has no link that could be lost without a goodbye' },
})
