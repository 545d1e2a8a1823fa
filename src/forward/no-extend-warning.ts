/**
 * http-proxy reads `util._extend` when it is loaded; Node 22 and later print DEP0060 at its first use, and
 * `--throw-deprecation` makes that fatal. Imported before http-proxy, this gives it the same function without the warning.
 */
import util from 'node:util'

Object.assign(util, { _extend: Object.assign })
