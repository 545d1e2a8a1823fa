/**
 * What time it is at DocuSign. Its hour turns by its own clock, and ours may be wrong or step: so its epoch is mapped
 * onto the clock that never steps, through the `Date` line of its answers. A date has whole seconds and was written
 * somewhere between our send and its answer, so one of them tells the difference of the clocks to a second or so;
 * many of them, each cutting off a piece, tell it to a few milliseconds.
 */
export interface DocusignTime {
  /** An answer's `Date` (epoch seconds), and when its call was sent and answered. */
  learn(dateSeconds: number, sentMs: number, answeredMs: number): void
  /** The earliest moment (nowMs) at which DocuSign's clock may show this time (epoch ms). */
  earliestMs(epochMs: number): number
  /** The moment by which it shows it for sure. */
  latestMs(epochMs: number): number
}

/** Two clocks drift apart by no more than this: a quartz is ten times better, a virtual machine not always. */
const DRIFT = 200e-6
/** So many dates in a row that contradict all before them are a clock that was set, not a line that lied. */
const PROOFS = 3
/** Before DocuSign has said a word, its clock is taken for ours, give or take. */
const GUESS_MS = 2_000

/** @param wallMs our own wall clock at `nowMs`: the guess until the first answer comes */
export function makeDocusignTime(wallMs: number, nowMs: number): DocusignTime {
  // DocuSign's epoch minus nowMs lies between these.
  let low = wallMs - nowMs - GUESS_MS
  let high = wallMs - nowMs + GUESS_MS
  let learnedMs = nowMs
  let isGuess = true
  let rival: { low: number; high: number; proofs: number } | undefined

  const drifted = (atMs: number) => Math.max(0, atMs - learnedMs) * DRIFT

  return {
    learn(dateSeconds, sentMs, answeredMs) {
      const from = dateSeconds * 1000 - answeredMs
      const to = dateSeconds * 1000 + 1000 - sentMs
      if (isGuess) {
        low = from
        high = to
        learnedMs = answeredMs
        isGuess = false
        return
      }
      const drift = drifted(answeredMs)
      if (from <= high + drift && to >= low - drift) {
        low = Math.max(low - drift, from)
        high = Math.min(high + drift, to)
        learnedMs = answeredMs
        rival = undefined
        return
      }
      if (rival && from <= rival.high && to >= rival.low) {
        rival = { low: Math.max(rival.low, from), high: Math.min(rival.high, to), proofs: rival.proofs + 1 }
      } else {
        rival = { low: from, high: to, proofs: 1 }
      }
      if (rival.proofs < PROOFS) return
      low = rival.low
      high = rival.high
      learnedMs = answeredMs
      rival = undefined
    },
    earliestMs: epochMs => epochMs - high - drifted(epochMs - high),
    latestMs: epochMs => epochMs - low + drifted(epochMs - low),
  }
}
