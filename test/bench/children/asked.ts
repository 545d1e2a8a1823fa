/** Loaded into a governor before its own code: it answers its parent for a thousandth of what a scrape costs it. */
import { answerParent } from './child.js'

answerParent()
