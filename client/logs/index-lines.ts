import type { LogStream } from './pieces.ts';

/** One line of an index: bytes of a stream that were written at a time, or that were lost (`store/bucket-keys.ts`). */
export interface IndexLine {
  atMs: number;
  stream: LogStream;
  bytes: number;
  lost: boolean;
}

const LINE = /^(\d{1,15}) ([12]) (-?)(\d{1,15})$/;
/** Most characters of an unreadable line that the error quotes. */
const LONGEST_SHOWN = 80;

/**
 * Parses the lines of an index.
 *
 * @throws Error that quotes the first line that is not valid
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
