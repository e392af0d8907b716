import { ThrottledError, UnreachableError } from '../../../client/errors.ts';
import type { Fleet } from '../../../client/fleet.ts';
import type { FleetView } from '../../../client/instances/describe.ts';
import { clip } from '../../terminal/columns.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { runInterruptibly } from '../../terminal/interrupt.ts';
import { paintFor } from '../../terminal/paint.ts';
import { printJsonLine } from '../../terminal/print.ts';
import { lineWidth } from '../../terminal/screen.ts';
import { fleetText } from './text.ts';

const CLEAR = '\x1b[2J';
const HOME = '\x1b[H';
const TO_END_OF_LINE = '\x1b[K';
const TO_END_OF_SCREEN = '\x1b[J';
/** For a terminal of unknown height. */
const DEFAULT_ROWS = 24;

export interface WatchOptions {
  seconds: number;
  retired: number;
  json?: true | undefined;
}

/**
 * Shows the fleet again and again: redrawn on a terminal, or as a line of JSON each time. Ctrl-C ends it, and so does a
 * reader that closes the pipe (`| head -n 1`).
 */
export async function watchFleet(fleet: Fleet, { seconds, retired, json }: WatchOptions): Promise<void> {
  const { clock } = fleet.context;
  if (!json) process.stdout.write(CLEAR);
  await runInterruptibly(async (signal) => {
    const closed = whenStdoutCloses();
    let last: FleetView | undefined;
    while (!closed.aborted) {
      const result = await describeFleet(fleet, retired);
      signal.throwIfAborted();
      if (!(result instanceof Error)) last = result;
      if (!json) draw(fleet, last, result instanceof Error ? result : undefined);
      else if (!(result instanceof Error)) printJsonLine(result);
      await clock.sleep(seconds * 1000, AbortSignal.any([signal, closed])).catch((error: unknown) => {
        if (!closed.aborted) throw error;
      });
    }
  }, '');
}

/** Aborted when the reader has closed the pipe. Node notices that with a write. */
function whenStdoutCloses(): AbortSignal {
  const closed = new AbortController();
  process.stdout.once('close', () => closed.abort());
  return closed.signal;
}

/** Throttling, or no answer from AWS, does not end the command. */
async function describeFleet(fleet: Fleet, retired: number): Promise<FleetView | Error> {
  try {
    return await fleet.describe({ retired });
  } catch (error) {
    if (error instanceof ThrottledError || error instanceof UnreachableError) return error;
    throw error;
  }
}

/** Draws the last view, and the error of the last call. Lines that do not fit the terminal are left out. */
function draw(fleet: Fleet, view: FleetView | undefined, error: Error | undefined): void {
  const { stdout } = process;
  const cells = lineWidth(stdout);
  const paint = paintFor(stdout);
  const shown = view ? fleetText(view, fleet.context.clock.now(), paint, cells).split('\n') : [];
  const message = error ? [paint('red', clip(escapeLine(error.message), cells)), ''] : [];
  const lines = [...message, ...shown];
  const rows = Math.max(2, (stdout.rows || DEFAULT_ROWS) - 1);
  const fitting =
    lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `${lines.length - rows + 1} more lines`];
  const text = fitting.map((line) => `${clip(line, cells)}${TO_END_OF_LINE}`).join('\n');
  stdout.write(`${HOME}${text}\n${TO_END_OF_SCREEN}`);
}
