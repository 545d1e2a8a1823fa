/** Starts the programs that are compared, each in a process of its own, so that CPU and memory are its own. */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import type { Usage } from './children/child.js'

export interface Program {
  readonly name: string
  readonly port: number
  usage(): Promise<Usage>
  stop(): Promise<void>
}

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** A file of `children/`. */
export async function startChild(name: string, ...argv: string[]): Promise<Program> {
  const child = fork(pathOf(`children/${name}.js`), argv, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return {
    name,
    port,
    async usage() {
      const answer = once(child, 'message') as Promise<[{ usage: Usage }]>
      child.send('usage')
      return (await answer)[0].usage
    },
    stop: () => ended(child, () => child.disconnect()),
  }
}

/** The governor as `serve` runs it: every room, the log written, metrics counted. It is asked on its admin port. */
export async function startGovernor(upstream: string): Promise<Program> {
  const child = spawn(process.execPath, [pathOf('../../src/main.js'), 'serve'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      GOVERNOR_LISTEN_PORT: '0',
      GOVERNOR_ADMIN_PORT: '0',
      GOVERNOR_UPSTREAM_API: upstream,
      GOVERNOR_UPSTREAM_OAUTH: upstream,
    },
  })
  const started = await firstLine(child)
  child.stdout?.resume()
  const { url, adminPort } = JSON.parse(started) as { url: string; adminPort: number }
  const sample = (text: string, name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
  return {
    name: 'governor',
    port: Number(new URL(url).port),
    async usage() {
      const text = await get(adminPort, '/metrics')
      return {
        cpuMicros: sample(text, 'process_cpu_seconds_total') * 1e6,
        rssBytes: sample(text, 'process_resident_memory_bytes'),
      }
    },
    stop: () => ended(child, () => child.kill('SIGTERM')),
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = ''
  for await (const chunk of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    text += String(chunk)
    const end = text.indexOf('\n')
    if (end !== -1) return text.slice(0, end)
  }
  throw new Error(`the governor ended before it said where it listens: ${text}`)
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
