/** A resource as a person reads it: below its account, with every id cut to what tells it from its neighbours. */
const BELOW_ACCOUNT = /^\/restapi\/v[\d.]+\/accounts\/[^/]+/
const GUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const MAX_SEGMENT_CHARS = 24
const MAX_CHARS = 96

/** @param resource a resource key @returns at most 97 characters, for the page and for reports; no label of a metric */
export function shortResource(resource: string): string {
  const below = resource.replace(BELOW_ACCOUNT, '').replace(GUID, guid => `${guid.slice(0, 8)}…`)
  const short = below
    .split('/')
    .map(segment =>
      segment.length > MAX_SEGMENT_CHARS ? `${segment.slice(0, MAX_SEGMENT_CHARS)}…` : segment,
    )
    .join('/')
  return short.length > MAX_CHARS ? `${short.slice(0, MAX_CHARS)}…` : short
}
