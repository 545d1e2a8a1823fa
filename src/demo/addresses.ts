import type { Config } from '../config/settings.js'

/** The URL of something that listens on this machine; one that listens everywhere is reached by loopback. */
export function localUrl(scheme: 'http' | 'https', host: string, port: number): string {
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}`
}

/** For the person at the terminal: why the governor does not run, and what to set where an address is the reason. */
export function whyNotStarted(error: unknown, { listen }: Config): string {
  const { message, syscall, port } = error as Error & { syscall?: string; port?: number }
  const said = `The demo could not start. ${message}`
  if (syscall === 'listen' && port === listen.port) {
    return `${said}\nAnother port for the apps: --port N, or GOVERNOR_LISTEN_PORT, or listen.port in the --config file; 0 takes a free one.`
  }
  if (/admin port/i.test(message)) {
    return `${said}\nAnother admin port: GOVERNOR_ADMIN_PORT, or admin.port in the --config file; 0 takes a free one.`
  }
  return said
}
