import { expect, test } from 'vitest';
import { hidingMs } from '../../policy/refused-settlement.ts';

test.each([
  [0, 15],
  [1, 15],
  [2, 30],
  [3, 60],
  [6, 480],
  [7, 720],
  [1000, 720],
])('a message that cannot be settled at receive %i is hidden for %i minutes', (receiveCount, minutes) => {
  expect(hidingMs(receiveCount)).toBe(minutes * 60_000);
});
