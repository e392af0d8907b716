import { type Clock, systemClock } from '../../aws/clock.ts';
import { clip } from './columns.ts';
import { lineWidth, type Screen } from './screen.ts';

/**
 * Shows a few lines that change while a command waits. A terminal has them redrawn. A file or a pipe gets the lines that have
 * changed, every ten seconds, the first after two seconds, so that a fast command prints none.
 */
export interface Live {
  /** @param lines escaped. Further lines than the screen has are counted. */
  show(lines: readonly string[]): void;
  /** Removes the lines from a terminal. */
  end(): void;
}

export interface LiveScreen extends Screen {
  rows?: number;
}

const FIRST_LINES_MS = 2_000;
const NEXT_LINES_MS = 10_000;
/** For a terminal of unknown height. */
const DEFAULT_ROWS = 24;
const TO_END_OF_SCREEN = '\x1b[J';

/** @param screen where to show them. Default: stderr, because stdout is for data. */
export function createLive(screen: LiveScreen = process.stderr, clock: Clock = systemClock): Live {
  return screen.isTTY === true ? redrawn(screen) : changed(screen, clock);
}

function redrawn(screen: LiveScreen): Live {
  let drawn = 0;
  const back = () => (drawn === 0 ? '\r' : `\r\x1b[${drawn}A`);
  return {
    show(lines) {
      const rows = Math.max(2, (screen.rows || DEFAULT_ROWS) - 1);
      const fitting =
        lines.length <= rows
          ? lines
          : [...lines.slice(0, rows - 1), `and ${lines.length - rows + 1} more lines`];
      const text = fitting.map((line) => `${clip(line, lineWidth(screen))}\x1b[K\n`).join('');
      screen.write(`${back()}${text}${TO_END_OF_SCREEN}`);
      drawn = fitting.length;
    },
    end() {
      if (drawn > 0) screen.write(`${back()}${TO_END_OF_SCREEN}`);
      drawn = 0;
    },
  };
}

function changed(screen: Screen, clock: Clock): Live {
  let dueMs = clock.monotonic() + FIRST_LINES_MS;
  let last = new Set<string>();
  return {
    show(lines) {
      if (clock.monotonic() < dueMs) return;
      const fresh = lines.filter((line) => !last.has(line));
      last = new Set(lines);
      if (fresh.length === 0) return;
      dueMs = clock.monotonic() + NEXT_LINES_MS;
      screen.write(fresh.map((line) => `${line}\n`).join(''));
    },
    end() {},
  };
}
