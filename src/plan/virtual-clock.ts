/**
 * Time that passes only when it is told to, from one event to the next. Between two of them every promise job runs to its
 * end, so that what the rooms do at one moment is done before the next one comes.
 */
import type { Clock, Timer, Turns } from '../base/clock.js'
import { makeHeap } from './heap.js'

export interface VirtualClock extends Clock {
  /** Lets time pass until then (nowMs scale), and rings what is due on the way, in order. `undefined`: nothing was. */
  passTo(untilMs: number): Promise<void> | undefined
  /** Lets the promise jobs of this moment run. */
  settle(): Promise<void>
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

  function settle(): Promise<void> {
    return new Promise(resolve => {
      const look = () => {
        if (ends.length === 0) return resolve()
        const now = ends
        ends = []
        for (const end of now) end()
        // What ends a turn may begin another.
        idle(look)
      }
      idle(look)
    })
  }

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

  async function ringUntil(untilMs: number): Promise<void> {
    for (let alarm = first(); alarm && alarm.atMs <= untilMs; alarm = first()) {
      alarms.take()
      nowMs = Math.max(nowMs, alarm.atMs)
      alarm.ring?.()
      await settle()
    }
    nowMs = Math.max(nowMs, untilMs)
  }

  return {
    nowMs: () => nowMs,
    wallMs: () => epochMs + nowMs,
    after: (delayMs, ring) => new VirtualTimer(() => set(delayMs, ring)),
    passTo(untilMs) {
      const alarm = first()
      if (alarm && alarm.atMs <= untilMs) return ringUntil(untilMs)
      nowMs = Math.max(nowMs, untilMs)
      return undefined
    },
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
