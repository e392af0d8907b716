import type { LogStream } from './pieces.ts';

/** One line of an index: what came of a stream at a time, or what of it was lost (`store/log-layout.ts`). */
export interface IndexLine {
  atMs: number;
  stream: LogStream;
  bytes: number;
  lost: boolean;
}

const LINE = /^(\d{1,15}) ([12]) (-?)(\d{1,15})$/;
/** Of a line that cannot be read, in the error. */
const LONGEST_SHOWN = 80;

/**
 * The lines of an index.
 *
 * @throws Error that quotes the first line that is not one
 */
export function readIndex(text: string): IndexLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(readLine);
}

function readLine(line: string): IndexLine {
  const [, atMs, stream, minus, bytes] = LINE.exec(line) ?? [];
  if (bytes === undefined) throw new Error(`'${line.slice(0, LONGEST_SHOWN)}' is no line of an index`);
  return {
    atMs: Number(atMs),
    stream: stream === '1' ? 'stdout' : 'stderr',
    bytes: Number(bytes),
    lost: minus === '-',
  };
}
