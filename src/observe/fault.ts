export interface Fault {
  readonly error: string
  readonly code?: string
  readonly stack?: string
}

const NAME = /^[A-Za-z0-9_$.]{1,64}$/
const CODE = /^[A-Z0-9_]{1,64}$/
const FRAME =
  /^\s+at (?:(?:async |new )?[\w$.<>#]+(?: \[as [\w$]+\])? \()?(?:file:\/\/|node:|\/|[A-Z]:\\)[^\s()]{1,500}:\d+:\d+\)?$/
const MAX_FRAMES = 12

/**
 * What may be logged of something that was thrown: its name, its code and where it was thrown. Never the message
 * and never the object, because both may hold input: a URL with a token in it, or a client library's whole request.
 */
export function describeError(error: unknown): Fault {
  if (!(error instanceof Error)) return { error: `a thrown ${error === null ? 'null' : typeof error}` }
  const code =
    'code' in error && typeof error.code === 'string' && CODE.test(error.code) ? error.code : undefined
  const stack = framesOf(error)
  return {
    error: NAME.test(error.name) ? error.name : 'Error',
    ...(code !== undefined && { code }),
    ...(stack !== '' && { stack }),
  }
}

/** The message stands at the head of a stack, may have lines of its own, and those may look like frames. */
function framesOf(error: Error): string {
  const { message, stack = '' } = error
  const end = stack.indexOf(message)
  const frames = (end === -1 ? stack : stack.slice(end + message.length)).split('\n')
  return frames
    .filter(line => FRAME.test(line))
    .slice(0, MAX_FRAMES)
    .map(line => line.trim())
    .join(' | ')
}
