import { inject } from 'vitest'

/** Signalling servers of one browser test, to be stopped, killed and started again by their index. */
export interface ControlledServers extends AsyncDisposable {
  readonly urls: readonly string[]
  /** Goes away politely: clients are told, the port refuses. */
  stop(index: number): Promise<void>
  /** Dies: connections are cut without a word, the port refuses. */
  kill(index: number): Promise<void>
  /** Comes back on its port and knows nobody. */
  start(index: number): Promise<void>
}

/** `count` servers of this test's own. Disposing of them (`await using`) closes them for good. */
export async function controlServers(count: number, kind: 'signal' | 'peer' = 'signal'): Promise<ControlledServers> {
  const path = kind === 'peer' ? '/servers/peer' : '/servers'
  const servers = await Promise.all(Array.from({ length: count }, () => call('POST', path)))
  const doTo = async (index: number, verb: string): Promise<void> => {
    const server = servers[index]
    if (server === undefined) throw new RangeError(`no server ${index}, only ${count}`)
    await call('POST', `/servers/${server.id}/${verb}`)
  }
  return {
    urls: servers.map((server) => server.url),
    stop: (index) => doTo(index, 'stop'),
    kill: (index) => doTo(index, 'kill'),
    start: (index) => doTo(index, 'start'),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(servers.map((server) => call('DELETE', `/servers/${server.id}`)))
    },
  }
}

async function call(method: string, path: string): Promise<{ id: string; url: string }> {
  const response = await fetch(inject('signalControl') + path, { method })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as { id: string; url: string }
}
