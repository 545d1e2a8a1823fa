import type { Answer } from '../answer.js'
import { data, failure } from '../answer.js'
import { describeFolder } from '../describe-parts.js'
import { describeEnvelope } from '../describe.js'
import type { Envelope } from '../envelopes.js'
import { textsOf } from '../given.js'
import { isTerminal } from '../life.js'
import type { Visit } from '../world.js'
import type { Row } from './table.js'

const F = '/v2.1/accounts/{accountId}/folders'

export const FOLDER_OPERATIONS: readonly Row[] = [
  ['GET', F, 'GetFolders', list],
  ['GET', `${F}/{folderId}`, 'GetFolderItems', items],
  ['PUT', `${F}/{folderId}`, 'MoveEnvelopes', move],
]

const FOLDERS = ['draft', 'inbox', 'sentitems', 'recyclebin']

/** The code of a folder that is not there is in no stored copy. */
const NO_FOLDER = failure(400, 'INVALID_REQUEST_PARAMETER', 'The folder specified does not exist.')

function list({ user }: Visit): Answer {
  const folders = FOLDERS.map(folderId => ({
    folderId,
    name: folderId,
    type: folderId,
    ownerUserId: user.id,
    uri: `/folders/${folderId}`,
  }))
  return data({ folders, resultSetSize: String(folders.length) }, 'folders')
}

function items(visit: Visit): Answer {
  const folderId = folderOf(visit)
  if (!folderId) return NO_FOLDER
  const { world, account, user } = visit
  const found = world.envelopes
    .of(account)
    .filter(one => world.envelopes.canSee(one, account, user) && describeFolder(one).folderId === folderId)
  const page = found.slice(0, 100)
  return data(
    {
      resultSetSize: String(page.length),
      startPosition: '0',
      endPosition: String(Math.max(0, page.length - 1)),
      totalSetSize: String(found.length),
      folders: [{ folderId, name: folderId, type: folderId, ownerUserId: user.id }],
      envelopes: page.map(envelope => describeEnvelope(world, envelope, user, new Set())),
    },
    'folderItemsResponse',
  )
}

/** Moving an envelope in process to the recycle bin voids it (facts 6.2). */
function move(visit: Visit): Answer {
  const folderId = folderOf(visit)
  if (!folderId) return NO_FOLDER
  const { world, account, user, pace, upload } = visit
  const moved = textsOf(upload.given, 'envelopeIds').flatMap((id): Envelope[] => {
    const envelope = world.envelopes.get(id)
    return envelope && world.envelopes.canSee(envelope, account, user) ? [envelope] : []
  })
  for (const envelope of moved) {
    const { status } = world.envelopes.lifeOf(envelope)
    if (folderId === 'recyclebin' && status !== 'created' && !isTerminal(status)) {
      envelope.turn = { status: 'voided', atMs: pace.wallMs(), reason: 'Moved to the recycle bin' }
    }
    envelope.folder = folderId
  }
  const folders = [{ folderId, name: folderId, type: folderId, ownerUserId: user.id }]
  return data({ folders, envelopes: moved.map(({ id }) => ({ envelopeId: id })) }, 'foldersResponse')
}

function folderOf({ params }: Visit): string | undefined {
  const wanted = (params['folderId'] ?? '').toLowerCase()
  return FOLDERS.find(folder => folder === wanted)
}
