import { styleText } from 'node:util';
import type { Sample } from './history.ts';
import { count } from './words.ts';

/** What the panel shows of one moment. */
export interface Moment {
  sample: Sample;
  maxCapacity: number;
  done: number;
  jobs: number;
  seconds: number;
}

type Style = Parameters<typeof styleText>[0];

/** The live view on a terminal: three lines, each a bar and its numbers. */
export function panel({ sample, maxCapacity, done, jobs, seconds }: Moment, columns: number): string[] {
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
    `  queue      ${queue}  ${visible} waiting, ${inFlight} being worked on`,
    `  instances  ${instances}  ${count(running, 'instance')}, ${desired} desired`,
    `  tiles      ${tiles}  ${done} of ${jobs}, ${seconds.toFixed(0)} s`,
  ].map((line) => clip(line, columns));
}

/** The same in words, for a file or a pipe. */
export function plainLine({ sample, done, jobs, seconds }: Moment): string {
  const { visible, inFlight, running, desired } = sample;
  return (
    `${seconds.toFixed(0).padStart(4)} s  ${visible} waiting, ${inFlight} being worked on; ` +
    `${count(running, 'instance')}, ${desired} desired; ${done} of ${jobs} tiles`
  );
}

function bar(width: number, total: number, parts: [Style, number][]): string {
  let used = 0;
  const blocks = parts.map(([style, value]) => {
    const cells = Math.min(width - used, Math.ceil((value / Math.max(total, 1)) * width));
    used += cells;
    return cells > 0 ? styleText(style, '█'.repeat(cells), { validateStream: false }) : '';
  });
  return blocks.join('') + styleText('gray', '·'.repeat(width - used), { validateStream: false });
}

/** A line that wraps would break the redrawing: colours count for nothing here. */
function clip(line: string, columns: number): string {
  let shown = 0;
  let out = '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one.
  for (const piece of line.split(/(\x1b\[\d+m)/)) {
    const colour = piece.startsWith('\x1b');
    out += colour ? piece : piece.slice(0, Math.max(0, columns - 1 - shown));
    if (!colour) shown += piece.length;
  }
  return out;
}
