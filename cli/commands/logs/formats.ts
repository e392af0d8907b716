import { isUtf8 } from 'node:buffer';
import type { LogPiece, LogStream, Output } from '../../../client/logs/logs.ts';
import { escapeJson } from '../../terminal/escape.ts';

/** A format for the output of a job. */
export interface LogFormat {
  /** What to write for a piece. */
  format(piece: Output): Uint8Array[];
  /** What is left to write at the end of a try. */
  flush(): { stream: LogStream; bytes: Uint8Array }[];
}

/** The bytes, unchanged. */
export const plainFormat: LogFormat = { format: ({ bytes }) => [bytes], flush: () => [] };

const NEWLINE = 0x0a;
/** A longer line is split. */
const LONGEST_LINE = 64 * 1024;

/** Each line with the time of its first byte. A line is written when it is complete. */
export function timestampFormat(): LogFormat {
  const lines = { stdout: new Line(), stderr: new Line() };
  return {
    format({ stream, bytes, atMs }) {
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
    flush: () =>
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

  /** The text so far as a line, with its time. */
  take(): Uint8Array {
    if (this.#length === 0) return new Uint8Array();
    const time = this.#atMs === undefined ? '-' : new Date(this.#atMs).toISOString();
    const line = Buffer.concat([Buffer.from(`${time} `), ...this.#parts]);
    this.#parts = [];
    this.#length = 0;
    return line.at(-1) === NEWLINE ? line : Buffer.concat([line, Buffer.of(NEWLINE)]);
  }
}

/** The longest piece in one line of JSON, because readers limit the length of a line. */
const LONGEST_PIECE = 64 * 1024;

/** A line of JSON for each piece: time, stream, and the bytes as text, or as base64 if they are not UTF-8. */
export function jsonFormat(): LogFormat {
  const incomplete = { stdout: Buffer.of(), stderr: Buffer.of() };
  const line = (stream: LogStream, bytes: Buffer, atMs?: number) =>
    jsonLine({
      ...timeOf(atMs),
      stream,
      ...(isUtf8(bytes) ? { text: bytes.toString() } : { base64: bytes.toString('base64') }),
    });
  return {
    format({ stream, bytes, atMs }) {
      const lines: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += LONGEST_PIECE) {
        const all = Buffer.concat([incomplete[stream], bytes.subarray(at, at + LONGEST_PIECE)]);
        const whole = all.length - incompleteTail(all);
        incomplete[stream] = all.subarray(whole);
        if (whole > 0) lines.push(line(stream, all.subarray(0, whole), atMs));
      }
      return lines;
    },
    flush: () =>
      (['stdout', 'stderr'] as const).flatMap((stream) => {
        const left = incomplete[stream];
        incomplete[stream] = Buffer.of();
        return left.length > 0 ? [{ stream, bytes: line(stream, left) }] : [];
      }),
  };
}

/** A line of JSON for missing bytes. */
export function holeToJson({ atMs, stream, bytes, why }: LogPiece & { kind: 'hole' }): Uint8Array {
  return jsonLine({ ...timeOf(atMs), stream, [why]: bytes });
}

function timeOf(atMs: number | undefined): { at?: string } {
  return atMs === undefined ? {} : { at: new Date(atMs).toISOString() };
}

function jsonLine(value: object): Uint8Array {
  return Buffer.from(`${escapeJson(JSON.stringify(value))}\n`);
}

/** The number of bytes at the end that are an incomplete UTF-8 character: 0 to 3. */
function incompleteTail(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte >= 0x80 && byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}
