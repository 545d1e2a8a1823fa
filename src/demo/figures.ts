/** What the governor counted, in calls, OAuth included. */
export interface Figures {
  readonly in: number
  /** Attempts at DocuSign. */
  readonly up: number
  /** Answered without asking DocuSign. */
  readonly saved: number
  /** Held back for a limit before they went up. */
  readonly held: number
  /** Whose answer was an error, whoever gave it. */
  readonly failed: number
}

interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const PREFIX = 'docusign_governor_'
const SAVED: readonly (string | undefined)[] = ['remembered', 'coalesced']

/** Reads the governor's own metrics: of all apps, and of each by its label. */
export function readFigures(exposition: string): { all: Figures; byApp: ReadonlyMap<string, Figures> } {
  const samples = exposition.split('\n').flatMap(line => readSample(line) ?? [])
  const apps = new Set(samples.flatMap(({ labels }) => labels['app'] ?? []))
  const byApp = [...apps].map(
    app => [app, sum(samples.filter(({ labels }) => labels['app'] === app))] as const,
  )
  return { all: sum(samples), byApp: new Map(byApp) }
}

function sum(samples: readonly Sample[]): Figures {
  const count = (name: string, fits: (labels: Sample['labels']) => boolean = () => true) =>
    samples
      .filter(sample => sample.name === PREFIX + name && fits(sample.labels))
      .reduce((total, sample) => total + sample.value, 0)
  return {
    in: count('requests_total'),
    up: count('upstream_requests_total'),
    saved: count('requests_total', labels => SAVED.includes(labels['outcome'])),
    held: count('queue_wait_seconds_count'),
    failed: count('requests_total', labels => !/^[23]/.test(labels['code'] ?? '')),
  }
}

const SAMPLE = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-z_]+)="((?:[^"\\]|\\.)*)"/g

function readSample(line: string): Sample | undefined {
  const [, name, labels = '', value] = SAMPLE.exec(line) ?? []
  if (name === undefined) return undefined
  const pairs = [...labels.matchAll(LABEL)].map(([, key = '', text = '']) => [key, text] as const)
  return { name, labels: Object.fromEntries(pairs), value: Number(value) }
}
