import {
  isAlias,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type ErrorCode,
  type Node,
  type YAMLError,
} from 'yaml'
import type { ConfigFault } from './fault.js'

/** What a YAML text holds, before anyone asks whether it is a setting. */
export interface Yaml {
  readonly root: Node | null
  /** `FILE:LINE:COLUMN` of a place in the text. */
  whereIs(offset: number): string
  /** The node itself, or what an alias stands for; `undefined` for an alias of nothing. */
  target(node: Node | null): Node | null | undefined
}

/** Our own words, because the parser's messages quote the text, and the text may be a secret. */
const SYNTAX: Record<ErrorCode, string> = {
  ALIAS_PROPS: 'an alias (*) cannot carry a tag or an anchor',
  BAD_ALIAS: 'this is no valid alias or anchor name',
  BAD_COLLECTION_TYPE: 'this tag does not fit its value',
  BAD_DIRECTIVE: 'unknown directive (%)',
  BAD_DQ_ESCAPE: 'unknown escape (\\) in double-quoted text',
  BAD_INDENT: 'wrong indentation, or a bracket that is not closed',
  BAD_PROP_ORDER: 'tags and anchors must stand before the - ? : indicators',
  BAD_SCALAR_START: 'text that starts with this character must stand in quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'a map cannot begin here: one key to a line, its value after the colon or indented below',
  BLOCK_IN_FLOW: 'indented lists and maps cannot stand inside [] or {}',
  DUPLICATE_KEY: 'is set twice',
  IMPOSSIBLE: 'this cannot be read',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters, or its colon is missing',
  MISSING_CHAR: 'something is missing here: a colon, a comma, a space, or a closing quote or bracket',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line (is a colon missing?)',
  MULTIPLE_ANCHORS: 'a value can have one anchor (&) only',
  MULTIPLE_DOCS: 'the file must hold one document: a second one begins here',
  MULTIPLE_TAGS: 'a value can have one tag (!) only',
  NON_STRING_KEY: 'a key must be plain text',
  RESOURCE_EXHAUSTION: 'the text is nested too deeply',
  TAB_AS_INDENT: 'tabs cannot indent: use spaces',
  TAG_RESOLVE_FAILED: 'settings use no tags (!) of this kind',
  UNEXPECTED_TOKEN: 'this is not expected here',
}

/** Reads one YAML 1.2 document, or says what keeps it from being one. Never throws. */
export function parseYaml(text: string, file: string): Yaml | readonly ConfigFault[] {
  const lineCounter = new LineCounter()
  const whereIs = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset)
    return `${file}:${line}:${col}`
  }
  let document: Document.Parsed
  try {
    document = parseDocument(text, {
      lineCounter,
      prettyErrors: false,
      // Whatever a %YAML directive says: in YAML 1.1 `on`, `1:30` and `<<` mean other things.
      schema: 'core',
      resolveKnownTags: false,
      merge: false,
      // Checked where the keys are read: the parser's own check is quadratic (minutes for 1 MiB of keys).
      uniqueKeys: false,
    })
  } catch {
    return [{ where: file, path: '', message: SYNTAX.RESOURCE_EXHAUSTION }]
  }
  const wrong = [...document.errors, ...document.warnings]
  if (wrong.length > 0) return onePerLine(wrong, offset => lineCounter.linePos(offset).line).map(toFault)
  return { root: document.contents, whereIs, target: makeTarget(document) }

  function toFault({ code, pos }: YAMLError): ConfigFault {
    return { where: whereIs(pos[0]), path: '', message: SYNTAX[code] }
  }
}

/** One slip makes the parser stumble several times over the same line. */
function onePerLine(errors: readonly YAMLError[], lineOf: (offset: number) => number): YAMLError[] {
  const firsts = new Map<number, YAMLError>()
  for (const error of errors.toSorted((a, b) => a.pos[0] - b.pos[0])) {
    const line = lineOf(error.pos[0])
    if (!firsts.has(line)) firsts.set(line, error)
  }
  return [...firsts.values()]
}

/**
 * Resolves aliases from one walk over the document: asking the library for each alias walks the document
 * anew each time. An alias means the last anchor of its name before it.
 */
function makeTarget(document: Document.Parsed): Yaml['target'] {
  const anchors = new Map<string, Node>()
  const targets = new Map<Node, Node | undefined>()
  visit(document, {
    Alias: (_, alias) => void targets.set(alias, anchors.get(alias.source)),
    Value: (_, node) => void (node.anchor !== undefined && anchors.set(node.anchor, node)),
  })
  return node => (isAlias(node) ? targets.get(node) : node)
}
