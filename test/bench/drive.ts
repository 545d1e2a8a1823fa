/** GETs over kept-alive connections, by a client that does little more than count bytes. */
import { once } from 'node:events'
import net from 'node:net'

/** Resolves when `calls` answers have come; rejects on anything but 200. @param took gets the time of each, in ms */
export async function drive(
  port: number,
  request: () => Buffer,
  connections: number,
  calls: number,
  took?: number[],
): Promise<void> {
  let left = calls
  const worker = async () => {
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true })
    await once(socket, 'connect')
    await new Promise<void>((resolve, reject) => {
      let missing = 0
      let askedMs = 0
      const ask = () => {
        if (left-- > 0) {
          if (took) askedMs = performance.now()
          return void socket.write(request())
        }
        socket.end()
        resolve()
      }
      socket.on('error', reject)
      socket.on('close', () => reject(new Error('the connection was closed')))
      socket.on('data', chunk => {
        missing = missing === 0 ? answerBytes(chunk) - chunk.length : missing - chunk.length
        if (missing === 0) {
          took?.push(performance.now() - askedMs)
          ask()
        }
        if (missing < 0) reject(new Error('more bytes came than one answer has'))
      })
      ask()
    })
  }
  await Promise.all(Array.from({ length: connections }, worker))
}

function answerBytes(chunk: Buffer): number {
  const head = chunk.toString('latin1', 0, chunk.indexOf('\r\n\r\n') + 4)
  if (!head.startsWith('HTTP/1.1 200 ')) throw new Error(`not a 200: ${head}`)
  return head.length + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1])
}
