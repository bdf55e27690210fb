#!/usr/bin/env node
import { runCommand } from './command.ts'

const result = await runCommand(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
})

if (result.kind === 'ended') {
  process.exitCode = result.exitCode
} else {
  const { server, drainMs } = result
  // Once: a second signal ends the process the hard way, as people expect.
  process.once('SIGINT', () => void server.close())
  process.once('SIGTERM', () => void server.close({ drainMs }))
}
