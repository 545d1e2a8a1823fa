import { Readable } from 'node:stream'

/** No token, or none that leads through the governor. The message says what was asked and what was answered. */
export class LoginFailed extends Error {
  override readonly name = 'LoginFailed'
}

/** A call that did not succeed: an error of DocuSign's or the governor's, or no answer at all. */
export interface CallFailure {
  /** `undefined` where no answer came. */
  readonly status: number | undefined
}

/** Reads what the SDK throws, which is an error of axios (facts 11.1); `undefined` for everything else. */
export function readFailure(error: unknown): CallFailure | undefined {
  if (error instanceof LoginFailed) return { status: undefined }
  if (!(error instanceof Error) || !('isAxiosError' in error)) return undefined
  const { response } = error as { response?: { status: number; data: unknown } }
  // The error of a download comes as a stream that nobody has read, and holds its connection until somebody does.
  if (response?.data instanceof Readable) response.data.destroy()
  return { status: response?.status }
}
