/** Errors of DocuSign's that can be explained: a word beside the answer, and not a byte of it changed. */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { hintOf } from '../src/entry/hint.js'
import { open } from './fixtures/governed.js'

void t.test('known errors have their word, in whatever spelling; others have none', t => {
  const json = ['Content-Type', 'application/json']
  const told: readonly [body: string, hint: string | undefined][] = [
    ['{"error":"consent_required"}', 'consent-required'],
    ['{"error":"invalid_grant","error_description":"user_not_found"}', 'grant-user-not-found'],
    ['{"error":"invalid_grant","error_description":"invalid_subject"}', 'grant-invalid-subject'],
    ['{"error":"invalid_grant","error_description":"issuer_not_found"}', 'grant-issuer-not-found'],
    ['{"error":"invalid_grant","error_description":"no_valid_keys_or_signatures"}', 'grant-no-valid-keys'],
    ['{"error":"invalid_grant","error_description":"expired_grant"}', 'grant-expired'],
    ['{"error":"invalid_grant"}', 'grant-invalid'],
    ['{"errorCode":"UserNotFound","message":"The user is not found in DocuSign"}', 'user-not-found'],
    ['{"errorCode":"ONESIGN_ALLSIGN_NOTSATISFIED","message":"x"}', 'freeform-signing'],
    ['{"errorCode":"ONESIGNALLSIGN_NOT_SATISFIED","message":"x"}', 'freeform-signing'],
    ['{"errorCode":"ANY","message":"Envelope contains duplicate recipients."}', 'duplicate-recipients'],
    ['{"errorCode":"Hourly_Envelope_Polling_Limit_Exceeded","message":"x"}', 'envelope-polling-limit'],
    ['{"errorCode":"BURST_APIINVOCATION_LIMIT_EXCEEDED","message":"x"}', 'burst-limit'],
    ['{"errorCode":"API_REQUEST_IS_THROTTLED","message":"GetDocument call blocked"}', 'download-limit'],
    ['<errorDetails><errorCode>RECIPIENT_LIMIT_EXCEEDED</errorCode></errorDetails>', 'recipient-limit'],
    ['{"errorCode":"AUTHORIZATION_INVALID_TOKEN","message":"x"}', 'token-not-accepted'],
    ['{"errorCode":"USER_AUTHENTICATION_FAILED","message":"x"}', 'token-not-accepted'],
    ['{"errorCode":"PARTNER_AUTHENTICATION_FAILED","message":"x"}', 'integration-key-not-found'],
    ['{"errorCode":"USER_DOES_NOT_BELONG_TO_SPECIFIED_ACCOUNT","message":"x"}', 'not-a-member'],
    ['{"errorCode":"ENVELOPE_DOES_NOT_EXIST","message":"x"}', 'envelope-not-found'],
    ['{"errorCode":"ACCOUNT_NOT_AUTHORIZED_FOR_ENVELOPE","message":"x"}', 'envelope-of-others'],
    ['{"errorCode":"INVALID_REQUEST_BODY","message":"x"}', undefined],
    ['{"errorCode":{"toString":1},"message":["duplicate recipients"]}', undefined],
    ['{"errorCode":"__proto__"}', undefined],
    ['[]', undefined],
    ['null', undefined],
    ['<html>CONSENT_REQUIRED</html>', undefined],
    ['', undefined],
  ]
  for (const [body, hint] of told) t.equal(hintOf(json, Buffer.from(body)), hint, body)
  t.equal(hintOf(['content-encoding', 'gzip'], Buffer.from('no gzip')), undefined)
  t.end()
})

void t.test('the answer to the app is untouched but for its hint; the log says it, too', async t => {
  const house = await open(t, {
    docusign: { hourWindow: 86_400, hourLimit: 5 },
    settings: { GOVERNOR_LIMITS_MODE: 'observe' },
  })
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: 'eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJub2JvZHkifQ.c2ln',
  })
  const ask = async (url: string) => {
    const answer = await fetch(`${url}/oauth/token`, { method: 'POST', body: form })
    return { status: answer.status, hint: answer.headers.get('x-governor-hint'), body: await answer.text() }
  }
  const [through, direct] = [await ask(`${house.governor.url}/apps/crm`), await ask(house.url)]
  t.equal(direct.status, 400)
  t.match(direct.body, 'invalid_grant')
  t.strictSame({ ...through, hint: null }, direct)
  t.match(through.hint, /^grant-/)

  let spent = await house.ask('/folders', { app: 'crm' })
  for (let n = 0; n < 6 && spent.status === 200; n++)
    spent = await house.ask(`/folders?n=${n}`, { app: 'crm' })
  t.equal(spent.headers['x-governor-hint'], 'hour-limit')
  t.match(spent.body.toString(), 'HOURLY_APIINVOCATION_LIMIT_EXCEEDED')
  const lines = house.governor.lines.map(line => JSON.parse(line) as { hint?: string; msg: string })
  t.strictSame(
    lines.flatMap(({ hint }) => hint ?? []),
    [through.hint, 'hour-limit'],
  )
  const events = await fetch(`${house.governor.adminUrl}/events`)
  const reader = events.body?.getReader()
  const value = (await reader?.read())?.value as Uint8Array | undefined
  await reader?.cancel()
  const { hints } = JSON.parse(
    Buffer.from(value ?? [])
      .toString()
      .slice(6),
  ) as { hints: { hint: string; meaning: string }[] }
  t.match(hints, [
    { hint: 'hour-limit', meaning: /X-RateLimit-Reset/ },
    { hint: through.hint, meaning: /.{40}/ },
  ])
})

void t.test('an error that has no hint of a limit is told as it came, and explained', async t => {
  const house = await open(t, { docusign: {} })
  const nobody = { headers: { authorization: 'Bearer of-nobody' } }
  const nowhere = `/envelopes/${randomUUID()}`
  for (const [path, asking, status, hint] of [
    ['/folders', nobody, 401, 'token-not-accepted'],
    [nowhere, {}, 404, 'envelope-not-found'],
    [nowhere, { headers: { accept: 'application/xml' } }, 404, 'envelope-not-found'],
    ['/no/such/thing', {}, 404, undefined],
  ] as const) {
    const [through, direct] = [await house.ask(path, asking), await house.askDirectly(path, asking)]
    t.equal(direct.status, status, path)
    t.equal(through.status, status, path)
    t.same(through.body, direct.body, path)
    t.equal(through.headers['content-type'], direct.headers['content-type'], path)
    t.equal(through.headers['x-governor-hint'], hint, path)
  }
})
