/** `docusign-governor simulator`: runs until its user wants an end. */
import type { Clock } from '../base/clock.js'
import { parseSimulatorArgs, SIMULATOR_USAGE } from './options.js'
import { makeSimulator } from './simulator.js'

export interface SimulatorCommandParts {
  readonly say: (text: string) => void
  readonly complain: (text: string) => void
  readonly clock: Clock
  readonly interrupted: Promise<unknown>
}

/** `bad-usage`: nothing was started. */
export async function runSimulator(
  argv: readonly string[],
  { say, complain, clock, interrupted }: SimulatorCommandParts,
): Promise<'done' | 'bad-usage'> {
  const options = parseSimulatorArgs([...argv])
  if ('faults' in options && !('host' in options)) {
    complain(`${options.faults.join('\n')}\n\n${SIMULATOR_USAGE}`)
    return 'bad-usage'
  }
  if (options.help) {
    say(SIMULATOR_USAGE)
    return 'done'
  }
  const docusign = makeSimulator(options, clock)
  const { url } = await docusign.start()
  say(
    `DocuSign simulator at ${url}\n  base path for SDKs  ${url}/restapi\n  what it offers      ${url}/_sim/\n  what it counted     ${url}/_sim/report`,
  )
  await interrupted
  await docusign.stop()
  return 'done'
}
