/** The moments that earlier runs wrote down, and what the wall clock did since. */
import type { Home } from './home.js'

export const SCALE = 'scale'
export const SKEW_KEY = Buffer.from('skew')

/** How far the wall clock had run away from the scale of what was written, when the last run ended. */
export function inheritedSkewMs(home: Home): number {
  let skewMs = 0
  home.inherited(SCALE, (_, value) => (skewMs = Number(value)))
  return skewMs
}

/** The same moment on the scale of this run. @param wallMs now */
export function inheritedScale(home: Home, wallMs: number): (atMs: number) => number {
  const skewMs = inheritedSkewMs(home)
  // The wall clock may have been set back between two runs: nothing was written later than now.
  return atMs => Math.min(atMs + skewMs, wallMs)
}
