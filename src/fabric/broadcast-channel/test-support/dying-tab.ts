import { BroadcastChannelLoom, SignalTag } from '../index.ts'

/** Runs in a worker, which has channels and locks as a tab has and can be ended as suddenly: joins, and says under which id. */
addEventListener('message', ({ data }: MessageEvent<string>) => {
  void new BroadcastChannelLoom({ app: 'tabs' })
    .join(SignalTag.fromURL(data))
    .then((seam) => postMessage({ id: seam.selfId }))
})
