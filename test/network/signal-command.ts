import { type ChildProcess, spawn } from 'node:child_process'
import { build } from 'esbuild'
import { repositoryRoot } from '../source-file.ts'

/** A signalling server in a process of its own. */
export interface RunningCommand {
  readonly url: string
  close(): Promise<void>
}

/** Runs the package's command with `args`, as the last words of `launcher`. */
export async function startSignalCommand(args: string[], launcher: string[]): Promise<RunningCommand> {
  const { outputFiles } = await build({
    absWorkingDir: repositoryRoot,
    entryPoints: ['src/server/bin.ts'],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    write: false,
  })
  const [command = '', ...words] = [...launcher, process.execPath, '--input-type=module', '-', ...args]
  const child = spawn(command, words, { cwd: repositoryRoot })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  // A test that runs out of time closes nothing.
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  child.stdin.end(outputFiles[0]?.text)
  return {
    url: await listening(child),
    close: async () => {
      process.off('exit', kill)
      child.kill('SIGINT')
      await ended
    },
  }
}

/** Resolves with the address that it says it listens on. */
function listening(child: ChildProcess): Promise<string> {
  let said = ''
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => reject(new Error(`the signalling server ended with ${code}:\n${said}`)))
    const hear = (chunk: unknown): void => {
      said += String(chunk)
      const url = /listens on (\S+)\n/.exec(said)?.[1]
      if (url !== undefined) resolve(url)
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
  })
}
