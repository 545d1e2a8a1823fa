/** What can be chosen at the head of a dashboard. */

const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }

export const datasource = {
  name: 'datasource',
  label: 'Prometheus',
  type: 'datasource',
  query: 'prometheus',
  refresh: 1,
  hide: 0,
}

function choice(name: string, query: string): object {
  return {
    name,
    label: name,
    type: 'query',
    datasource: DATASOURCE,
    definition: query,
    query: { query, refId: name },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { selected: true, text: ['All'], value: ['$__all'] },
    hide: 0,
  }
}

export const account = choice('account', 'label_values(docusign_governor_limit, account)')
export const app = choice('app', 'label_values(docusign_governor_requests_total, app)')

/** A limit to look at as if it were the account's. */
export function whatIf(name: string, value: string): object {
  return { name, label: `what if ${name.slice(-1)}`, type: 'textbox', query: value, hide: 0 }
}

export function constant(name: string, value: string): object {
  return { name, type: 'constant', query: value, hide: 2 }
}
