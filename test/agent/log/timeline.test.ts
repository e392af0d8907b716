import fc from 'fast-check';
import { expect, test } from 'vitest';
import { STREAM_NUMBERS, type Stream, Timeline } from '../../../agent/log/timeline.ts';

const NOW = 1_800_000_000_000;

test('output that comes at once is one entry, output that comes later or on the other stream is another', () => {
  const timeline = new Timeline();
  timeline.add(NOW, 'stdout', 1);
  timeline.add(NOW + 9, 'stdout', 2);
  timeline.add(NOW + 10, 'stdout', 3);
  timeline.add(NOW + 10, 'stderr', 4);
  timeline.add(NOW + 10, 'stdout', 5);
  expect(timeline.entries.map(({ ms, stream, bytes }) => [ms - NOW, stream, bytes])).toEqual([
    [0, 'stdout', 3],
    [10, 'stdout', 3],
    [10, 'stderr', 4],
    [10, 'stdout', 5],
  ]);
});

test('an index has only bytes that are written, and all of them once they are', () => {
  const timeline = new Timeline();
  timeline.add(NOW, 'stdout', 10);
  timeline.add(NOW + 20, 'stderr', 5);
  timeline.add(NOW + 40, 'stdout', 10);
  expect(timeline.takeIndex({ stdout: 0, stderr: 5 })).toBe('');
  expect(timeline.takeIndex({ stdout: 4, stderr: 5 })).toBe(`${NOW} 1 4\n`);
  expect(timeline.takeIndex({ stdout: 15, stderr: 5 })).toBe(
    `${NOW} 1 6\n${NOW + 20} 2 5\n${NOW + 40} 1 5\n`,
  );
  expect(timeline.takeIndex({ stdout: 20, stderr: 5 })).toBe(`${NOW + 40} 1 5\n`);
  expect(timeline.length).toBe(0);
});

test('a loss is one entry where it happened, however long it lasts', () => {
  const timeline = new Timeline();
  timeline.add(NOW, 'stdout', 10);
  for (let at = 0; at < 1000; at += 1) {
    timeline.addLost(NOW + at, 'stdout', 1);
    timeline.addLost(NOW + at, 'stderr', 2);
  }
  timeline.add(NOW + 1000, 'stdout', 10);
  expect(timeline.length).toBe(4);
  expect(timeline.takeIndex({ stdout: 20, stderr: 0 })).toBe(
    `${NOW} 1 10\n${NOW} 1 -1000\n${NOW} 2 -2000\n${NOW + 1000} 1 10\n`,
  );
});

test('bytes that are not written at the end are recorded as lost', () => {
  const timeline = new Timeline();
  timeline.add(NOW, 'stdout', 10);
  timeline.add(NOW, 'stderr', 10);
  expect(timeline.takeIndex({ stdout: 4, stderr: 10 }, true)).toBe(`${NOW} 1 4\n${NOW} 1 -6\n${NOW} 2 10\n`);
  expect(timeline.length).toBe(0);
});

/** Output that comes, and from time to time how much of it is written: never more than came. */
const events = fc.array(
  fc.record({
    stream: fc.constantFrom<Stream>('stdout', 'stderr'),
    bytes: fc.integer({ min: 1, max: 50 }),
    lost: fc.boolean(),
    ms: fc.integer({ min: 0, max: 30 }),
    written: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  }),
  { maxLength: 60 },
);

test('all indices together have each byte once, in order', () => {
  fc.assert(
    fc.property(events, (list) => {
      const timeline = new Timeline();
      const kept = { stdout: 0, stderr: 0 };
      const written = { stdout: 0, stderr: 0 };
      const came: string[] = [];
      let text = '';
      let ms = NOW;
      for (const event of list) {
        ms += event.ms;
        came.push(...letters(STREAM_NUMBERS[event.stream], event.lost, event.bytes));
        if (event.lost) timeline.addLost(ms, event.stream, event.bytes);
        else {
          timeline.add(ms, event.stream, event.bytes);
          kept[event.stream] += event.bytes;
        }
        if (event.written === null) continue;
        for (const stream of ['stdout', 'stderr'] as const) {
          written[stream] += Math.floor((kept[stream] - written[stream]) * event.written);
        }
        text += timeline.takeIndex(written);
      }
      text += timeline.takeIndex(kept, true);
      const told = text.split('\n').flatMap((line) => {
        const [, number = '', bytes = ''] = line.split(' ');
        return letters(Number(number), bytes.startsWith('-'), Math.abs(Number(bytes)));
      });
      // Losses of both streams at the same time are one entry each.
      expect(untangled(told)).toEqual(untangled(came));
    }),
  );
});

function letters(number: number, lost: boolean, bytes: number): string[] {
  return Array.from({ length: bytes }, () => `${lost ? '-' : ''}${number}`);
}

/** Sorts each run of lost bytes. */
function untangled(list: string[]): string[] {
  const result: string[] = [];
  let lost: string[] = [];
  for (const one of [...list, '']) {
    if (one.startsWith('-')) lost.push(one);
    else {
      result.push(...lost.sort(), one);
      lost = [];
    }
  }
  return result;
}
