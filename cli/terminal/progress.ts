import { type Clock, systemClock } from '../../aws/clock.ts';
import { bar } from './bar.ts';
import { clip } from './columns.ts';
import { paintFor } from './paint.ts';
import { lineWidth, type Screen } from './screen.ts';

/** What goes on at a moment: a sentence, and how much of it is done if that is known. */
export interface Moment {
  /** Escaped; one line. */
  text: string;
  done?: number;
  total?: number;
}

/**
 * Tells a person what goes on while it does: on a terminal one line that is redrawn, at most ten times a second; to a
 * file or a pipe a line now and then, the first after two seconds, so that what is quick leaves none.
 */
export interface Progress {
  show(moment: Moment): void;
  /** A line that stays. */
  say(line: string): void;
  /** Takes the line away. Nothing is shown afterwards. */
  end(): void;
}

const REDRAW_MS = 100;
const FIRST_LINE_MS = 2_000;
const NEXT_LINE_MS = 10_000;
const WIDEST_BAR = 30;
const CLEAR = '\r\x1b[2K';

/** @param screen where it is shown; stdout is for data, so by default stderr */
export function createProgress(screen: Screen = process.stderr, clock: Clock = systemClock): Progress {
  return screen.isTTY === true ? redrawn(screen, clock) : plain(screen, clock);
}

function redrawn(screen: Screen, clock: Clock): Progress {
  let last: Moment | undefined;
  let drawnMs = Number.NEGATIVE_INFINITY;
  const draw = (moment: Moment) => {
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

function drawing({ text, done, total }: Moment, screen: Screen): string {
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
