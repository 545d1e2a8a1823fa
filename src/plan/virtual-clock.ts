/**
 * Time that passes only when it is told to, from one event to the next. Between two of them every promise job runs to its
 * end, so that what the rooms do at one moment is done before the next one comes.
 */
import type { Clock, Timer, Turns } from '../base/clock.js'
import { makeHeap } from './heap.js'

export interface VirtualClock extends Clock {
  /** Lets time pass until then (nowMs scale), and rings what is due on the way, in order. `undefined`: nothing was. */
  passTo(untilMs: number): Promise<void> | undefined
  /** Lets time pass to the first timer that is due until then, and rings it. `false`: none was, and it is then. */
  ring(untilMs: number): boolean
  /** Lets the promise jobs of this moment run. */
  settle(): Promise<void>
  /** The same without a promise: a replay has more than two moments for each call. */
  whenSettled(then: () => void): void
  /** When the next timer is due, at the earliest; `undefined` where none is set. */
  readonly nextMs: number | undefined
  readonly turns: Turns
}

interface Alarm {
  atMs: number
  order: number
  ring: (() => void) | undefined
}

/**
 * @param epochMs the wall clock's time at its beginning
 * @param whenIdle calls back once no promise job is left to run, as `process.nextTick` does when asked by one of them
 */
export function makeVirtualClock(epochMs: number, whenIdle: (run: () => void) => void): VirtualClock {
  let nowMs = 0
  let orders = 0
  let ends: (() => void)[] = []
  const alarms = makeHeap<Alarm>((a, b) => a.atMs - b.atMs || a.order - b.order)

  /** From a promise job, because only what such a job asks for comes after all others; `queueMicrotask` costs half as much again (measured). */
  const idle = (then: () => void) => void JOB.then(() => whenIdle(then))

  function whenSettled(then: () => void): void {
    const look = () => {
      if (ends.length === 0) return then()
      const now = ends
      ends = []
      for (const end of now) end()
      // What ends a turn may begin another.
      idle(look)
    }
    idle(look)
  }

  const settle = () => new Promise<void>(whenSettled)

  function set(delayMs: number, ring: () => void): Alarm {
    const alarm = { atMs: nowMs + Math.max(0, delayMs), order: orders++, ring }
    alarms.add(alarm)
    return alarm
  }

  /** Drops those that were called off, so that `first` is one that will ring. */
  function first(): Alarm | undefined {
    for (;;) {
      const alarm = alarms.first()
      if (!alarm || alarm.ring) return alarm
      alarms.take()
    }
  }

  function ring(untilMs: number): boolean {
    const alarm = first()
    if (!alarm || alarm.atMs > untilMs) {
      nowMs = Math.max(nowMs, untilMs)
      return false
    }
    alarms.take()
    nowMs = Math.max(nowMs, alarm.atMs)
    alarm.ring?.()
    return true
  }

  async function ringOn(untilMs: number): Promise<void> {
    do await settle()
    while (ring(untilMs))
  }

  return {
    nowMs: () => nowMs,
    wallMs: () => epochMs + nowMs,
    after: (delayMs, ring) => new VirtualTimer(() => set(delayMs, ring)),
    passTo: untilMs => (ring(untilMs) ? ringOn(untilMs) : undefined),
    ring,
    whenSettled,
    settle,
    get nextMs() {
      return first()?.atMs
    },
    turns: { atEnd: run => void ends.push(run) },
  }
}

const JOB = Promise.resolve()

class VirtualTimer implements Timer {
  readonly #set: () => Alarm
  #alarm: Alarm

  constructor(set: () => Alarm) {
    this.#set = set
    this.#alarm = set()
  }

  refresh(): void {
    this.cancel()
    this.#alarm = this.#set()
  }

  cancel(): void {
    this.#alarm.ring = undefined
  }
}
