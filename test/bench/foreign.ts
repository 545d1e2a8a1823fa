/** nginx, HAProxy and Varnish as Debian ships them, each in the foreground, with a configuration of `peers/` on a free port. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, chmodSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { ROOT } from '../fixtures/governor.js'
import { burntBy } from './burnt.js'
import { endWithUs } from './ending.js'
import type { Program } from './programs.js'

export type Foreign = 'nginx' | 'haproxy' | 'varnish'

interface Kind {
  readonly program: string
  /** Beside the configuration itself. */
  readonly needs?: string
  argv(file: string, folder: string, port: number): string[]
}

const KINDS: Record<Foreign, Kind> = {
  nginx: {
    program: '/usr/sbin/nginx',
    needs: '/usr/lib/nginx/modules/ngx_http_js_module.so',
    argv: (file, folder) => ['-p', folder, '-c', file, '-e', join(folder, 'error.log')],
  },
  haproxy: { program: '/usr/sbin/haproxy', argv: file => ['-db', '-q', '-f', file] },
  varnish: {
    program: '/usr/sbin/varnishd',
    needs: '/usr/lib/x86_64-linux-gnu/varnish/vmods/libvmod_vsthrottle.so',
    argv: (file, folder, port) => [
      ...['-F', '-j', 'none', '-n', join(folder, 'work'), '-a', `127.0.0.1:${port}`, '-f', file],
      ...['-s', 'malloc,256m', '-p', 'thread_pools=1', '-p', 'thread_pool_min=400'],
      // Without threads that come and go, their CPU time cannot get lost with them.
      ...['-p', 'thread_pool_max=3000', '-p', 'thread_pool_timeout=600'],
    ],
  },
}
const START_MS = 20_000

/** What is missing on this machine, or nothing. */
export function missing(name: Foreign): string | undefined {
  const { program, needs = program } = KINDS[name]
  return [program, needs].find(path => !isThere(path))
}

/** @param template a file of `test/bench/peers`, in which `@WORD@` stands for a value. */
export async function startForeign(
  name: Foreign,
  template: string,
  values: Readonly<Record<string, string | number>>,
): Promise<Program> {
  const folder = mkdtempSync(join(tmpdir(), `docusign-governor-${name}-`))
  // Workers run as another user than the one who starts them.
  chmodSync(folder, 0o711)
  const [port = 0, inner = 0] = await freePorts(2)
  const all: Record<string, string | number> = { ...values, FOLDER: folder, PORT: port, INNER: inner }
  const fill = (text: string) =>
    text.replace(/@([A-Z_]+)@/g, (_, word: string) => {
      if (all[word] === undefined) throw new Error(`${template} wants ${word}`)
      return String(all[word])
    })
  const source = (file: string) => readFileSync(new URL(`test/bench/peers/${file}`, ROOT), 'utf8')
  const file = join(folder, template)
  writeFileSync(file, fill(source(template)))
  const script = template.replace(/\.conf$/, '.js')
  if (name === 'nginx' && isThere(new URL(`test/bench/peers/${script}`, ROOT).pathname)) {
    writeFileSync(join(folder, script), fill(source(script)))
  }
  const child = spawn(KINDS[name].program, KINDS[name].argv(file, folder, port), {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const said: string[] = []
  child.stderr.setEncoding('utf8').on('data', (text: string) => void said.push(text))
  const end = () => void child.kill('SIGTERM')
  const over = endWithUs(end)
  await listening(port, () => {
    if (child.exitCode !== null) throw new Error(`${name} did not start: ${said.join('')}`)
  })
  return {
    name,
    port,
    pid: child.pid ?? 0,
    usage: () => Promise.resolve(burntBy(child.pid ?? 0)),
    async stop() {
      over()
      if (child.exitCode === null) {
        const exit = once(child, 'exit')
        end()
        await exit
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function listening(port: number, check: () => void): Promise<void> {
  const endMs = performance.now() + START_MS
  while (performance.now() < endMs) {
    check()
    const socket = net.connect(port, '127.0.0.1')
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isOpen) return
    await pause(50)
  }
  throw new Error(`nobody listens on port ${port}`)
}

/** All held until the last is found, so that no two are the same. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map(server => once(server, 'listening')))
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch {
    return false
  }
}
