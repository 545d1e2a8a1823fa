import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Buckets } from './buckets.js'
import { makeSeries, type Series } from './series.js'

/** One value, under its labels, in the order of their names. */
export type Sample = readonly [labels: readonly string[], value: number]

/** The kinds of metrics there are here: plain numbers while calls pass, handed to `prom-client` at a scrape. */
export interface Instruments {
  readonly registry: Registry
  /** @param max series with labels of their own */
  counter<Name extends string>(
    name: string,
    help: string,
    labelNames: readonly Name[],
    max: number,
  ): Series<Name>
  /** A counter that somebody else keeps. */
  counterOf(name: string, help: string, labelNames: readonly string[], read: () => Iterable<Sample>): void
  gaugeOf(name: string, help: string, labelNames: readonly string[], read: () => Iterable<Sample>): void
  /** @param bounds of the buckets, in seconds, rising */
  histogram(
    name: string,
    help: string,
    bounds: readonly number[],
    series: readonly (readonly [labels: Readonly<Record<string, string>>, series: Buckets])[],
  ): void
}

const PREFIX = 'docusign_governor_'

export function makeInstruments(): Instruments {
  const registry = new Registry()
  const registers = [registry]

  return {
    registry,

    counter(name, help, labelNames, max) {
      const series = makeSeries(labelNames, max)
      new Counter({
        name: PREFIX + name,
        help,
        labelNames,
        registers,
        collect() {
          this.reset()
          for (const [labels, count] of series.entries()) this.inc(labels, count)
        },
      })
      return series
    },

    counterOf(name, help, labelNames, read) {
      new Counter({
        name: PREFIX + name,
        help,
        labelNames,
        registers,
        collect() {
          this.reset()
          for (const [labels, value] of sound(read())) this.inc(named(labelNames, labels), value)
        },
      })
    },

    gaugeOf(name, help, labelNames, read) {
      new Gauge({
        name: PREFIX + name,
        help,
        labelNames,
        registers,
        collect() {
          this.reset()
          for (const [labels, value] of sound(read())) this.set(named(labelNames, labels), value)
        },
      })
    },

    histogram(name, help, bounds, series) {
      new Histogram({
        name: PREFIX + name,
        help,
        labelNames: Object.keys(series[0]?.[0] ?? {}),
        buckets: [...bounds],
        registers,
        collect() {
          // Where prom-client keeps its series; its own `observe` validates and hashes labels, at 1 µs a time.
          const kept = this as unknown as { hashMap: Record<number, unknown> }
          kept.hashMap = series.map(([labels, each]) => ({ labels, ...each.reading() }))
        },
      })
    },
  }
}

/** Not a number would poison a series for ever: it is absent. */
function* sound(samples: Iterable<Sample>): Iterable<Sample> {
  for (const sample of samples) if (Number.isFinite(sample[1]) && sample[1] >= 0) yield sample
}

function named(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, i) => [name, values[i] ?? '']))
}
