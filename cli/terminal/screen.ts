/** A terminal, a file or a pipe; in tests a list of lines. */
export interface Screen {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
  /** Whether it shows colours. `tty.WriteStream` honours `NO_COLOR` and `TERM=dumb`. */
  hasColors?(): boolean;
}

const DEFAULT_COLUMNS = 80;

/** Usable cells of a line: one less than the terminal has, because it wraps when the last one is written. */
export function lineWidth(screen: Pick<Screen, 'columns'>): number {
  return Math.max(1, (screen.columns || DEFAULT_COLUMNS) - 1);
}
