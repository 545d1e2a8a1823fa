/** What `GET /readyz` says. */
export interface Readiness {
  readonly ready: boolean
  readonly reason?: string
}

/**
 * A node that has lost what it shares is ready all the same where it goes on alone: were it not, all nodes would leave the
 * load balancer at once. Only where the settings say to send nothing without it is it not.
 */
export function readiness(app: {
  readonly isStarted: boolean
  readonly stopping: boolean
  readonly isClosed: boolean | undefined
}): Readiness {
  if (app.stopping) return { ready: false, reason: 'shutting down' }
  if (app.isClosed === true) return { ready: false, reason: 'no state' }
  return { ready: app.isStarted }
}
