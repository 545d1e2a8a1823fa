// njs 0.7 for nginx-day.conf: whose call it is, and whether the envelope that it speaks of has come to its end.
import crypto from 'crypto'

const ENDED = ['completed', 'declined', 'voided']

function caller(r) {
  return crypto
    .createHash('sha256')
    .update(r.headersIn.authorization || '')
    .digest('hex')
}

function hasEnded(answer) {
  return answer.status === 200 && ENDED.indexOf(JSON.parse(answer.responseText).status) !== -1
}

function give(r, answer, isFinal) {
  for (const name in answer.headersOut) {
    if (!/^(connection|content-length|transfer-encoding)$/i.test(name))
      r.headersOut[name] = answer.headersOut[name]
  }
  if (answer.status === 200) r.headersOut['X-Accel-Expires'] = isFinal ? '86400' : '@INTERVAL_SECONDS@'
  r.return(answer.status, answer.responseBuffer)
}

/** The envelope itself: its answer says so. */
function whole(r) {
  const args = r.variables.args || ''
  r.subrequest(`/asked${r.uri.slice('/whole'.length)}`, { args }, answer => give(r, answer, hasEnded(answer)))
}

/** What lies below it: final if the envelope had ended before it was asked for, by a copy where there is one. */
function part(r) {
  const path = r.uri.slice('/part'.length)
  const args = r.variables.args || ''
  const envelope = /^.*\/envelopes\/[0-9a-f-]+/.exec(path)[0]
  r.subrequest(`/known${envelope}`, known => {
    r.subrequest(`/asked${path}`, { args }, answer => give(r, answer, hasEnded(known)))
  })
}

export default { caller, whole, part }
