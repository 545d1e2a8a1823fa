import type { Answer } from './answer.js'
import { failure } from './answer.js'
import type { CustomField, Paper, Recipient } from './content.js'
import { RECIPIENT_KINDS, makeRecipient } from './content.js'
import type { Given } from './given.js'
import { asGiven, listOf, textOf, textsOf } from './given.js'

/** Facts 1.6. */
const MOST_RECIPIENTS = 100

/** Reads `recipients` of a definition. The error code and its 400 are in facts 1.5; the text is ours. */
export function readRecipients(given: Given): readonly Recipient[] | Answer {
  const recipients = RECIPIENT_KINDS.flatMap(kind =>
    listOf(given, kind).map((one, at) =>
      makeRecipient({
        kind,
        recipientId: textOf(one, 'recipientId') ?? String(at + 1),
        name: textOf(one, 'name') ?? '',
        email: textOf(one, 'email') ?? '',
        clientUserId: textOf(one, 'clientUserId'),
        routingOrder: textOf(one, 'routingOrder') ?? '1',
        note: textOf(one, 'note') ?? '',
        roleName: textOf(one, 'roleName'),
        excludedDocuments: textsOf(one, 'excludedDocuments'),
        tabs: asGiven(one['tabs']) ?? {},
      }),
    ),
  )
  if (recipients.length > MOST_RECIPIENTS) {
    return failure(400, 'RECIPIENT_LIMIT_EXCEEDED', `An envelope has at most ${MOST_RECIPIENTS} recipients.`)
  }
  return recipients
}

/** Reads `documents` of a definition: bytes from `documentBase64`, or from the multipart body by document id. */
export function readPapers(given: Given, files: ReadonlyMap<string, Buffer>): readonly Paper[] {
  return listOf(given, 'documents').map((one, at) => {
    const documentId = textOf(one, 'documentId') ?? String(at + 1)
    const base64 = one['documentBase64']
    const bytes = typeof base64 === 'string' ? Buffer.from(base64, 'base64') : files.get(documentId)
    return {
      documentId,
      name: textOf(one, 'name') ?? `Document ${documentId}`,
      extension: (textOf(one, 'fileExtension') ?? 'pdf').toLowerCase(),
      bytes,
    }
  })
}

/** Reads `customFields`; a field without an id gets the next number. */
export function readFields(given: Given, firstId: number): readonly CustomField[] {
  let nextId = firstId
  return (['textCustomFields', 'listCustomFields'] as const).flatMap(kind =>
    listOf(given, kind).map(one => ({
      kind,
      fieldId: textOf(one, 'fieldId') ?? String((nextId += 1)),
      name: textOf(one, 'name') ?? '',
      show: textOf(one, 'show') ?? 'false',
      required: textOf(one, 'required') ?? 'false',
      value: textOf(one, 'value') ?? '',
      listItems: textsOf(one, 'listItems'),
    })),
  )
}
