import { isUtf8 } from 'node:buffer';
import type { LogPiece, LogStream, Output } from '../../../client/logs/logs.ts';
import { escapeJson } from '../../terminal/escape.ts';

/** A form in which output is written: what to write for a piece of it, and for what is held back when a try is over. */
export interface LogForm {
  of(piece: Output): Uint8Array[];
  rest(): { stream: LogStream; bytes: Uint8Array }[];
}

/** As it came. */
export const plainForm: LogForm = { of: ({ bytes }) => [bytes], rest: () => [] };

const NEWLINE = 0x0a;
/** A line that is longer goes on in another one. */
const LONGEST_LINE = 64 * 1024;

/** Each line with the time at which its first byte came. One is written when it is whole. */
export function stampedForm(): LogForm {
  const lines = { stdout: new Line(), stderr: new Line() };
  return {
    of({ stream, bytes, atMs }) {
      const done: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; ) {
        const newline = bytes.indexOf(NEWLINE, at);
        const end = Math.min(newline < 0 ? bytes.length : newline + 1, at + lines[stream].room);
        lines[stream].add(bytes.subarray(at, end), atMs);
        if (end === newline + 1 || lines[stream].room === 0) done.push(lines[stream].take());
        at = end;
      }
      return done;
    },
    rest: () =>
      (['stdout', 'stderr'] as const)
        .map((stream) => ({ stream, bytes: lines[stream].take() }))
        .filter(({ bytes }) => bytes.length > 0),
  };
}

class Line {
  #parts: Uint8Array[] = [];
  #length = 0;
  #atMs: number | undefined;

  get room(): number {
    return LONGEST_LINE - this.#length;
  }

  add(bytes: Uint8Array, atMs: number | undefined): void {
    if (this.#length === 0) this.#atMs = atMs;
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }

  /** What there is, with its time, as a line. */
  take(): Uint8Array {
    if (this.#length === 0) return new Uint8Array();
    const time = this.#atMs === undefined ? '-' : new Date(this.#atMs).toISOString();
    const line = Buffer.concat([Buffer.from(`${time} `), ...this.#parts]);
    this.#parts = [];
    this.#length = 0;
    return line.at(-1) === NEWLINE ? line : Buffer.concat([line, Buffer.of(NEWLINE)]);
  }
}

/** Of one JSON line, so that no line is longer than what a reader takes. */
const LONGEST_PIECE = 64 * 1024;

/** A JSON object a line: when, of which stream, and the bytes as text, or in base64 where they are none. */
export function jsonForm(): LogForm {
  const held = { stdout: Buffer.of(), stderr: Buffer.of() };
  const line = (stream: LogStream, bytes: Buffer, atMs?: number) =>
    jsonLine({
      ...timeOf(atMs),
      stream,
      ...(isUtf8(bytes) ? { text: bytes.toString() } : { base64: bytes.toString('base64') }),
    });
  return {
    of({ stream, bytes, atMs }) {
      const lines: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += LONGEST_PIECE) {
        const all = Buffer.concat([held[stream], bytes.subarray(at, at + LONGEST_PIECE)]);
        const whole = all.length - incompleteTail(all);
        held[stream] = all.subarray(whole);
        if (whole > 0) lines.push(line(stream, all.subarray(0, whole), atMs));
      }
      return lines;
    },
    rest: () =>
      (['stdout', 'stderr'] as const).flatMap((stream) => {
        const left = held[stream];
        held[stream] = Buffer.of();
        return left.length > 0 ? [{ stream, bytes: line(stream, left) }] : [];
      }),
  };
}

/** The same of bytes that are missing. */
export function jsonOfHole({ atMs, stream, bytes, why }: LogPiece & { kind: 'hole' }): Uint8Array {
  return jsonLine({ ...timeOf(atMs), stream, [why]: bytes });
}

function timeOf(atMs: number | undefined): { at?: string } {
  return atMs === undefined ? {} : { at: new Date(atMs).toISOString() };
}

function jsonLine(value: object): Uint8Array {
  return Buffer.from(`${escapeJson(JSON.stringify(value))}\n`);
}

/** Bytes at the end that begin a character of UTF-8 and are not all of it: 0 to 3. */
function incompleteTail(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0x80 && byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}
