import type { Sample } from '../history.ts';
import { STYLE, type TimeScale, tickStep } from './frame.ts';
import { element, path, steps, text } from './svg.ts';

type Points = (readonly [number, number])[];

/** Waiting messages stacked on those in flight, as areas, and the instances as a line with its own scale. */
export function queueChart(samples: readonly Sample[], scale: TimeScale, top: number): string {
  const bottom = top + STYLE.chart;
  const most = Math.max(1, ...samples.map(({ visible, inFlight }) => visible + inFlight));
  const y = (value: number) => bottom - (value / (most * 1.08)) * STYLE.chart;
  const points = (value: (sample: Sample) => number): Points =>
    samples.map((sample) => [scale.x(sample.atMs), y(value(sample))] as const);
  return [
    valueAxis(most, y, scale),
    area(
      points(({ visible, inFlight }) => visible + inFlight),
      y(0),
      STYLE.waiting,
    ),
    area(
      points(({ inFlight }) => inFlight),
      y(0),
      STYLE.inFlight,
    ),
    text('jobs', { x: scale.left - 12, y: top - 8, 'text-anchor': 'end', 'font-size': 12, fill: STYLE.soft }),
    capacityLine(samples, scale, top),
  ].join('');
}

function area(points: Points, base: number, colour: string): string {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return '';
  const outline = steps(points);
  const closed = `${outline}L${last[0].toFixed(1)} ${base}L${first[0].toFixed(1)} ${base}Z`;
  return (
    element('path', { d: closed, fill: colour, opacity: 0.8 }) +
    element('path', { d: outline, fill: 'none', stroke: colour, 'stroke-width': 1.5 })
  );
}

function valueAxis(most: number, y: (value: number) => number, scale: TimeScale): string {
  const step = Math.max(1, tickStep(most, 5));
  const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step);
  return ticks
    .map((value) => {
      const at = y(value);
      const line = element('line', { x1: scale.left, x2: scale.right, y1: at, y2: at, stroke: STYLE.rule });
      const style = {
        x: scale.left - 12,
        y: at + 4,
        'text-anchor': 'end',
        'font-size': 12,
        fill: STYLE.soft,
      };
      return line + text(String(value), style);
    })
    .join('');
}

/** Running instances, with an axis on the right, and the desired capacity as a thin line behind them. */
function capacityLine(samples: readonly Sample[], scale: TimeScale, top: number): string {
  const bottom = top + STYLE.chart;
  const most = Math.max(1, ...samples.map(({ running, desired }) => Math.max(running, desired)));
  const y = (value: number) => bottom - (value / (most * 1.35)) * STYLE.chart;
  const line = (value: (sample: Sample) => number) =>
    steps(samples.map((sample) => [scale.x(sample.atMs), y(value(sample))] as const));
  const labels = Array.from({ length: most + 1 }, (_, value) => value).filter(
    (value) => value % Math.max(1, tickStep(most, 6)) === 0,
  );
  const style = { fill: STYLE.capacity, 'font-size': 12 };
  return [
    element('path', {
      d: line(({ desired }) => desired),
      fill: 'none',
      stroke: STYLE.capacity,
      'stroke-width': 1.2,
      'stroke-dasharray': '3 3',
      opacity: 0.8,
    }),
    element('path', {
      d: line(({ running }) => running),
      fill: 'none',
      stroke: STYLE.capacity,
      'stroke-width': 2.6,
      'stroke-linejoin': 'round',
    }),
    ...labels.map((value) => text(String(value), { ...style, x: scale.right + 12, y: y(value) + 4 })),
    text('instances', { ...style, x: scale.right + 12, y: top - 8 }),
  ].join('');
}

/** The meaning of the colours. */
export function legend(y: number): string {
  const entries: [string, string, 'box' | 'line' | 'dashes'][] = [
    ['waiting', STYLE.waiting, 'box'],
    ['in flight', STYLE.inFlight, 'box'],
    ['instances', STYLE.capacity, 'line'],
    ['desired', STYLE.capacity, 'dashes'],
    ['boot', STYLE.boot, 'box'],
    ['idle', STYLE.idle, 'box'],
    ['a job', STYLE.job, 'box'],
  ];
  let x: number = STYLE.left;
  return entries
    .map(([label, colour, kind]) => {
      const symbol =
        kind === 'box'
          ? element('rect', { x, y: y - 10, width: 14, height: 11, rx: 2.5, fill: colour })
          : element('path', {
              d: path([
                [x, y - 4],
                [x + 16, y - 4],
              ]),
              stroke: colour,
              'stroke-width': kind === 'line' ? 2.6 : 1.2,
              'stroke-dasharray': kind === 'dashes' ? '3 3' : undefined,
            });
      const named = text(label, { x: x + 21, y, 'font-size': 12, fill: STYLE.soft });
      x += 42 + label.length * 6.8;
      return symbol + named;
    })
    .join('');
}
