/** A terminal, or what stands in for it: a file, a pipe, a test's list of lines. */
export interface Screen {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
  /** Whether it shows colours: `tty.WriteStream`'s own answer, which honours `NO_COLOR` and `TERM=dumb`. */
  hasColors?(): boolean;
}

const DEFAULT_COLUMNS = 80;

/** Cells of one line. One less than there are: a terminal wraps when the last one is written. */
export function lineWidth(screen: Pick<Screen, 'columns'>): number {
  return Math.max(1, (screen.columns || DEFAULT_COLUMNS) - 1);
}
