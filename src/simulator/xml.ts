const NAMESPACE = 'http://www.docusign.com/restapi'

/** Names of a list's items where taking the plural away is not enough. */
const SINGULAR: Readonly<Record<string, string>> = {
  envelopeDocuments: 'envelopeDocument',
  carbonCopies: 'carbonCopy',
  certifiedDeliveries: 'certifiedDelivery',
  intermediaries: 'intermediary',
  witnesses: 'witness',
  notaries: 'notary',
}

/** The JSON of an answer as DocuSign's XML (facts 6.5): the same names, under one root. */
export function toXml(value: unknown, root: string): string {
  const inside = element(value)
  return `<?xml version="1.0" encoding="utf-8"?><${root} xmlns="${NAMESPACE}">${inside}</${root}>`
}

function element(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return escape(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return Object.entries(value)
    .map(([name, inner]: [string, unknown]) => {
      if (!Array.isArray(inner)) return `<${name}>${element(inner)}</${name}>`
      const item = SINGULAR[name] ?? name.replace(/s$/, '')
      return `<${name}>${inner.map(one => `<${item}>${element(one)}</${item}>`).join('')}</${name}>`
    })
    .join('')
}

function escape(text: string): string {
  return text.replace(/[<>&"]/g, found => `&#${found.charCodeAt(0)};`)
}
