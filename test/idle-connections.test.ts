/**
 * What a connection keeps of the calls it has carried, while it waits for the next one: nothing. Clients of pools hold
 * theirs open by the hundred, and a call that is kept until the next one comes is also a call that garbage collection
 * copies twice.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { collect } from './fixtures/collect.js'
import { startGovernor } from './fixtures/governor.js'

const CONNECTIONS = 8
const ACCOUNT = 'a4ec37d6-04cb-4d1c-8a5b-143885c220e1'
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'
/** Where Node tells of each request of a client, and of each that goes up. Between them they hold all of a call. */
const BEGINNINGS = { 'http.server.request.start': 'response', 'http.client.request.start': 'request' }

void t.test('an idle connection keeps nothing of the calls it has carried', async t => {
  const begun: WeakRef<object>[] = []
  for (const [channel, part] of Object.entries(BEGINNINGS)) {
    const note = (message: unknown) =>
      void begun.push(new WeakRef((message as Record<string, object>)[part] as object))
    subscribe(channel, note)
    t.teardown(() => unsubscribe(channel, note))
  }
  const living = () => {
    collect()
    return begun.filter(one => one.deref() !== undefined).length
  }
  const held: Socket[] = []
  let isHolding = false
  // Both ends are plain TCP: Node's own clients and servers would have calls of their own in the count.
  const upstream = net.createServer(socket => {
    socket.on('error', () => undefined)
    socket.on('data', () => (isHolding ? void held.push(socket) : void socket.write(ANSWER)))
  })
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  const governor = await startGovernor(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`)
  const clients = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const socket = net.connect(governor.port, '127.0.0.1')
      await once(socket, 'connect')
      return socket
    }),
  )
  t.teardown(async () => {
    for (const socket of clients) socket.destroy()
    await governor.stop()
    upstream.close()
  })
  let n = 0
  const ask = (socket: Socket, path: string) => {
    const lines = [`GET /restapi/v2.1/accounts/${ACCOUNT}/${path} HTTP/1.1`, 'Host: governor']
    socket.write([...lines, 'Authorization: Bearer some-token', '', ''].join('\r\n'))
    return once(socket, 'data')
  }
  const paths = {
    'a read': () => `users?start_position=${n++}`,
    'a read whose answer is kept': () =>
      `envelopes/4b728be4-1111-2222-3333-${String(n++).padStart(12, '0')}/recipients`,
  }
  for (const [what, pathOf] of Object.entries(paths)) {
    for (let round = 0; round < 3; round++) await Promise.all(clients.map(socket => ask(socket, pathOf())))

    isHolding = true
    const answers = clients.map(socket => ask(socket, pathOf()))
    while (held.length < CONNECTIONS) await pause(5)
    t.equal(living(), 2 * CONNECTIONS, `${what}: of each call under way there are both its ends`)
    isHolding = false
    for (const socket of held.splice(0)) socket.write(ANSWER)
    await Promise.all(answers)

    for (let tries = 0; tries < 50 && living() > 0; tries++) await pause(20)
    t.equal(living(), 0, `${what}: and when all have their answers, none is left`)
  }
})
