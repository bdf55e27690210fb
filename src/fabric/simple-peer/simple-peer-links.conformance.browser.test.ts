import { describeLaws } from '../../conformance/describe-laws.ts'
import { seamLaws } from '../../conformance/seam-laws.ts'
import { webRtcHarness } from '../webrtc/test-support/webrtc-harness.ts'
import { simplePeerLinks } from './index.ts'

const harness = () => webRtcHarness(simplePeerLinks())

describeLaws('WebRtcLoom over simple-peer keeps the laws of seams', seamLaws, harness, { timeoutMs: 60_000 })
