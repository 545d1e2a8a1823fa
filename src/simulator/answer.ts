/** An answer of DocuSign's before it is put into the words the caller asked for. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: AnswerBody
}

export type AnswerBody =
  | { readonly kind: 'empty' }
  /** JSON, or XML under `root` where the caller wants that. */
  | { readonly kind: 'data'; readonly value: unknown; readonly root: string }
  | { readonly kind: 'text'; readonly type: string; readonly text: string }
  /** A file: base64 where the caller wants that (facts 6.5). */
  | { readonly kind: 'file'; readonly type: string; readonly length: number; chunks(): Iterable<Buffer> }

export function data(value: unknown, root = 'response', status = 200): Answer {
  return { status, body: { kind: 'data', value, root } }
}

export function file(type: string, disposition: string, bytes: Buffer): Answer {
  return fileOf(type, disposition, bytes.length, () => [bytes])
}

export function fileOf(
  type: string,
  disposition: string,
  length: number,
  chunks: () => Iterable<Buffer>,
): Answer {
  return {
    status: 200,
    headers: { 'Content-Disposition': disposition },
    body: { kind: 'file', type, length, chunks },
  }
}

/** An error in DocuSign's one shape (facts 1.5). */
export function failure(status: number, errorCode: string, message: string): Answer {
  return data({ errorCode, message }, 'errorDetails', status)
}

export const EMPTY: AnswerBody = { kind: 'empty' }

export function html(status: number, title: string): Answer {
  const text = `<!DOCTYPE html>\r\n<html><head><title>${title}</title></head><body><h2>${title}</h2></body></html>\r\n`
  return { status, body: { kind: 'text', type: 'text/html', text } }
}

export const NO_ROUTE = failure(404, 'RESOURCE_NOT_FOUND', 'The URL provided does not resolve to a resource.')

/** Code from the list of common errors; the text is the usual one (facts 5). */
export const BAD_TOKEN = failure(
  401,
  'AUTHORIZATION_INVALID_TOKEN',
  'The access token provided is expired, revoked or malformed.',
)

/**
 * The status is not in the facts sheet. 404 because it is what HTTP says of such a thing; DocuSign tells an envelope
 * that is not there and one that is another's with the same words.
 */
export const NO_ENVELOPE = failure(
  404,
  'ENVELOPE_DOES_NOT_EXIST',
  'The envelope specified either does not exist or you have no rights to it.',
)

export const NO_RIGHTS = failure(
  401,
  'USER_LACKS_PERMISSIONS',
  'This user lacks sufficient permissions to access this resource.',
)

export const NOT_A_MEMBER = failure(
  400,
  'USER_DOES_NOT_BELONG_TO_SPECIFIED_ACCOUNT',
  'The specified User is not a member of the specified Account.',
)

export const BAD_BODY = failure(
  400,
  'INVALID_REQUEST_BODY',
  'The request body is missing or improperly formatted.',
)

export function badParameter(detail: string): Answer {
  const message = `The request contained at least one invalid parameter. ${detail}`
  return failure(400, 'INVALID_REQUEST_PARAMETER', message)
}
