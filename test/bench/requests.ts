/** What is asked in the benchmarks: requests as the official Node SDK writes them (facts 10). */
export const ACCOUNT = '/restapi/v2.1/accounts/14072015'

/** @param n which envelope */
export function envelope(n = 0): string {
  return `${ACCOUNT}/envelopes/4b728be4-1111-2222-3333-${n.toString(16).padStart(12, '0')}`
}

export function sdkRequest(target: string): Buffer {
  return Buffer.from(
    [
      `GET ${target} HTTP/1.1`,
      'Accept: application/json',
      'Content-Type: application/json',
      'X-DocuSign-SDK: Node',
      'Node-Ver: v20.20.2',
      'User-Agent: Swagger-Codegen/v2.1/10.0.0/node/v20.20.2',
      `Authorization: Bearer ${'x'.repeat(680)}`,
      'Accept-Encoding: gzip, compress, deflate, br',
      'Host: 127.0.0.1:8080',
      'Connection: keep-alive',
      '',
      '',
    ].join('\r\n'),
  )
}
