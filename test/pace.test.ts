/** What flows leaves room for who comes: so much in a turn of the loop, then some turns for all others. */
import fc from 'fast-check'
import t from 'tap'
import { makePace } from '../src/entry/pace.js'

/** The turns of a loop that a test goes through one by one. */
function makeTurnsByHand() {
  let runs: (() => void)[] = []
  return {
    turns: { atEnd: (run: () => void) => void runs.push(run) },
    end(): void {
      const now = runs
      runs = []
      for (const run of now) run()
    },
    get isIdle() {
      return runs.length === 0
    },
  }
}

const CHUNK = 65_536
const TURN_BYTES = 8 * CHUNK

void t.test(
  'rule: answers flow half a megabyte or four at a time, and then four turns are for others',
  async t => {
    const loop = makeTurnsByHand()
    const pace = makePace(loop.turns)
    const went: number[] = []
    let stopped = 0
    for (let answer = 0; answer < 20; answer++) {
      if (!pace.passed(CHUNK, () => void went.push(answer))) stopped++
    }
    t.equal(stopped, 20 - (TURN_BYTES / CHUNK - 1), 'the rest of the turn is not theirs')
    for (const expected of [4, 8, 12]) {
      const before = went.length
      for (let turn = 0; turn < 4; turn++) loop.end()
      t.equal(went.length, before, 'four turns in which none goes on')
      loop.end()
      t.equal(went.length, expected, 'and one in which four do')
    }
    while (!loop.isIdle) loop.end()
    t.strictSame(
      went,
      [...went].sort((a, b) => a - b),
      'first come, first served',
    )
    t.equal(went.length, stopped)

    await t.test('where nobody else flows, one answer is never stopped for long', async t => {
      const loop = makeTurnsByHand()
      const pace = makePace(loop.turns)
      let turns = 0
      let isStopped = false
      for (let chunk = 0; chunk < 1_000; chunk++) {
        if (!pace.passed(CHUNK, () => (isStopped = false))) isStopped = true
        while (isStopped) {
          loop.end()
          turns++
        }
      }
      t.ok(turns <= 1_000, `${turns} turns for a thousand chunks read in one go`)
    })
  },
)

void t.test('rule: whoever was stopped goes on exactly once, in a later turn, whatever comes', async t => {
  const step = fc.oneof(fc.integer({ min: 1, max: 3 * CHUNK }), fc.constant('turn' as const))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const loop = makeTurnsByHand()
      const pace = makePace(loop.turns)
      const stopped: { turn: number; times: number }[] = []
      let turn = 0
      let passed = 0
      let atOnce = 0
      for (const what of steps) {
        if (what === 'turn') {
          const before = stopped.filter(({ times }) => times > 0).length
          turn++
          loop.end()
          atOnce = Math.max(atOnce, stopped.filter(({ times }) => times > 0).length - before)
          passed = 0
          continue
        }
        const one = { turn, times: 0 }
        const mayGoOn = pace.passed(what, () => {
          one.times++
          if (turn <= one.turn) throw new Error('in the turn in which it was stopped')
        })
        passed += what
        if (mayGoOn && passed > TURN_BYTES) throw new Error(`${passed} bytes in one turn`)
        if (!mayGoOn) stopped.push(one)
      }
      for (let n = 0; !loop.isIdle; n++) {
        if (n > 5 * (stopped.length + 2)) throw new Error('it never ends')
        turn++
        loop.end()
      }
      if (atOnce > 4) throw new Error(`${atOnce} went on at once`)
      if (stopped.some(({ times }) => times !== 1)) throw new Error('not exactly once')
    }),
  )
  t.pass()
})
