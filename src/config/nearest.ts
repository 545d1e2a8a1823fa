/** Beyond this no one meant a setting, and comparing long words is slow. */
const LONGEST_WORD = 64

/** A setting that may have been meant: the word that would have been right, and how to name it to the operator. */
export interface Candidate {
  readonly word: string
  readonly name: string
}

/**
 * What the writer of an unknown word may have meant: ` (did you mean X?)`, or '' when nothing is near.
 * Near is a few slips of the keys, or the same last part: `port` for `listen.port`.
 */
export function suggestion(word: string, candidates: readonly Candidate[], separator: '.' | '_'): string {
  if (word.length > LONGEST_WORD) return ''
  const slips = candidates
    // Words that differ more in length than they may differ at all need no comparing.
    .filter(candidate => Math.abs(candidate.word.length - word.length) <= slipsAllowed(candidate.word))
    .map(candidate => ({
      ...candidate,
      distance: distance(word.toLowerCase(), candidate.word.toLowerCase()),
    }))
    .filter(candidate => candidate.distance <= slipsAllowed(candidate.word))
    .sort((a, b) => a.distance - b.distance)
  const nearest = slips[0]?.name
  if (nearest !== undefined) return ` (did you mean ${nearest}?)`
  const lastPart = separator + (word.split(separator).at(-1) ?? '')
  const ending = candidates.filter(({ word }) => word.endsWith(lastPart)).map(({ name }) => name)
  return ending.length > 0 ? ` (did you mean ${ending.join(' or ')}?)` : ''
}

function slipsAllowed(word: string): number {
  return Math.max(1, Math.floor(word.length / 3))
}

/** Letters to add, drop, replace or swap with their neighbour to make one word of the other. */
function distance(from: string, to: string): number {
  let twoAbove: number[] = []
  let above = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const line = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      let least = Math.min(
        (above[column] ?? 0) + 1,
        (line[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
      )
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      if (row > 1 && column > 1 && isSwap) least = Math.min(least, (twoAbove[column - 2] ?? 0) + 1)
      line.push(least)
    }
    twoAbove = above
    above = line
  }
  return above[to.length] ?? 0
}
