import type { ServerHealth } from 'selvage/webrtc'
import { byId, make, setText } from './dom.ts'
import type { Fabric } from './fabric.ts'
import { serverlessOf, serverOf } from './link-words.ts'

/** For who wants to know how it is done: every signalling server of the list, and how it does. */
export class WiringView {
  readonly #list: HTMLElement = byId('servers')
  readonly #items: HTMLElement[] = []

  draw(servers: readonly ServerHealth[], fabric: Fabric): void {
    setText(byId('serverless'), servers.length === 0 ? serverlessOf(fabric) : '')
    while (this.#items.length > servers.length) this.#items.pop()?.remove()
    for (const [index, server] of servers.entries()) drawServer(this.#items[index] ?? this.#add(), server)
  }

  #add(): HTMLElement {
    const item = make('li', { class: 'server' }, make('span', { class: 'url' }), make('span', { class: 'does' }))
    this.#items.push(item)
    this.#list.append(item)
    return item
  }
}

function drawServer(item: HTMLElement, server: ServerHealth): void {
  const { state, text } = serverOf(server)
  const { host, pathname } = new URL(server.url)
  item.dataset['health'] = state
  setText(item.firstElementChild as HTMLElement, `${host}${pathname === '/' ? '' : pathname}`)
  setText(item.lastElementChild as HTMLElement, text)
}
