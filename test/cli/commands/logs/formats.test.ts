import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonFormat, timestampFormat } from '../../../../cli/commands/logs/formats.ts';
import type { LogStream } from '../../../../client/logs/logs.ts';

const AT_MS = Date.parse('2026-01-02T03:04:05.000Z');
const STAMP = '2026-01-02T03:04:05.000Z ';

const pieces = fc.array(
  fc.record({
    stream: fc.constantFrom<LogStream>('stdout', 'stderr'),
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 20 }),
      fc.string({ unit: 'grapheme', maxLength: 9 }).map((text) => new Uint8Array(Buffer.from(text))),
    ),
  }),
);

describe('JSON lines', () => {
  it('have all bytes, whatever they are and in whatever pieces they come', () => {
    fc.assert(
      fc.property(pieces, (all) => {
        const form = jsonFormat();
        const lines = all.flatMap((piece) => form.format({ kind: 'output', ...piece }));
        lines.push(...form.flush().map(({ bytes }) => bytes));
        const read = lines.map((line) => JSON.parse(Buffer.from(line).toString()));
        for (const stream of ['stdout', 'stderr']) {
          const got = read
            .filter((one) => one.stream === stream)
            .map(({ text, base64 }) => Buffer.from(text ?? base64, text === undefined ? 'base64' : 'utf8'));
          const came = all.filter((one) => one.stream === stream).map(({ bytes }) => bytes);
          expect(Buffer.concat(got)).toEqual(Buffer.concat(came));
        }
      }),
    );
  });

  it('are text if the bytes are UTF-8, also with a character in two pieces, and have a maximum length', () => {
    const form = jsonFormat();
    const [first = 0, ...others] = Buffer.from('ä');
    const parse = (lines: Uint8Array[]) => lines.map((line) => JSON.parse(Buffer.from(line).toString()));
    const of = (bytes: Uint8Array) =>
      parse(form.format({ kind: 'output', stream: 'stdout', bytes, atMs: AT_MS }));
    expect(of(Uint8Array.of(first))).toEqual([]);
    expect(of(Uint8Array.from(others))).toEqual([{ at: STAMP.trim(), stream: 'stdout', text: 'ä' }]);
    expect(of(Buffer.alloc(150_000, 'a')).map(({ text }) => text.length)).toEqual([65_536, 65_536, 18_928]);
  });
});

describe('lines with times', () => {
  const form = timestampFormat();
  const of = (text: string, atMs?: number) =>
    form
      .format({
        kind: 'output',
        stream: 'stdout',
        bytes: Buffer.from(text),
        ...(atMs !== undefined && { atMs }),
      })
      .map((line) => Buffer.from(line).toString());

  it('have the time of their first byte, and are written when they are complete', () => {
    expect(of('a\nb', AT_MS)).toEqual([`${STAMP}a\n`]);
    expect(of('c\n\n', AT_MS + 1000)).toEqual([`${STAMP}bc\n`, '2026-01-02T03:04:06.000Z \n']);
    expect(of('x\n')).toEqual(['- x\n']);
    expect(of('end', AT_MS)).toEqual([]);
    const rest = form.flush().map(({ stream, bytes }) => [stream, Buffer.from(bytes).toString()]);
    expect(rest).toEqual([['stdout', `${STAMP}end\n`]]);
  });

  it('are split if they are very long', () => {
    const lines = of(`${'a'.repeat(70_000)}\n`, AT_MS);
    expect(lines.map((line) => line.length)).toEqual([65_536 + 26, 70_000 - 65_536 + 26]);
  });
});
