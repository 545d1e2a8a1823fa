/**
 * The suite's last word: failing assertions in full, a line per file, and the closing line
 * `N passed, N failed, N skipped`. A file that asserted nothing is a failure here, because tap itself
 * calls it "skipped" and exits 0.
 */
import { Transform, type TransformCallback } from 'node:stream'
import { Parser, type Result } from 'tap-parser'

interface FileTally {
  passed: number
  failed: number
  skipped: number
}

export default class Reporter extends Transform {
  readonly #files = new Map<string, FileTally>()
  readonly #root = new Parser()

  constructor() {
    super()
    this.#root.on('child', (file: Parser) => this.#follow(file))
    // Only what stands at the top level beside the files: a plan that was missed, a bail out.
    this.#root.on('assert', (result: Result) => {
      if (!result.ok && !this.#files.has(result.name)) this.#fail(this.#tally('(runner)'), [], result)
    })
    this.#root.on('bailout', (reason: string) => {
      this.#tally('(runner)').failed++
      this.push(`Bail out! ${reason}\n`)
    })
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#root.write(chunk)
    done()
  }

  override _flush(done: TransformCallback): void {
    this.#root.end()
    let passed = 0
    let failed = 0
    let skipped = 0
    for (const [name, tally] of this.#files) {
      if (tally.passed + tally.failed + tally.skipped === 0 && name !== '(runner)') {
        tally.failed++
        this.push(`not ok  ${name}: this file asserted nothing\n`)
        // tap would call it skipped and exit 0; only this process can still say otherwise.
        process.exitCode = 1
      }
      passed += tally.passed
      failed += tally.failed
      skipped += tally.skipped
    }
    this.push(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)
    done()
  }

  #tally(file: string): FileTally {
    const known = this.#files.get(file)
    if (known) return known
    const fresh = { passed: 0, failed: 0, skipped: 0 }
    this.#files.set(file, fresh)
    return fresh
  }

  #follow(file: Parser): void {
    const tally = this.#tally(file.name)
    this.#count(file, tally, [file.name])
    file.on('complete', () => {
      const verdict = tally.failed > 0 ? 'FAILED' : 'ok'
      this.push(`${verdict.padEnd(7)} ${file.name}  (${tally.passed} passed, ${tally.failed} failed)\n`)
    })
  }

  /** Counts leaves only: the assertion that closes a subtest repeats what its leaves said. */
  #count(parser: Parser, tally: FileTally, path: readonly string[]): void {
    const failedBefore = new Map<string, number>()
    parser.on('child', (child: Parser) => {
      failedBefore.set(child.name, tally.failed)
      this.#count(child, tally, [...path, child.name])
    })
    parser.on('assert', (result: Result) => {
      const before = failedBefore.get(result.name)
      failedBefore.delete(result.name)
      if (result.skip) {
        tally.skipped++
        this.push(`skipped ${[...path, result.name].join(' > ')}${reason(result.skip)}\n`)
      } else if (before !== undefined && (result.ok || tally.failed > before)) {
        return
      } else if (result.ok || result.todo) {
        tally.passed++
      } else {
        this.#fail(tally, path, result)
      }
    })
  }

  #fail(tally: FileTally, path: readonly string[], result: Result): void {
    tally.failed++
    this.push(`not ok  ${[...path, result.name].join(' > ')}\n`)
    if (result.diag) this.push(`${JSON.stringify(result.diag, null, 2).replace(/^/gm, '    ')}\n`)
  }
}

function reason(skip: string | boolean): string {
  return typeof skip === 'string' && skip !== '' ? ` (${skip})` : ''
}
