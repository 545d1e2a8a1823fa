/** Small structures that every call goes through, each against the plain one that it stands in for. */
import fc from 'fast-check'
import t from 'tap'
import { Pigeonholes, Roster, type Placed } from '../src/base/pigeonholes.js'
import { Rolling } from '../src/observe/rolling.js'
import { AlikeLines } from '../src/shield/alike.js'

const KEYS = fc.constantFrom('a', 'b', 'c', 'd', 'e')

void t.test('pigeonholes hold what a map would', t => {
  const step = fc.record({ key: KEYS, what: fc.constantFrom('set', 'delete') })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const holes = new Pigeonholes<{ n: number }>()
      const map = new Map<string, { n: number }>()
      for (const [n, { key, what }] of steps.entries()) {
        const value = { n }
        if (what === 'set') {
          holes.set(key, value)
          map.set(key, value)
        } else {
          holes.delete(key)
          map.delete(key)
        }
        if (holes.size !== map.size) return false
        for (const one of 'abcde') if (holes.get(one) !== map.get(one)) return false
        const values = new Set(holes.values())
        if (values.size !== map.size || [...map.values()].some(one => !values.has(one))) return false
      }
      return true
    }),
  )
  t.pass('over random orders of coming and going')
  t.end()
})

void t.test('a roster holds what a set would', t => {
  const step = fc.record({ who: fc.nat(5), what: fc.constantFrom('add', 'delete') })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      const all: Placed[] = Array.from({ length: 6 }, () => ({ place: -1 }))
      const roster = new Roster<Placed>()
      const set = new Set<Placed>()
      for (const { who, what } of steps) {
        const one = all[who] as Placed
        roster[what](one)
        set[what](one)
        const told = [...roster]
        if (told.length !== set.size || told.some(member => !set.has(member))) return false
      }
      return true
    }),
  )
  t.pass('over random orders of coming and going')
  t.end()
})

void t.test('rolling counts are those of their last steps', t => {
  const step = fc.record({ afterMs: fc.nat(2_500), count: fc.nat(3) })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 30 }), (steps, adds) => {
      const rolling = new Rolling(steps, 1_000)
      const events: { step: number; count: number }[] = []
      let nowMs = 0
      for (const { afterMs, count } of adds) {
        nowMs += afterMs
        rolling.add(count, nowMs)
        events.push({ step: Math.floor(nowMs / 1_000), count })
        const last = Math.floor(nowMs / 1_000)
        const naive = Array.from({ length: steps }, (_, i) =>
          events
            .filter(event => event.step === last - steps + 1 + i)
            .reduce((sum, event) => sum + event.count, 0),
        )
        if (JSON.stringify(rolling.values(nowMs)) !== JSON.stringify(naive)) return false
        if (rolling.sum(nowMs) !== naive.reduce((a, b) => a + b, 0)) return false
      }
      return true
    }),
  )
  t.pass('over random times and counts')
  t.end()
})

void t.test('header lines that are kept say what came, and are one where answers are alike', t => {
  const alike = new AlikeLines()
  fc.assert(
    fc.property(fc.array(fc.array(KEYS, { maxLength: 6 }), { maxLength: 20 }), answers =>
      answers.every(lines => JSON.stringify(alike.of(lines)) === JSON.stringify(lines)),
    ),
  )
  const first = alike.of(['Date', 'today', 'Content-Type', 'application/json'])
  t.equal(alike.of(['Date', 'today', 'Content-Type', 'application/json']), first, 'the same are kept once')
  t.strictSame(alike.of(['Date', 'today']), ['Date', 'today'], 'the beginning of another is not it')
  t.end()
})
