import { describeLaws } from '../../conformance/describe-laws.ts'
import { seamLaws } from '../../conformance/seam-laws.ts'
import { nativeLinks } from './index.ts'
import { webRtcHarness } from './test-support/webrtc-harness.ts'

const harness = () => webRtcHarness(nativeLinks())

describeLaws('WebRtcLoom keeps the laws of seams', seamLaws, harness, { timeoutMs: 60_000 })
