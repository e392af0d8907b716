import { AwsError } from '../../front-door/service.ts';

/** Of a metric. Dimensions are part of its name: another set of them is another metric. */
export interface MetricName {
  namespace: string;
  name: string;
  dimensions: Record<string, string>;
}

/** One or more values put together. */
export interface StatisticSet {
  count: number;
  sum: number;
  min: number;
  max: number;
}

export interface MetricPoint extends StatisticSet {
  /** Wall time, epoch milliseconds. */
  at: number;
  /** The cloud's minute that it belongs to: on a sped-up clock minutes are shorter than the wall's. */
  minute: number;
}

export const STATISTICS = ['SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum'] as const;
export type Statistic = (typeof STATISTICS)[number];

/** How many points of a metric are kept; AWS keeps them for 15 days and longer. */
const KEPT_POINTS = 50_000;

/** Everything that was reported, by metric. */
export class Metrics {
  readonly #metrics = new Map<string, { metric: MetricName; points: MetricPoint[] }>();

  put(metric: MetricName, point: MetricPoint): void {
    const key = keyOf(metric);
    const known = this.#metrics.get(key) ?? { metric, points: [] };
    this.#metrics.set(key, known);
    known.points.push(point);
    if (known.points.length > KEPT_POINTS) known.points.shift();
  }

  points(metric: MetricName): readonly MetricPoint[] {
    return this.#metrics.get(keyOf(metric))?.points ?? [];
  }

  names(): MetricName[] {
    return [...this.#metrics.values()].map(({ metric }) => metric);
  }
}

function keyOf({ namespace, name, dimensions }: MetricName): string {
  const sorted = Object.entries(dimensions).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([namespace, name, sorted]);
}

/** The statistic over all points, undefined if there is none. */
export function aggregate(points: readonly StatisticSet[], statistic: Statistic): number | undefined {
  if (points.length === 0) return undefined;
  const count = points.reduce((total, point) => total + point.count, 0);
  const sum = points.reduce((total, point) => total + point.sum, 0);
  switch (statistic) {
    case 'SampleCount':
      return count;
    case 'Sum':
      return sum;
    case 'Average':
      return sum / count;
    case 'Minimum':
      return Math.min(...points.map(({ min }) => min));
    case 'Maximum':
      return Math.max(...points.map(({ max }) => max));
  }
}

/** The kind of value that most metrics are reported as. */
export function single(value: number): StatisticSet {
  return { count: 1, sum: value, min: value, max: value };
}

/** @throws `InvalidParameterValue`: percentiles and the like are not implemented here. */
export function statisticNamed(name: string): Statistic {
  const found = STATISTICS.find((statistic) => statistic === name);
  if (found) return found;
  throw new AwsError('InvalidParameterValue', `The statistic ${name} is not implemented here.`);
}
