/** One contender's day, in a process of its own. */
import { CONTENDERS } from '../day-contenders.js'
import type { DaySize } from '../day-plan.js'
import { spend } from '../day.js'

const [name = '', size = ''] = process.argv.slice(2)
const contender = CONTENDERS.find(one => one.name === name)
if (!contender) throw new Error(`there is no contender ${name}`)
process.once('disconnect', () => process.exit(1))
process.once('SIGTERM', () => process.exit(1))
const verdict = await spend(contender, JSON.parse(size) as DaySize)
process.send?.(verdict, () => process.exit())
