import { Throttled, Unreachable } from '../../../client/errors.ts';
import type { Fleet } from '../../../client/fleet.ts';
import type { FleetView } from '../../../client/instances/instances.ts';
import { clip } from '../../terminal/columns.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { paintFor } from '../../terminal/paint.ts';
import { printJsonLine } from '../../terminal/print.ts';
import { lineWidth } from '../../terminal/screen.ts';
import { fleetText } from './fleet-text.ts';
import { untilInterrupted } from '../interrupt.ts';

const CLEAR = '\x1b[2J';
const HOME = '\x1b[H';
const TO_END_OF_LINE = '\x1b[K';
const TO_END_OF_SCREEN = '\x1b[J';
/** Of a terminal that does not tell how high it is. */
const DEFAULT_ROWS = 24;

export interface WatchOptions {
  seconds: number;
  retired: number;
  json?: true | undefined;
}

/**
 * Looks again and again: on a terminal what is seen is drawn anew, with `json` each look is a line. Ctrl-C ends it, and so
 * does a reader that has seen enough (`| head -n 1`).
 */
export async function watchFleet(fleet: Fleet, { seconds, retired, json }: WatchOptions): Promise<void> {
  const { clock } = fleet.context;
  if (!json) process.stdout.write(CLEAR);
  await untilInterrupted(async (signal) => {
    const left = readerLeft();
    let last: FleetView | undefined;
    while (!left.aborted) {
      const seen = await look(fleet, retired);
      signal.throwIfAborted();
      if (!(seen instanceof Error)) last = seen;
      if (!json) draw(fleet, last, seen instanceof Error ? seen : undefined);
      else if (!(seen instanceof Error)) printJsonLine(seen);
      await clock.sleep(seconds * 1000, AbortSignal.any([signal, left])).catch((error: unknown) => {
        if (!left.aborted) throw error;
      });
    }
  }, '');
}

/** Aborted when nobody reads any more what is printed: of a pipe that is known once it was written to. */
function readerLeft(): AbortSignal {
  const left = new AbortController();
  process.stdout.once('close', () => left.abort());
  return left.signal;
}

/** AWS that is silent for a moment, or wants fewer calls, ends nothing. */
async function look(fleet: Fleet, retired: number): Promise<FleetView | Error> {
  try {
    return await fleet.describe({ retired });
  } catch (error) {
    if (error instanceof Throttled || error instanceof Unreachable) return error;
    throw error;
  }
}

/** What was seen last, and why it could not be seen anew. What has no room on the terminal is left out. */
function draw(fleet: Fleet, view: FleetView | undefined, trouble: Error | undefined): void {
  const { stdout } = process;
  const cells = lineWidth(stdout);
  const paint = paintFor(stdout);
  const shown = view ? fleetText(view, fleet.context.clock.now(), paint, cells).split('\n') : [];
  const said = trouble ? [paint('red', clip(escapeLine(trouble.message), cells)), ''] : [];
  const lines = [...said, ...shown];
  const rows = Math.max(2, (stdout.rows || DEFAULT_ROWS) - 1);
  const fitting =
    lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `${lines.length - rows + 1} more lines`];
  const text = fitting.map((line) => `${clip(line, cells)}${TO_END_OF_LINE}`).join('\n');
  stdout.write(`${HOME}${text}\n${TO_END_OF_SCREEN}`);
}
