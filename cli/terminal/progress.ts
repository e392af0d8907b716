import { type Clock, systemClock } from '../../aws/clock.ts';
import { bar } from './bar.ts';
import { clip } from './columns.ts';
import { paintFor } from './paint.ts';
import { lineWidth, type Screen } from './screen.ts';

/** The progress at a moment: a text, and how much is done if that is known. */
export interface ProgressState {
  /** Escaped; one line. */
  text: string;
  done?: number;
  total?: number;
}

/**
 * Shows the progress of a command. A terminal has one line that is redrawn, at most ten times a second. A file or a pipe gets
 * a line every ten seconds, the first after two seconds, so that a fast command prints none.
 */
export interface Progress {
  show(moment: ProgressState): void;
  /** Prints a line that stays. */
  say(line: string): void;
  /** Removes the progress line. Nothing is shown afterwards. */
  end(): void;
}

const REDRAW_MS = 100;
const FIRST_LINE_MS = 2_000;
const NEXT_LINE_MS = 10_000;
const WIDEST_BAR = 30;
const CLEAR = '\r\x1b[2K';

/** @param screen where to show it. Default: stderr, because stdout is for data. */
export function createProgress(screen: Screen = process.stderr, clock: Clock = systemClock): Progress {
  return screen.isTTY === true ? redrawn(screen, clock) : plain(screen, clock);
}

function redrawn(screen: Screen, clock: Clock): Progress {
  let last: ProgressState | undefined;
  let drawnMs = Number.NEGATIVE_INFINITY;
  const draw = (moment: ProgressState) => {
    screen.write(CLEAR + drawing(moment, screen));
    drawnMs = clock.monotonic();
  };
  return {
    show(moment) {
      last = moment;
      if (clock.monotonic() - drawnMs >= REDRAW_MS) draw(moment);
    },
    say(line) {
      screen.write(`${CLEAR}${line}\n`);
      if (last) draw(last);
    },
    end() {
      if (last) screen.write(CLEAR);
      last = undefined;
    },
  };
}

function drawing({ text, done, total }: ProgressState, screen: Screen): string {
  const cells = lineWidth(screen);
  if (done === undefined || total === undefined) return clip(text, cells);
  const width = Math.min(WIDEST_BAR, Math.floor(cells / 3));
  return clip(`${bar(width, total, [['green', done]], paintFor(screen))}  ${text}`, cells);
}

function plain(screen: Screen, clock: Clock): Progress {
  let dueMs = clock.monotonic() + FIRST_LINE_MS;
  let last = '';
  return {
    show({ text }) {
      if (clock.monotonic() < dueMs || text === last) return;
      dueMs = clock.monotonic() + NEXT_LINE_MS;
      last = text;
      screen.write(`${text}\n`);
    },
    say: (line) => void screen.write(`${line}\n`),
    end() {},
  };
}
