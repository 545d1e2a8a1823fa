/**
 * Copies from end to end: what they are worth after a restart, what of them lies on the disk, and what a client is told
 * from one. Governor and simulator are as shipped; what is claimed is measured on the disk and in the client's hands.
 */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { gunzipSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { collect } from './fixtures/collect.js'
import { startPassing } from './fixtures/governor.js'
import { until } from './fixtures/upstream.js'
import { copiesBelow, foundBelow, key, openStage, startChild, type Got } from './fixtures/vaulted.js'

const REMEMBERED = 'remembered'
const MB = 1024 * 1024

function outcome({ headers }: Got): string {
  return String(headers['x-governor-outcome'])
}

void t.test(
  'killed without warning, it comes back with its copies, and no word of them is on the disk',
  async t => {
    const stage = await openStage(t)
    const ids = stage.simulator.addEnvelopes({ count: 300, status: 'completed' })
    const first = await startChild(stage)
    const paths = ids.map(id => `${stage.account}/envelopes/${id}`)
    const bodies = new Map<string, Buffer>()
    const accepted = { 'x-docusign-sdk': 'canary-header-5501' }
    for (const path of paths) bodies.set(path, (await stage.get(first.base, path, accepted)).body)
    await until('every copy to be a file', () => copiesBelow(stage.folder).length >= paths.length)
    await pause(100)
    await first.kill()

    const subject = /"emailSubject":"([^"]+)"/.exec(String(bodies.get(paths[0] ?? '')))?.[1] ?? ''
    t.ok(subject.length > 3, subject)
    const secrets = [stage.token, stage.userId, subject, 'canary-header', 'emailSubject', ...ids.slice(0, 50)]
    t.strictSame(foundBelow(stage.folder, secrets), [], 'after the kill')

    const second = await startChild(stage)
    const before = stage.arrivals()
    let remembered = 0
    for (const path of paths) {
      const got = await stage.get(second.base, path)
      if (outcome(got) === REMEMBERED && got.body.equals(bodies.get(path) ?? Buffer.of(0))) remembered++
    }
    t.equal(remembered, paths.length, 'the same bytes from every copy')
    t.equal(stage.arrivals(), before, 'and DocuSign was not asked')
    await second.kill()
    t.strictSame(foundBelow(stage.folder, secrets), [], 'nor after another')
    t.comment(`back after ${Math.round(second.startMs)} ms with ${paths.length} copies`)
  },
)

void t.test(
  'without a key no body is on the disk; with another one copies are gone, and all is well',
  async t => {
    // The interval outlives a restart, and what has no copy would be refused.
    const stage = await openStage(t, { GOVERNOR_POLLING_WITHOUT_COPY: 'pass' })
    const [id = ''] = stage.simulator.addEnvelopes({ status: 'completed' })
    const path = `${stage.account}/envelopes/${id}`
    const plain = await stage.live()
    const { body } = await stage.get(plain.url, path)
    t.equal(outcome(await stage.get(plain.url, path)), REMEMBERED, 'from memory')
    await plain.stop()
    t.strictSame(copiesBelow(stage.folder), [])
    t.strictSame(foundBelow(stage.folder, [stage.token, id, 'emailSubject']), [])

    const file = join(stage.folder, 'the.key')
    const secret = key()
    writeFileSync(file, `${secret}\n`)
    const fromFile = { GOVERNOR_CACHE_ENCRYPTION_KEY_FILE: file }
    const keyed = await stage.live(fromFile)
    t.equal(outcome(await stage.get(keyed.url, path)), 'forwarded')
    await keyed.stop()
    t.equal(copiesBelow(stage.folder).length, 1)
    const again = await stage.live({ GOVERNOR_CACHE_ENCRYPTION_KEY: secret })
    t.equal(outcome(await stage.get(again.url, path)), REMEMBERED, 'one key, from a file or not')
    await again.stop()

    const other = await stage.live({ GOVERNOR_CACHE_ENCRYPTION_KEY: key() })
    const got = await stage.get(other.url, path)
    t.equal(outcome(got), 'forwarded', 'what was sealed with another key is no copy')
    t.ok(got.body.equals(body))
    t.equal(outcome(await stage.get(other.url, path)), REMEMBERED)
    await other.stop()
    const back = await stage.live({ GOVERNOR_CACHE_ENCRYPTION_KEY: secret })
    t.equal(outcome(await stage.get(back.url, path)), 'forwarded', 'nor does the old key bring it back')
    await back.stop()
  },
)

