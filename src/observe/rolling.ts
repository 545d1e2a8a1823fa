/** Counts of the last so many steps of time; the oldest step falls out as a new one begins. Bounded by its making. */
export interface Rolling {
  add(count: number, nowMs: number): void
  /** Oldest first; the last is the step that runs now. */
  values(nowMs: number): number[]
  sum(nowMs: number): number
}

/** @param steps 1 or more @param stepMs how long each lasts */
export function makeRolling(steps: number, stepMs: number): Rolling {
  const counts = new Uint32Array(steps)
  let current = -Infinity

  /** Empties what has fallen out since it was last used. */
  function turn(nowMs: number): number {
    const step = Math.floor(nowMs / stepMs)
    if (step > current) {
      const gone = Math.min(steps, step - current)
      for (let i = 0; i < gone; i++) counts[indexOf(step - i)] = 0
      current = step
    }
    return current
  }

  const indexOf = (step: number) => ((step % steps) + steps) % steps

  return {
    add(count, nowMs) {
      const at = indexOf(turn(nowMs))
      counts[at] = (counts[at] ?? 0) + count
    },
    values(nowMs) {
      const now = turn(nowMs)
      return Array.from({ length: steps }, (_, i) => counts[indexOf(now - steps + 1 + i)] ?? 0)
    },
    sum(nowMs) {
      turn(nowMs)
      let sum = 0
      for (const count of counts) sum += count
      return sum
    },
  }
}
