import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * A local network of network namespaces, one for each machine, with a bridge between them (Linux, as root, with
 * iproute2). The test itself, and the servers that it starts, are at the bridge.
 */
export class Lan {
  /** Where servers listen so that every machine reaches them. */
  readonly address: string = `${NETWORK}.254`
  readonly #bridge: string
  readonly #machines: Machine[] = []
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'selvage-lan-'))

  private constructor(bridge: string) {
    this.#bridge = bridge
  }

  /** Rejects, leaving nothing behind, where this machine does not allow it. */
  static async create(): Promise<Lan> {
    const lan = new Lan(`svb${process.pid}`)
    try {
      await ip('link', 'add', lan.#bridge, 'type', 'bridge')
      await ip('address', 'add', `${lan.address}/24`, 'dev', lan.#bridge)
      await ip('link', 'set', lan.#bridge, 'up')
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
    const machine = new Machine(`selvage-${process.pid}-${number}`, `svm${process.pid}n${number}`, number)
    this.#machines.push(machine)
    await machine.plugIn(this.#bridge, this.address)
    return machine
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
    await ip('link', 'delete', this.#bridge).catch(() => {})
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** One machine of the network, with one plug. */
class Machine {
  readonly namespace: string
  /** The end of the cable that is in the bridge. */
  readonly #plug: string
  #host: number

  constructor(namespace: string, plug: string, host: number) {
    this.namespace = namespace
    this.#plug = plug
    this.#host = host
  }

  async plugIn(bridge: string, gateway: string): Promise<void> {
    await ip('netns', 'add', this.namespace)
    await ip('link', 'add', this.#plug, 'type', 'veth', 'peer', 'name', CARD, 'netns', this.namespace)
    await ip('link', 'set', this.#plug, 'master', bridge, 'up')
    await this.#ip('link', 'set', 'lo', 'up')
    await this.#ip('link', 'set', CARD, 'up')
    await this.#ip('address', 'add', `${NETWORK}.${this.#host}/24`, 'dev', CARD)
    await this.#ip('route', 'add', 'default', 'via', gateway)
  }

  /** Pulls the plug; nothing gets through in either direction. */
  async unplug(): Promise<void> {
    await ip('link', 'set', this.#plug, 'down')
  }

  async replug(): Promise<void> {
    await ip('link', 'set', this.#plug, 'up')
  }

  /** As from one wireless network to another: what was bound to the old address is gone. */
  async changeAddress(gateway: string): Promise<void> {
    const old = this.#host
    this.#host += 100
    await this.#ip('address', 'delete', `${NETWORK}.${old}/24`, 'dev', CARD)
    await this.#ip('address', 'add', `${NETWORK}.${this.#host}/24`, 'dev', CARD)
    await this.#ip('route', 'replace', 'default', 'via', gateway)
  }

  /** Delays and drops what comes to this machine. Rejects where the kernel has no `sch_netem`. */
  async worsen(delayMs: number, lossPercent: number): Promise<void> {
    const netem = ['netem', 'delay', `${delayMs}ms`, 'loss', `${lossPercent}%`]
    await run('tc', ['qdisc', 'replace', 'dev', this.#plug, 'root', ...netem])
  }

  async remove(): Promise<void> {
    await ip('link', 'delete', this.#plug).catch(() => {})
    await ip('netns', 'delete', this.namespace)
  }

  async #ip(...args: string[]): Promise<void> {
    await ip('-netns', this.namespace, ...args)
  }
}

/** The first three numbers of every address. */
const NETWORK = '10.231.77'
/** The network card, as each machine knows its own. */
const CARD = 'eth0'

async function ip(...args: string[]): Promise<void> {
  await run('ip', args)
}
