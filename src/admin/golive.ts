import type { GoLive } from '../observe/golive.js'
import { moment } from './status.js'

/** The most that is told of an integration's key: enough to tell two apart. */
const KEY_CHARS = 8

/** The body of `GET /golive`: for each integration *ready*, or what to change. Times are ISO 8601 UTC. */
export function buildGoLive({ wantedCalls, integrations }: ReturnType<GoLive['report']>) {
  return {
    wantedCalls,
    integrations: integrations.map(({ integration, broken, pairs, ...evidence }) => ({
      integration: integration?.slice(0, KEY_CHARS) ?? null,
      ...evidence,
      broken: broken
        ? {
            at: moment(broken.atMs),
            why: broken.why,
            method: broken.method,
            route: broken.route,
            status: broken.status ?? null,
          }
        : null,
      pairs: pairs.map(({ resource, firstMs, secondMs, distanceMs }) => ({
        resource,
        firstAt: moment(firstMs ?? NaN),
        secondAt: moment(secondMs),
        seconds: distanceMs === undefined ? null : Math.round(distanceMs) / 1000,
      })),
    })),
  }
}
