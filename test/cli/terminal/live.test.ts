import { expect, test } from 'vitest';
import { createLive } from '../../../cli/terminal/live.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function screenOf(more: { isTTY?: boolean; columns?: number; rows?: number } = {}) {
  const written: string[] = [];
  return { written, screen: { ...more, write: (text: string) => written.push(text) } };
}

test('a terminal has the lines redrawn over the earlier ones, cut to its width, and removed at the end', () => {
  const { written, screen } = screenOf({ isTTY: true, columns: 6 });
  const live = createLive(screen);
  live.show(['one', 'a long line']);
  live.show(['three']);
  live.end();
  live.end();
  expect(written).toEqual([
    '\rone\x1b[K\na lo…\x1b[K\n\x1b[J',
    '\r\x1b[2Athree\x1b[K\n\x1b[J',
    '\r\x1b[1A\x1b[J',
  ]);
});

test('lines that a terminal has no room for are counted', () => {
  const { written, screen } = screenOf({ isTTY: true, columns: 80, rows: 4 });
  createLive(screen).show(['1', '2', '3', '4', '5']);
  expect(written[0]).toBe('\r1\x1b[K\n2\x1b[K\nand 3 more lines\x1b[K\n\x1b[J');
});

test('a file gets the lines that have changed, after two seconds and then every ten', async () => {
  const { written, screen } = screenOf();
  const clock = new ManualClock();
  const live = createLive(screen, clock);
  live.show(['a 0', 'b 0']);
  await clock.advance(2000);
  live.show(['a 0', 'b 0']);
  await clock.advance(9000);
  live.show(['a 0', 'b 1']);
  await clock.advance(1000);
  live.show(['a 0', 'b 2']);
  await clock.advance(60_000);
  live.show(['a 0', 'b 2']);
  live.end();
  expect(written).toEqual(['a 0\nb 0\n', 'b 2\n']);
});
