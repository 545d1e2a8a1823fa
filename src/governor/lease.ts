/** How long a lease holds, so what it reserved in vain is soon given back. */
export const LEASE_MS = 1_000
export const MAX_LEASE = 512
/** Near the end of a window a lease would be a good part of what is left: every call is then counted singly. */
const SHARE_OF_ROOM = 64

/**
 * How many calls the next line reserves: twice as many as the last one when that was used up in its time, else one.
 *
 * @param last how many the last line reserved @param usedUp whether they were used up before its time was over
 * @param roomLeft calls that may still be sent in the scarcest window
 */
export function leaseOf(last: number, usedUp: boolean, roomLeft: number): number {
  const wished = usedUp ? last * 2 : 1
  return Math.max(1, Math.min(wished, MAX_LEASE, Math.floor(roomLeft / SHARE_OF_ROOM)))
}
