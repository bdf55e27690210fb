/** What the address sets goes with the links to the other page and to the start of this one. */
export function keepSettings(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>('.masthead a')) link.search = location.search
}

/** The same page once more, over what it takes where the address names no fabric. */
export function openOverWebRtc(): void {
  const address = new URL(location.href)
  address.searchParams.delete('fabric')
  location.assign(address)
}