void t.test('large documents stream into the vault and out of it', async t => {
  const stage = await openStage(t)
  const [small = '', large = '', tooLarge = ''] = [5 * MB, 15 * MB, 17 * MB].map(
    documentBytes => stage.simulator.addEnvelopes({ status: 'completed', documentBytes })[0],
  )
  const documentOf = (id: string) => `${stage.account}/envelopes/${id}/documents/1`
  const governor = await stage.live()
  const bodies = new Map<string, Buffer>()
  for (const id of [small, large, tooLarge]) {
    // That it has reached its end must be known before its document is fetched.
    await stage.get(governor.url, `${stage.account}/envelopes/${id}`)
    bodies.set(id, (await stage.get(governor.url, documentOf(id))).body)
  }
  await until('both to be kept', () => copiesBelow(stage.folder).length === 5)
  await pause(100)
  const before = stage.arrivals()
  collect()
  const restBytes = process.memoryUsage().arrayBuffers
  for (const id of [small, large]) {
    const got = await stage.get(governor.url, documentOf(id))
    t.equal(outcome(got), REMEMBERED)
    t.ok(got.body.equals(bodies.get(id) ?? Buffer.of()), 'byte for byte')
    const part = await stage.get(governor.url, documentOf(id), { range: 'bytes=3000000-3099999' })
    t.equal(part.status, 206)
    t.equal(part.headers['content-range'], `bytes 3000000-3099999/${got.body.length}`)
    t.ok(part.body.equals(got.body.subarray(3_000_000, 3_100_000)), 'a part of it')
    const tail = await stage.get(governor.url, documentOf(id), { range: 'bytes=-10' })
    t.ok(tail.body.equals(got.body.subarray(-10)), 'and its end')
  }
  t.equal(stage.arrivals(), before)

  // Slow readers of the large one: what the governor holds for them is chunks, not documents.
  const readers = Array.from({ length: 8 }, () => openReader(governor.url + documentOf(large), stage.token))
  const opened = await Promise.all(readers)
  await pause(150)
  // What is held is judged, not what nobody needs and no collection has come for yet.
  collect()
  const heldBytes = process.memoryUsage().arrayBuffers - restBytes
  t.ok(heldBytes < 40 * MB, `${Math.round(heldBytes / MB)} MB for 8 readers of 15 MB each`)
  // Half of them leave in the middle; the copy is purged under the rest, who are told it to its end.
  for (const { leave } of opened.slice(4)) leave()
  const purged = await fetch(`${governor.adminUrl}/cache/purge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ envelope: large }),
  })
  t.strictSame(await purged.json(), { removed: 2 })
  const read = await Promise.all(opened.slice(0, 4).map(({ rest }) => rest()))
  for (const bytes of read) t.ok(bytes.equals(bodies.get(large) ?? Buffer.of()), 'to its end')
  await until('its file to be gone', () => copiesBelow(stage.folder).length === 3)
  const [over] = [await stage.get(governor.url, documentOf(tooLarge))]
  t.equal(over.headers['x-governor-refusal'], 'poll-too-soon', 'what is larger than an entry was not kept')
  t.ok(bodies.get(tooLarge)?.length === 17 * MB, 'and came whole to its client')
})

void t.test('a damaged file never comes to a clean end as another document', async t => {
  const stage = await openStage(t)
  const ids = stage.simulator.addEnvelopes({ count: 4, status: 'completed', documentBytes: 2 * MB })
  const paths = ids.map(id => `${stage.account}/envelopes/${id}/documents/1`)
  const governor = await stage.live()
  const bodies: Buffer[] = []
  for (const path of paths) bodies.push((await stage.get(governor.url, path)).body)
  await until('all to be kept', () => copiesBelow(stage.folder).length === ids.length)
  await pause(100)

  async function readAll(base: string): Promise<Record<string, number>> {
    const tally: Record<string, number> = {}
    for (const [i, path] of paths.entries()) {
      const got = await stage.get(base, path).catch(() => undefined)
      const isRight = got?.status === 200 && got.body.equals(bodies[i] ?? Buffer.of())
      const word = !got ? 'broken' : isRight ? 'right' : got.status === 200 ? 'WRONG' : 'refused'
      tally[word] = (tally[word] ?? 0) + 1
    }
    return tally
  }

  const flip = (share: number) => {
    for (const path of copiesBelow(stage.folder)) {
      const bytes = readFileSync(path)
      const at = Math.floor(bytes.length * share)
      bytes[at] = (bytes[at] ?? 0) ^ 1
      writeFileSync(path, bytes)
    }
  }
  flip(0.7)
  t.strictSame(await readAll(governor.url), { broken: 4 }, 'damaged in the middle, while it runs: broken off')
  t.strictSame(await readAll(governor.url), { refused: 4 }, 'and gone: the interval still holds')
  await governor.stop()
  const interval = { GOVERNOR_POLLING_WITHOUT_COPY: 'pass' }
  const next = await stage.live(interval)
  t.strictSame(await readAll(next.url), { right: 4 }, 'fetched anew')
  await until('all to be kept again', () => copiesBelow(stage.folder).length === ids.length)
  await next.stop()
  flip(0)
  const last = await stage.live(interval)
  t.strictSame(await readAll(last.url), { right: 4 }, 'damaged at the head, between two runs: fetched anew')
  await last.stop()
})

void t.test('a folder that takes no more files costs copies on the disk, and nothing else', async t => {
  if (process.getuid?.() === 0) {
    // Root may write anywhere: a file where the folder belongs is as good.
    t.comment('as root')
  }
  const stage = await openStage(t)
  const [id = ''] = stage.simulator.addEnvelopes({ status: 'completed', documentBytes: 2 * MB })
  const copies = join(stage.folder, 'copies')
  const governor = await stage.live()
  writeFileSync(copies, 'no folder')
  chmodSync(copies, 0o400)
  const path = `${stage.account}/envelopes/${id}`
  const first = await stage.get(governor.url, path)
  t.equal(first.status, 200)
  t.equal(outcome(await stage.get(governor.url, path)), REMEMBERED, 'from memory')
  const document = await stage.get(governor.url, `${path}/documents/1`)
  t.equal(document.body.length, 2 * MB, 'what is too large for memory passes')
})

void t.test('a copy answers as HTTP says', async t => {
  const stage = await openStage(t)
  const [id = ''] = stage.simulator.addEnvelopes({ status: 'completed' })
  const path = `${stage.account}/envelopes/${id}`
  const governor = await stage.live({ GOVERNOR_POLLING_WITHOUT_COPY: 'pass' })
  const ask = (headers: Record<string, string> = {}, method?: string, of = path) =>
    stage.get(governor.url, of, headers, method)
  const zipped = { 'accept-encoding': 'gzip' }
  const first = await ask(zipped)
  t.equal(first.headers['content-encoding'], 'gzip')
  const copy = await ask(zipped)
  t.equal(outcome(copy), REMEMBERED)
  t.ok(copy.body.equals(first.body))
  const etag = String(copy.headers['etag'])

  const plain = await ask({ 'accept-encoding': 'identity' })
  t.equal(outcome(plain), 'forwarded', 'whoever cannot read gzip is not told it')
  t.equal(plain.headers['content-encoding'], undefined)
  t.ok(gunzipSync(first.body).equals(plain.body), 'the same in its other coding')
  const plainCopy = await ask({ 'accept-encoding': 'identity' })
  t.ok(outcome(plainCopy) === REMEMBERED && plainCopy.body.equals(plain.body))
  t.not(plainCopy.headers['etag'], etag, 'under another ETag')

  const before = stage.arrivals()
  const head = await ask(zipped, 'HEAD')
  t.strictSame([head.status, head.body.length, outcome(head)], [200, 0, REMEMBERED])
  t.equal(head.headers['content-length'], String(first.body.length))
  const same = await ask({ ...zipped, 'if-none-match': `"other", ${etag}` })
  t.strictSame([same.status, same.body.length, same.headers['etag']], [304, 0, etag])
  t.equal(same.headers['content-length'], undefined)
  t.equal((await ask({ ...zipped, 'if-none-match': '"other"' })).status, 200)
  t.equal((await ask(zipped)).status, 200, 'who did not ask for a 304 gets none')
  const since = { ...zipped, 'if-modified-since': new Date(Date.now() + 60_000).toUTCString() }
  const unmodified = await ask(since)
  t.ok(unmodified.status === 200 || copy.headers['last-modified'] !== undefined, 'no date, no 304')
  const part = await ask({ ...zipped, range: 'bytes=0-9' })
  t.ok(part.status === 206 && part.body.equals(first.body.subarray(0, 10)))
  const ifRange = await ask({ ...zipped, range: 'bytes=0-9', 'if-range': etag })
  t.equal(ifRange.status, 206)
  const changed = await ask({ ...zipped, range: 'bytes=0-9', 'if-range': '"other"' })
  t.ok(changed.status === 200 && changed.body.equals(first.body), 'of another one, the whole')
  const beyond = await ask({ ...zipped, range: 'bytes=999999-' })
  t.strictSame([beyond.status, beyond.headers['content-range']], [416, `bytes */${first.body.length}`])
  t.equal(stage.arrivals(), before, 'all of that from the copy')

  const document = `${path}/documents/1`
  const pdf = await ask({ accept: 'application/pdf' }, 'GET', document)
  const base64 = { accept: 'application/pdf', 'content-transfer-encoding': 'base64' }
  const coded = await ask(base64, 'GET', document)
  t.ok(Buffer.from(String(coded.body), 'base64').equals(pdf.body), 'base64 for who asks for it')
  const codedCopy = await ask(base64, 'GET', document)
  t.ok(outcome(codedCopy) === REMEMBERED && codedCopy.body.equals(coded.body))
  const pdfCopy = await ask({ accept: 'application/pdf' }, 'GET', document)
  t.ok(outcome(pdfCopy) === REMEMBERED && pdfCopy.body.equals(pdf.body), 'and bytes for the others')
  const xml = await ask({ accept: 'application/xml' })
  t.match(String(xml.body), /^(?:\uFEFF)?</)
  const xmlCopy = await ask({ accept: 'application/xml' })
  t.ok(outcome(xmlCopy) === REMEMBERED && xmlCopy.body.equals(xml.body))
  const json = await ask({ accept: 'application/json', 'accept-encoding': 'identity' })
  t.match(String(json.body), /^\{/)
})

/** Answers all envelopes the same, and is none of DocuSign's. */
async function startBomb(t: Test, head: http.OutgoingHttpHeaders, body: Buffer): Promise<string> {
  const server = http.createServer((req, res) => {
    if (!req.url?.includes('/envelopes/')) return void res.writeHead(404).end()
    res.writeHead(200, { 'content-length': body.length, ...head }).end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

void t.test('what would blow up a reader passes as it is, holds up nobody, and teaches nothing', async t => {
  const id = '4b728be4-1111-2222-3333-d63e23f822b6'
  const member = gzipSync(Buffer.alloc(16 * MB, 'a'))
  const gigabyte = Buffer.concat(Array.from({ length: 64 }, () => member))
  const json = { 'content-type': 'application/json' }
  const bombs: readonly [what: string, head: http.OutgoingHttpHeaders, body: Buffer][] = [
    ['1 GiB in 1 MiB of gzip', { ...json, 'content-encoding': 'gzip' }, gigabyte],
    ['50 MB of JSON', json, Buffer.from(`{"a":"${'a'.repeat(50 * MB)}","status":"completed"}`)],
    ['200,000 levels', json, Buffer.from('['.repeat(200_000) + ']'.repeat(200_000))],
    [
      '200,000 levels of objects',
      json,
      Buffer.from('{"status":'.repeat(200_000) + '1' + '}'.repeat(200_000)),
    ],
  ]
  for (const [what, head, body] of bombs) {
    const upstream = await startBomb(t, head, body)
    const governor = await startPassing(upstream, { GOVERNOR_POLLING_INTERVAL: '0.2' })
    const path = `/restapi/v2.1/accounts/1/envelopes/${id}`
    // A busy machine stalls now and then; what a reader does to itself, it does every time.
    let leastMs = Infinity
    for (let tries = 1; tries <= 5 && leastMs >= 100; tries++) {
      const delay = monitorEventLoopDelay({ resolution: 5 })
      delay.enable()
      const got = await compare(`${governor.url}/apps/try-${tries}${path}`, body)
      delay.disable()
      t.ok(got.isSame, `${what}: unchanged`)
      leastMs = Math.min(leastMs, delay.max / 1e6)
    }
    t.ok(leastMs < 100, `${what}: held up for ${leastMs.toFixed(0)} ms`)
    await pause(250)
    const again = await compare(governor.url + path, body)
    t.ok(again.isSame)
    t.equal(again.outcome, 'forwarded', `${what}: it is not taken for final`)
    await governor.stop()
  }
})

/** Piece by piece, because all of this is one process with one event loop. */
function compare(url: string, expected: Buffer): Promise<{ isSame: boolean; outcome: unknown }> {
  return new Promise((resolve, reject) => {
    http
      .get(url, { headers: { authorization: 'Bearer bomb' }, agent: false }, res => {
        let at = 0
        let isSame = res.statusCode === 200
        res.on('data', (chunk: Buffer) => {
          isSame &&= chunk.equals(expected.subarray(at, at + chunk.length))
          at += chunk.length
        })
        res.on('error', reject)
        res.on('end', () => {
          resolve({ isSame: isSame && at === expected.length, outcome: res.headers['x-governor-outcome'] })
        })
      })
      .on('error', reject)
  })
}

/** Reads nothing of the body until it is told to. */
function openReader(url: string, token: string): Promise<{ leave(): void; rest(): Promise<Buffer> }> {
  return new Promise((resolve, reject) => {
    const req = http.get(url, { headers: { authorization: `Bearer ${token}` }, agent: false }, res => {
      resolve({
        leave: () => req.destroy(),
        async rest() {
          const chunks: Buffer[] = []
          for await (const chunk of res as AsyncIterable<Buffer>) chunks.push(chunk)
          return Buffer.concat(chunks)
        },
      })
    })
    req.on('error', reject)
  })
}
