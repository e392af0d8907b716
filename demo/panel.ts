import { bar } from '../cli/terminal/bar.ts';
import { clip } from '../cli/terminal/columns.ts';
import { countOf } from '../cli/terminal/format.ts';
import { lineWidth } from '../cli/terminal/screen.ts';
import type { Sample } from './history.ts';

/** What the panel shows. */
export interface PanelState {
  sample: Sample;
  maxCapacity: number;
  done: number;
  jobs: number;
  seconds: number;
}

/** The live view on a terminal: three lines, each with a bar and its numbers. */
export function drawPanel(
  { sample, maxCapacity, done, jobs, seconds }: PanelState,
  columns: number,
): string[] {
  const width = Math.max(10, Math.min(40, columns - 46));
  const { visible, inFlight, running, desired } = sample;
  const queue = bar(width, jobs, [
    ['yellow', visible],
    ['magenta', inFlight],
  ]);
  const instances = bar(width, maxCapacity, [
    ['cyan', running],
    ['gray', Math.max(0, desired - running)],
  ]);
  const tiles = bar(width, jobs, [['green', done]]);
  return [
    `  queue      ${queue}  ${visible} waiting, ${inFlight} in flight`,
    `  instances  ${instances}  ${countOf(running, 'instance')}, ${desired} desired`,
    `  tiles      ${tiles}  ${done} of ${jobs}, ${seconds.toFixed(0)} s`,
  ].map((line) => clip(line, lineWidth({ columns })));
}

/** The same as text, for a file or a pipe. */
export function plainLine({ sample, done, jobs, seconds }: PanelState): string {
  const { visible, inFlight, running, desired } = sample;
  return (
    `${seconds.toFixed(0).padStart(4)} s  ${visible} waiting, ${inFlight} in flight; ` +
    `${countOf(running, 'instance')}, ${desired} desired; ${done} of ${jobs} tiles`
  );
}
