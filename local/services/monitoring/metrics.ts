import { AwsError } from '../../front-door/service.ts';

/** Names a metric. Dimensions are part of the name: other dimensions are another metric. */
export interface MetricName {
  namespace: string;
  name: string;
  dimensions: Record<string, string>;
}

/** One or more aggregated values. */
export interface StatisticSet {
  count: number;
  sum: number;
  min: number;
  max: number;
}

export interface MetricPoint extends StatisticSet {
  /** Real time, in milliseconds since the epoch. */
  at: number;
  /** The minute of the cloud. On a sped-up clock it is shorter than a real one. */
  minute: number;
}

export const STATISTICS = ['SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum'] as const;
export type Statistic = (typeof STATISTICS)[number];

/** How many data points of a metric are kept; AWS keeps them for 15 days and longer. */
const KEPT_POINTS = 50_000;

/** All reported data points, by metric. */
export class Metrics {
  readonly #metrics = new Map<string, { metric: MetricName; points: MetricPoint[] }>();

  put(metric: MetricName, point: MetricPoint): void {
    const key = metricKey(metric);
    const known = this.#metrics.get(key) ?? { metric, points: [] };
    this.#metrics.set(key, known);
    known.points.push(point);
    if (known.points.length > KEPT_POINTS) known.points.shift();
  }

  points(metric: MetricName): readonly MetricPoint[] {
    return this.#metrics.get(metricKey(metric))?.points ?? [];
  }

  names(): MetricName[] {
    return [...this.#metrics.values()].map(({ metric }) => metric);
  }
}

function metricKey({ namespace, name, dimensions }: MetricName): string {
  const sorted = Object.entries(dimensions).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([namespace, name, sorted]);
}

/** The statistic over all points; undefined if there are none. */
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

/** A statistic set of one value. */
export function singleValue(value: number): StatisticSet {
  return { count: 1, sum: value, min: value, max: value };
}

/** @throws `InvalidParameterValue` for percentiles and others, which are not implemented here. */
export function parseStatistic(name: string): Statistic {
  const found = STATISTICS.find((statistic) => statistic === name);
  if (found) return found;
  throw new AwsError('InvalidParameterValue', `The statistic ${name} is not implemented here.`);
}
