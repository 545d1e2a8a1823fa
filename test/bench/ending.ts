/** What was started ends with us, also where a benchmark breaks off. */
const ends = new Set<() => void>()
process.once('exit', () => {
  for (const end of ends) end()
})

/** @param end must do its work at once @returns to be called when it has ended by itself */
export function endWithUs(end: () => void): () => void {
  ends.add(end)
  return () => ends.delete(end)
}
