/** What a plan is told in files that hold no settings. */
import { readPlainYaml } from '../config/plain.js'
import { BadUsage } from '../plan/bad-usage.js'
import { readModel, type Model } from '../plan/model.js'
import { readCosts, type Costs } from '../plan/scale.js'

/** @throws BadUsage, with every fault */
export function loadModel(path: string): Model {
  const model = readModel(readPlain(path))
  if ('apps' in model) return model
  throw new BadUsage(model.map(fault => `${path}: ${fault}`).join('\n'))
}

/** @throws BadUsage, with every fault */
export function loadCosts(path: string): Costs {
  const costs = readCosts(readPlain(path))
  if ('forwardedMicros' in costs) return costs
  throw new BadUsage(costs.map(fault => `${path}: ${fault}`).join('\n'))
}

function readPlain(path: string): unknown {
  const read = readPlainYaml(path)
  if (read.kind === 'value') return read.value
  throw new BadUsage(read.faults.map(({ where, message }) => `${where}: ${message}`).join('\n'))
}
