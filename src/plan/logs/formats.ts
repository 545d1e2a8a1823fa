/** The logs that can be read, by the names that `--format` has for them. */
import type { ReadEntry } from './entry.js'
import { readHarEntry } from './har.js'
import { readAlb, readEnvoy, readNginx } from './lines.js'
import { readOurs, type ReadOwn } from './ours.js'
import { compilePattern, isPattern } from './pattern.js'

export interface Format {
  /** As the summary calls it. */
  readonly title: string
  read(line: string): ReadEntry | ReadOwn
}

export const FORMATS = {
  nginx: { title: 'an nginx log', read: readNginx },
  envoy: { title: 'an Envoy log', read: readEnvoy },
  alb: { title: 'an ALB log', read: readAlb },
  har: { title: 'a HAR', read: readHarEntry },
  ours: { title: "the governor's own log", read: readOurs },
} as const satisfies Readonly<Record<string, Format>>

/** @returns the format, or what is wrong with the word */
export function formatOf(word: string): Format | string {
  if (Object.hasOwn(FORMATS, word)) return FORMATS[word as keyof typeof FORMATS]
  if (!isPattern(word))
    return `there is no format "${word}": ${Object.keys(FORMATS).join(', ')}, or a pattern with $names or {names}`
  const read = compilePattern(word)
  return typeof read === 'string' ? read : { title: 'a log of that pattern', read }
}

/** Lines at the beginning that may be somebody else's: a comment, a rotation's mark. */
const LOOKED_AT = 50

/** @param head the beginning of the log */
export function guessFormat(head: string): Format | undefined {
  const lines = head
    .split('\n')
    .filter(line => line.trim() !== '')
    .slice(0, LOOKED_AT)
  // Our own events come before the first call; a HAR is one document, on as many lines as it likes.
  if (head.trimStart().startsWith('{')) return /^\s*\{"level":/.test(head) ? FORMATS.ours : FORMATS.har
  const byLine = [FORMATS.alb, FORMATS.envoy, FORMATS.nginx]
  return byLine.find(({ read }) => lines.some(line => read(line.trimEnd()).kind === 'request'))
}
