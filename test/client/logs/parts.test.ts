import { describe, expect, it, test } from 'vitest';
import { readIndex } from '../../../client/logs/index-lines.ts';
import { inlinePieces, isInBucket } from '../../../client/logs/inline.ts';
import { NumberedObjects } from '../../../client/logs/numbered-objects.ts';
import { LogPosition } from '../../../client/logs/pieces.ts';
import type { TryLog } from '../../../jobs/record.ts';

describe('an index', () => {
  it('says what was written when, and what was lost', () => {
    expect(readIndex('1700000000000 1 12\n1700000000005 2 -3\n')).toEqual([
      { atMs: 1_700_000_000_000, stream: 'stdout', bytes: 12, lost: false },
      { atMs: 1_700_000_000_005, stream: 'stderr', bytes: 3, lost: true },
    ]);
    expect(readIndex('')).toEqual([]);
  });

  test.each(['1 3 5', '1 1', 'x 1 5', '1 1 5 6', '1 1 +5', '1 1 1e3', ' 1 1 5'])(
    "'%s' is no line",
    (line) => {
      expect(() => readIndex(`1 1 5\n${line}\n`)).toThrow(line);
    },
  );
});

const STARTED = '2026-01-01T00:00:00.000Z';
const startedMs = Date.parse(STARTED);

function shown(log: TryLog, from = new LogPosition()) {
  return inlinePieces({ startedAt: STARTED, log }, from).map((piece) =>
    piece.kind === 'output' ? [piece.stream, piece.atMs, Buffer.from(piece.bytes).toString('latin1')] : piece,
  );
}

describe('a log in the record', () => {
  const log: TryLog = {
    stdout: { bytes: 6, text: 'a\nb\nc\n' },
    stderr: { bytes: 2, base64: Buffer.from([0xff, 10]).toString('base64') },
    times: [
      [0, 1, 2],
      [5, 2, 2],
      [7, 1, 4],
    ],
  };

  it('is read in the order in which it was written, text or bytes', () => {
    expect(shown(log)).toEqual([
      ['stdout', startedMs, 'a\n'],
      ['stderr', startedMs + 5, '\xff\n'],
      ['stdout', startedMs + 7, 'b\nc\n'],
    ]);
  });

  it('goes on at a position, also in the middle of one write', () => {
    const from = new LogPosition();
    from.pass({ kind: 'output', stream: 'stdout', bytes: Buffer.from('a\nb') });
    expect(shown(log, from)).toEqual([
      ['stderr', startedMs + 5, '\xff\n'],
      ['stdout', startedMs + 7, '\nc\n'],
    ]);
  });

  it('is read without times too, and beyond the last of them', () => {
    const { times: _, ...without } = log;
    expect(shown(without)).toEqual([
      ['stdout', undefined, 'a\nb\nc\n'],
      ['stderr', undefined, '\xff\n'],
    ]);
    expect(shown({ ...log, times: [[0, 1, 2]] })).toEqual([
      ['stdout', startedMs, 'a\n'],
      ['stdout', undefined, 'b\nc\n'],
      ['stderr', undefined, '\xff\n'],
    ]);
  });

  it('is in the bucket if any chunk is', () => {
    expect(isInBucket(log)).toBe(false);
    expect(isInBucket(undefined)).toBe(false);
    expect(isInBucket({ ...log, stderr: { bytes: 9, chunks: 1 } })).toBe(true);
  });
});

describe('numbered objects', () => {
  const MIB = 1024 * 1024;

  function objects(count: () => number, bytes = 1) {
    const asked: number[] = [];
    const numbered = new NumberedObjects(async (number) => {
      asked.push(number);
      return number <= count() ? new Uint8Array(bytes).fill(number) : undefined;
    });
    return { numbered, asked };
  }

  it('come in their order, more and more of them fetched ahead, eight at most', async () => {
    const { numbered, asked } = objects(() => 100);
    const ahead: number[] = [];
    for (let number = 1; number <= 10; number += 1) {
      expect((await numbered.next())?.[0]).toBe(number);
      ahead.push(asked.length - number);
    }
    expect(ahead).toEqual([1, 2, 4, 8, 8, 8, 8, 8, 8, 8]);
    expect(asked).toEqual([...new Set(asked)]);
  });

  it('are fetched ahead up to 16 MiB', async () => {
    const { numbered, asked } = objects(() => 100, 5 * MIB);
    for (let number = 1; number <= 5; number += 1) await numbered.next();
    expect(asked.length).toBe(5 + 3);
  });

  it('are requested one by one if none exists yet', async () => {
    let count = 1;
    const { numbered, asked } = objects(() => count);
    await numbered.next();
    expect(await numbered.next()).toBeUndefined();
    asked.length = 0;
    expect(await numbered.next()).toBeUndefined();
    expect(asked).toEqual([2]);
    count = 2;
    expect((await numbered.next())?.[0]).toBe(2);
    expect(numbered.taken).toBe(2);
  });

  it('are found even if they did not exist when they were fetched ahead', async () => {
    let count = 1;
    const { numbered } = objects(() => count);
    await numbered.next();
    count = 2;
    expect((await numbered.next())?.[0]).toBe(2);
  });

  it('fail only if they are taken', async () => {
    const numbered = new NumberedObjects(async (number) => {
      if (number === 2) throw new Error('no answer');
      return new Uint8Array(number);
    });
    await numbered.next();
    await new Promise(setImmediate);
    await expect(numbered.next()).rejects.toThrow('no answer');
  });
});
