import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Try } from '../../jobs/record.ts';
import { areOverlong, boundTries, MAX_KEPT_OUTPUT_BYTES, MAX_KEPT_TRIES } from '../../jobs/tries.ts';

const tryOf = (key: number, text?: string): Try => ({
  key: `${key}`.padStart(3, '0'),
  instance: 'i-1',
  startedAt: '2030-01-01T00:00:00.000Z',
  ...(text !== undefined && {
    log: {
      stdout: { bytes: Buffer.byteLength(text), text },
      stderr: { bytes: 9, chunks: 3 },
      times: [[1, 1, Buffer.byteLength(text)]],
    },
  }),
});

test('the newest tries stay, and of older ones that do not fit only the counts of their output', () => {
  const long = 'é'.repeat(3000);
  const bounded = boundTries(Array.from({ length: 25 }, (_, key) => tryOf(key, long)));
  expect(bounded.map(({ key }) => Number(key))).toEqual(Array.from({ length: 20 }, (_, key) => key + 5));
  expect(bounded.filter(({ log }) => log?.stdout.text === long)).toHaveLength(2);
  expect(bounded.at(-1)).toEqual(tryOf(24, long));
  expect(bounded.at(-3)).toEqual({
    ...tryOf(22),
    log: { stdout: { bytes: 6000 }, stderr: { bytes: 9, chunks: 3 } },
  });
});

test('the newest results stay, always that of the last try, and older ones that do not fit are left out', () => {
  const result = 'é'.repeat(2048);
  const output = 'x'.repeat(4096);
  const bounded = boundTries(Array.from({ length: 5 }, (_, key) => ({ ...tryOf(key, output), result })));
  expect(bounded.map((one) => [one.result?.length, one.log?.stdout.text?.length])).toEqual([
    [undefined, undefined],
    [undefined, undefined],
    [undefined, undefined],
    [undefined, undefined],
    [2048, 4096],
  ]);
  const silent = boundTries(Array.from({ length: 5 }, (_, key) => ({ ...tryOf(key), result })));
  expect(silent.map((one) => 'result' in one)).toEqual([false, true, true, true, true]);
});

const anyTry = fc.tuple(fc.nat(), fc.option(fc.string({ maxLength: 9000 }), { nil: undefined }));

test('bounded tries are never overlong, keep their order and the newest, and are not changed by bounding again', () => {
  fc.assert(
    fc.property(fc.array(anyTry, { maxLength: 40, size: 'max' }), (given) => {
      const tries = given.map(([key, text]) => tryOf(key, text));
      const bounded = boundTries(tries);
      expect(bounded.map(({ key }) => key)).toEqual(tries.slice(-MAX_KEPT_TRIES).map(({ key }) => key));
      expect(areOverlong(bounded)).toBe(false);
      const texts = bounded.map(({ log }) => log?.stdout.text ?? '').join('');
      expect(Buffer.byteLength(texts)).toBeLessThanOrEqual(MAX_KEPT_OUTPUT_BYTES);
      expect(boundTries(bounded)).toEqual(bounded);
    }),
    { numRuns: 50 },
  );
});
