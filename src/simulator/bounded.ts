/** Sets a key and, past `most` keys, forgets the one that was set longest ago, because callers choose these keys. */
export function rememberAtMost<K, V>(map: Map<K, V>, key: K, value: V, most: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= most) return
  const oldest = map.keys().next()
  if (!oldest.done) map.delete(oldest.value)
}
