import { EMPTY, NOT_A_MEMBER, data } from '../answer.js'
import { stamp } from '../pace.js'
import type { User } from '../people.js'
import type { Visit } from '../world.js'
import type { Row } from './table.js'

const A = '/v2.1/accounts/{accountId}'

export const ACCOUNT_OPERATIONS: readonly Row[] = [
  ['GET', '/service_information', 'GetServiceInformation', serviceInformation],
  ['GET', '/v2.1', 'GetResources', () => data({ resources: [{ name: 'accounts', value: A }] }, 'resources')],
  ['GET', '/v2.1/login_information', 'GetLoginInformation', loginInformation],
  ['GET', A, 'GetAccountInformation', accountInformation],
  ['GET', `${A}/users`, 'GetUsers', users],
  ['GET', `${A}/users/{userId}`, 'GetUser', oneUser],
  [
    'DELETE',
    `${A}/captive_recipients/{recipientPart}`,
    'DeleteCaptiveRecipient',
    () => ({ status: 200, body: EMPTY }),
  ],
]

function serviceInformation() {
  return data(
    { buildVersion: '26.1.0', serviceVersions: [{ version: 'v2.1', versionUrl: '/restapi/v2.1' }] },
    'serviceInformation',
  )
}

function loginInformation({ user, baseUri }: Visit) {
  const loginAccounts = user.accounts.map((account, at) => ({
    name: account.name,
    accountId: account.number,
    accountIdGuid: account.id,
    baseUrl: `${baseUri(account)}/restapi/v2.1/accounts/${account.number}`,
    isDefault: String(at === 0),
    userName: user.name,
    userId: user.id,
    email: user.email,
    siteDescription: '',
  }))
  return data({ loginAccounts }, 'loginInformation')
}

function accountInformation({ account, query }: Visit) {
  const settings = { allowEnvelopeCorrect: 'true', allowReassign: 'true', apiRequestLogging: 'true' }
  return data(
    {
      accountIdGuid: account.id,
      externalAccountId: account.number,
      accountName: account.name,
      isDowngrade: 'false',
      createdDate: stamp(account.createdMs),
      currencyCode: 'USD',
      planName: 'Business Pro',
      planClassification: 'business',
      billingPeriodEnvelopesSent: '0',
      billingPeriodEnvelopesAllowed: 'unlimited',
      envelopeSendingBlocked: 'false',
      canUpgrade: 'false',
      canCancelRenewal: 'false',
      suspensionStatus: '',
      allowTransactionRooms: 'false',
      ...(query.get('include_account_settings') === 'true' && { accountSettings: settings }),
    },
    'accountInformation',
  )
}

function users(visit: Visit) {
  const members = visit.people.users.filter(user => user.accounts.includes(visit.account))
  return data(
    {
      users: members.map(user => describeUser(visit, user)),
      resultSetSize: String(members.length),
      totalSetSize: String(members.length),
      startPosition: '0',
      endPosition: String(members.length - 1),
    },
    'userInformationList',
  )
}

function oneUser(visit: Visit) {
  const user = visit.people.user(visit.params['userId'] ?? '')
  if (!user?.accounts.includes(visit.account)) return NOT_A_MEMBER
  return data(describeUser(visit, user), 'userInformation')
}

function describeUser({ account }: Visit, user: User) {
  return {
    userName: user.name,
    userId: user.id,
    userType: 'CompanyUser',
    isAdmin: user.administers === account ? 'True' : 'False',
    userStatus: 'Active',
    uri: `/users/${user.id}`,
    email: user.email,
    firstName: user.givenName,
    lastName: user.familyName,
    createdDateTime: stamp(account.createdMs),
  }
}
