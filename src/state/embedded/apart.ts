/**
 * Has the old file inspected by a process of its own, because reading a damaged one can kill its reader. This file
 * loads next to nothing, so that the process can be started before all else is loaded: it then costs the start nothing.
 */
import { execFile, spawnSync } from 'node:child_process'
import { makeFolder } from './folder.js'
import type { Verdict } from './inspect.js'

/** What was said of the file that was in force when it was asked. */
export interface Inspected {
  readonly file: string
  readonly verdict: Verdict
}

/** How that process ended. */
interface Ended {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  /** It could not be run, or not to its end. */
  readonly fault: string | undefined
  readonly stdout: string
  readonly stderr: string
}

/** What a process dies of that read a damaged file. Any other signal came from outside, and says nothing of the file. */
const FATAL: readonly string[] = ['SIGBUS', 'SIGSEGV', 'SIGABRT', 'SIGILL', 'SIGFPE', 'SIGTRAP']
const OPTIONS = {
  timeout: 60_000,
  killSignal: 'SIGKILL',
  encoding: 'utf8',
  // What the operator tells Node of this process (a debugger's port, an agent to load) is not meant for that one.
  env: {},
} as const

/** Takes some 0.1 s, and blocks: only at the start. @param execPath the program of Node itself */
export function inspectApart(execPath: string, file: string): Verdict {
  const { status, signal, error, stdout, stderr } = spawnSync(execPath, program(file), {
    ...OPTIONS,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return verdictOf({ status, signal, fault: error?.message, stdout: stdout ?? '', stderr: stderr ?? '' })
}

/**
 * The same without blocking, of the file in force in the folder `path`; `undefined` where there is none, or nothing
 * can be said of the folder. Never rejects.
 */
export async function inspectAhead(execPath: string, path: string): Promise<Inspected | undefined> {
  let file: string | undefined
  try {
    file = makeFolder(path, { fsync: false }).current()
  } catch {
    // Whoever opens the store meets it again, and tells.
  }
  return file === undefined ? undefined : { file, verdict: verdictOf(await ended(execPath, file)) }
}

function ended(execPath: string, file: string): Promise<Ended> {
  return new Promise(resolve => {
    const child = execFile(execPath, program(file), OPTIONS, (error, stdout, stderr) => {
      // A number is how it ended, a word is why it could not be run.
      const fault = typeof error?.code === 'string' ? error.message : undefined
      resolve({ status: child.exitCode, signal: child.signalCode, fault, stdout, stderr })
    })
  })
}

function program(file: string): string[] {
  const url = new URL('inspect.js', import.meta.url).href
  const text = `import { inspect } from ${JSON.stringify(url)}\ninspect(${JSON.stringify(file)})`
  return ['--input-type=module', '--eval', text]
}

function verdictOf({ status, signal, fault, stdout, stderr }: Ended): Verdict {
  const said = stdout.split('\n')[0] ?? ''
  if (said !== '' && status === 0) return JSON.parse(said) as Verdict
  if (signal !== null && FATAL.includes(signal))
    return { kind: 'damaged', why: `its reader died (${signal})` }
  const why = fault ?? signal ?? stderr.trimEnd().split('\n').at(-1) ?? 'no answer'
  return { kind: 'unreadable', why: `it could not be inspected (${why})` }
}
