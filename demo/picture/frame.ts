import type { History, Mark } from '../history.ts';
import { element, text } from './svg.ts';

/** The sizes of the drawing in pixels, and its colours, which are readable on light and dark pages. */
export const STYLE = {
  width: 1200,
  left: 132,
  right: 210,
  header: 96,
  chart: 190,
  row: 30,
  footer: 46,
  gap: 34,
  paper: '#fbfaf7',
  ink: '#1d2433',
  soft: '#737b8c',
  rule: '#e4e1d8',
  waiting: '#f2a65a',
  inFlight: '#8e5ba6',
  capacity: '#1f6f8b',
  boot: '#d9d4c5',
  idle: '#c9e3dc',
  job: '#2f9e8f',
  failed: '#cf4a4a',
} as const;

export const FONT = "Inter, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', sans-serif";

/** Maps times to x coordinates. */
export interface TimeScale {
  x(atMs: number): number;
  left: number;
  right: number;
  seconds: number;
  startMs: number;
}

export function timeScale({ startedMs, endedMs }: Pick<History, 'startedMs' | 'endedMs'>): TimeScale {
  const left = STYLE.left;
  const right = STYLE.width - STYLE.right;
  const length = Math.max(endedMs - startedMs, 1);
  return {
    x: (atMs) => left + (Math.min(Math.max(atMs - startedMs, 0), length) / length) * (right - left),
    left,
    right,
    seconds: length / 1000,
    startMs: startedMs,
  };
}

/** A distance between ticks of 1, 2 or 5 times a power of ten, for at most `most` ticks. */
export function tickStep(length: number, most: number): number {
  const rough = Math.max(length / most, 1e-9);
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((n) => n * power).find((candidate) => candidate >= rough) ?? power * 10;
}

/** The seconds below the picture, and a thin vertical line for each tick. */
export function timeAxis(scale: TimeScale, top: number, bottom: number): string {
  const step = Math.max(tickStep(scale.seconds, 12), 1);
  const ticks = Array.from({ length: Math.floor(scale.seconds / step) + 1 }, (_, index) => index * step);
  return ticks
    .map((second) => {
      const x = scale.x(scale.startMs + second * 1000);
      const line = element('line', { x1: x, x2: x, y1: top, y2: bottom, stroke: STYLE.rule });
      const style = { x, y: bottom + 20, 'text-anchor': 'middle', 'font-size': 12, fill: STYLE.soft };
      return line + text(`${second} s`, style);
    })
    .join('');
}

/** Vertical lines with labels. If two marks are close, the second label is raised. */
export function marks(list: readonly Mark[], scale: TimeScale, top: number, bottom: number): string {
  let freeFrom = Number.NEGATIVE_INFINITY;
  return list
    .map(({ atMs, label }) => {
      const x = scale.x(atMs);
      const raised = x < freeFrom;
      freeFrom = x + label.length * 6.6 + 10;
      const y1 = raised ? top - 22 : top - 6;
      const line = {
        x1: x,
        x2: x,
        y1,
        y2: bottom,
        stroke: STYLE.ink,
        'stroke-dasharray': '2 4',
        opacity: 0.55,
      };
      return element('line', line) + text(label, { x: x + 5, y: y1 + 8, 'font-size': 11.5, fill: STYLE.ink });
    })
    .join('');
}
