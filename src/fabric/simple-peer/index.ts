/**
 * simple-peer as a link driver: `new WebRtcLoom({ links: simplePeerLinks(), … })`. For programs that carry
 * simple-peer already; native links are smaller and find a new path without giving up the channel.
 */
export { simplePeerLinks } from './simple-peer-links.ts'
