/**
 * Every certificate fingerprint that a session description states (RFC 8122), sorted, in one spelling;
 * `null` where something in it might be one to an engine that reads more leniently. Who carries the
 * description could otherwise show a certificate to the engine and hide it from the proof.
 */
export function fingerprintsIn(sdp: string): readonly string[] | null {
  const found = new Set<string>()
  // Lines end as RFC 8866 says: other separators are part of a line.
  for (const line of sdp.split(/\r?\n/)) {
    if (!/fingerprint/i.test(line)) continue
    const [, hash, value] = /^a=fingerprint:([\w-]+) ([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*)$/.exec(line) ?? []
    if (hash === undefined || value === undefined) return null
    found.add(`${hash.toLowerCase()} ${value.toUpperCase()}`)
  }
  return [...found].sort()
}
