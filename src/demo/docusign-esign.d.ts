/** The official SDK comes without types: these are the parts of it that the sample apps use. */
declare module 'docusign-esign' {
  class ApiClient {
    /** Milliseconds; 60,000 by itself. */
    timeout: number
    setBasePath(path: string): void
    addDefaultHeader(name: string, value: string): void
  }

  interface EnvelopeSummary {
    readonly envelopeId: string
    readonly status: string
  }

  class EnvelopesApi {
    constructor(client: ApiClient)
    createEnvelope(
      accountId: string,
      options: { readonly envelopeDefinition: object },
    ): Promise<EnvelopeSummary>
    createRecipientView(
      accountId: string,
      envelopeId: string,
      options: { readonly recipientViewRequest: object },
    ): Promise<{ readonly url: string }>
    getEnvelope(accountId: string, envelopeId: string): Promise<EnvelopeSummary>
    getDocument(accountId: string, envelopeId: string, documentId: string): Promise<Buffer>
    listStatusChanges(
      accountId: string,
      options: {
        readonly fromDate: string
        readonly status: string
        readonly count: string
        /** By when they were created. */
        readonly order?: 'asc' | 'desc'
      },
    ): Promise<{ readonly envelopes?: readonly EnvelopeSummary[] }>
  }

  /** A CommonJS module: all it has is in its default export. */
  const docusign: { readonly ApiClient: typeof ApiClient; readonly EnvelopesApi: typeof EnvelopesApi }
  export type { ApiClient, EnvelopesApi }
  export default docusign
}
