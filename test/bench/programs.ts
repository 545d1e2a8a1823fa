/** Starts the programs that are compared, each in a process of its own, so that CPU and memory are its own. */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { endWithUs } from './ending.js'
import type { Usage } from './children/child.js'

export interface Program {
  readonly name: string
  readonly port: number
  readonly pid: number
  usage(): Promise<Usage>
  stop(): Promise<void>
}

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** The governor's own. */
export interface GovernorProgram extends Program {
  readonly adminPort: number
  /** What it keeps, without what is waiting to be collected. */
  liveBytes(): Promise<number>
  /** Every line of the log so far. */
  log(): string
}

/** A file of `children/`. */
export async function startChild(name: string, ...argv: string[]): Promise<Program> {
  const child = fork(pathOf(`children/${name}.js`), argv, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return {
    name,
    port,
    pid: child.pid ?? 0,
    usage: () => usageOf(child),
    stop: () => ended(child, () => child.disconnect()),
  }
}

async function usageOf(child: ChildProcess, what: 'usage' | 'live' = 'usage'): Promise<Usage> {
  const answer = once(child, 'message') as Promise<[{ usage: Usage }]>
  child.send(what)
  return (await answer)[0].usage
}

/** The governor as `serve` runs it: every room, the log written to a file, metrics counted. @param overlay YAML over the defaults */
export async function startGovernor(
  upstream: string,
  settings: Readonly<Record<string, string>> = {},
  overlay = '',
): Promise<GovernorProgram> {
  const folder = mkdtempSync(join(tmpdir(), 'docusign-governor-bench-'))
  const overlayFile = join(folder, 'overlay.yaml')
  writeFileSync(overlayFile, overlay)
  const logFile = join(folder, 'log')
  const argv = ['--import', new URL('children/asked.js', import.meta.url).href, pathOf('../../src/main.js')]
  const child = spawn(
    process.execPath,
    [...argv, 'serve', ...(overlay === '' ? [] : ['--config', overlayFile])],
    {
      stdio: ['ignore', openSync(logFile, 'w'), 'inherit', 'ipc'],
      env: {
        GOVERNOR_LISTEN_PORT: '0',
        GOVERNOR_ADMIN_PORT: '0',
        GOVERNOR_UPSTREAM_API: upstream,
        GOVERNOR_UPSTREAM_OAUTH: upstream,
        GOVERNOR_STATE_PATH: join(folder, 'state'),
        ...settings,
      },
    },
  )
  const end = () => void child.kill('SIGTERM')
  const over = endWithUs(end)
  const { url, adminPort } = await started(child, logFile)
  return {
    name: 'governor',
    port: Number(new URL(url).port),
    pid: child.pid ?? 0,
    adminPort,
    liveBytes: async () => (await usageOf(child, 'live')).liveBytes ?? NaN,
    log: () => readFileSync(logFile, 'utf8'),
    usage: () => usageOf(child),
    async stop() {
      over()
      await ended(child, end)
      rmSync(folder, { recursive: true })
    },
  }
}

/** Its first log line, which says where it listens. */
async function started(child: ChildProcess, logFile: string): Promise<{ url: string; adminPort: number }> {
  while (child.exitCode === null) {
    const line = /^.*\n/.exec(readFileSync(logFile, 'utf8'))
    if (line) return JSON.parse(line[0]) as { url: string; adminPort: number }
    await setTimeout(50)
  }
  throw new Error('the governor ended before it said where it listens')
}

async function ended(child: ChildProcess, end: () => void): Promise<void> {
  const exit = once(child, 'exit')
  end()
  await exit
}

export function get(port: number, path: string, agent?: http.Agent, headers = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, path, headers, ...(agent ? { agent } : {}) }, res => {
        let text = ''
        res.setEncoding('latin1')
        res.on('data', (chunk: string) => (text += chunk))
        res.on('end', () =>
          res.statusCode === 200 ? resolve(text) : reject(new Error(`${path} answered ${res.statusCode}`)),
        )
        res.on('error', reject)
      })
      .on('error', reject)
  })
}
