import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type RunningCommand, startSignalCommand } from './signal-command.ts'

const run = promisify(execFile)

/**
 * A local network of network namespaces, one for each machine and one for the bridge between them, where the servers
 * are (Linux, as root, with iproute2). Nothing of it is in the namespace of the tests: a browser there would notice,
 * and refuse whatever its pages are loading (`net::ERR_NETWORK_CHANGED`).
 */
export class Lan {
  /** Where servers listen so that every machine reaches them. */
  readonly address: string = `${NETWORK}.254`
  /** The namespace of the bridge. */
  readonly #middle: string = `selvage-${process.pid}-middle`
  readonly #machines: Machine[] = []
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'selvage-lan-'))

  /** Rejects, leaving nothing behind, where this machine does not allow it. */
  static async create(): Promise<Lan> {
    const lan = new Lan()
    try {
      await ip('netns', 'add', lan.#middle)
      await ipIn(lan.#middle, 'link', 'add', BRIDGE, 'type', 'bridge')
      await ipIn(lan.#middle, 'address', 'add', `${lan.address}/24`, 'dev', BRIDGE)
      await ipIn(lan.#middle, 'link', 'set', BRIDGE, 'up')
      await lan.addMachine()
      return lan
    } catch (error) {
      await lan.close()
      throw error
    }
  }

  get machines(): readonly Machine[] {
    return this.#machines
  }

  async addMachine(): Promise<Machine> {
    const number = this.#machines.length + 1
    const machine = new Machine(`selvage-${process.pid}-${number}`, this.#middle, number)
    this.#machines.push(machine)
    await machine.plugIn(this.address)
    return machine
  }

  /** A signalling server that every machine reaches. */
  startSignalServer(): Promise<RunningCommand> {
    return startSignalCommand(['--host', this.address, '--port', '0'], ['ip', 'netns', 'exec', this.#middle])
  }

  /** A program that starts `executable` on the machine: for launchers that take a path. */
  wrapped(executable: string, machine: Machine): string {
    const path = join(this.#folder, machine.namespace)
    writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${machine.namespace} ${executable} "$@"\n`)
    chmodSync(path, 0o755)
    return path
  }

  async close(): Promise<void> {
    for (const machine of this.#machines) await machine.remove().catch(() => {})
    await ip('netns', 'delete', this.#middle).catch(() => {})
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** One machine of the network, with one plug. */
class Machine {
  readonly namespace: string
  /** The namespace of the bridge, and the end of the cable that is in it. */
  readonly #middle: string
  readonly #plug: string
  #host: number

  constructor(namespace: string, middle: string, host: number) {
    this.namespace = namespace
    this.#middle = middle
    this.#plug = `plug${host}`
    this.#host = host
  }

  async plugIn(gateway: string): Promise<void> {
    await ip('netns', 'add', this.namespace)
    const cable = ['type', 'veth', 'peer', 'name', CARD, 'netns', this.namespace]
    await ipIn(this.#middle, 'link', 'add', this.#plug, ...cable)
    await ipIn(this.#middle, 'link', 'set', this.#plug, 'master', BRIDGE, 'up')
    await ipIn(this.namespace, 'link', 'set', 'lo', 'up')
    await ipIn(this.namespace, 'link', 'set', CARD, 'up')
    await ipIn(this.namespace, 'address', 'add', `${NETWORK}.${this.#host}/24`, 'dev', CARD)
    await ipIn(this.namespace, 'route', 'add', 'default', 'via', gateway)
  }

  /** Pulls the plug; nothing gets through in either direction. */
  async unplug(): Promise<void> {
    await ipIn(this.#middle, 'link', 'set', this.#plug, 'down')
  }

  async replug(): Promise<void> {
    await ipIn(this.#middle, 'link', 'set', this.#plug, 'up')
  }

  /** As from one wireless network to another: what was bound to the old address is gone. */
  async changeAddress(gateway: string): Promise<void> {
    const old = this.#host
    this.#host += 100
    await ipIn(this.namespace, 'address', 'delete', `${NETWORK}.${old}/24`, 'dev', CARD)
    await ipIn(this.namespace, 'address', 'add', `${NETWORK}.${this.#host}/24`, 'dev', CARD)
    await ipIn(this.namespace, 'route', 'replace', 'default', 'via', gateway)
  }

  /** Delays and drops what comes to this machine. Rejects where the kernel has no `sch_netem`. */
  async worsen(delayMs: number, lossPercent: number): Promise<void> {
    const netem = ['netem', 'delay', `${delayMs}ms`, 'loss', `${lossPercent}%`]
    await run('tc', ['-netns', this.#middle, 'qdisc', 'replace', 'dev', this.#plug, 'root', ...netem])
  }

  async remove(): Promise<void> {
    await ip('netns', 'delete', this.namespace)
  }
}

/** The first three numbers of every address. */
const NETWORK = '10.231.77'
/** The network card, as each machine knows its own. */
const CARD = 'eth0'
const BRIDGE = 'bridge'

async function ipIn(namespace: string, ...args: string[]): Promise<void> {
  await ip('-netns', namespace, ...args)
}

async function ip(...args: string[]): Promise<void> {
  await run('ip', args)
}
