/** The short form of `npm run bench -- soak`, which takes hours: what grows with every call is seen in a minute, too. */
import t from 'tap'
import { soak } from '../fixtures/soak.js'

const SECONDS = 60
const MB = 1024 * 1024
/** The mark is 1 MB a minute over ten of them. Half a minute sees what is under way come and go as well. */
const MOST_A_MINUTE = 5 * MB

void t.test(`${SECONDS} s of mixed traffic leave nothing behind`, async t => {
  const soaked = await soak(SECONDS, Math.random, text => t.comment(text))
  const { answered, slopeBytesPerMinute, left, asked, sent, unanswered, mistakes } = soaked
  t.ok(answered > 500, `${answered} calls`)
  t.equal(unanswered, 0, 'all were answered')
  t.equal(mistakes, 0, 'and none with a mistake of ours')
  t.ok(
    slopeBytesPerMinute <= MOST_A_MINUTE,
    `what is kept grows by ${(slopeBytesPerMinute / MB).toFixed(1)} MB a minute`,
  )
  t.same(left, { clients: 0, inUse: 0, calls: 0 }, 'every connection is closed, and every call over')
  t.equal(asked.counted, asked.really, 'the counter of calls is what the clients have asked')
  t.equal(sent.counted, sent.really, 'and that of calls that went up is what came to DocuSign')
})
