import { expect, test } from 'vitest';
import { deadLetterRetryMs, invisibleMs } from '../../policy/refused-settlement.ts';

test.each([
  [0, 15],
  [1, 15],
  [2, 30],
  [3, 60],
  [6, 480],
  [7, 720],
  [1000, 720],
])('a message that cannot be settled at receive %i is invisible for %i minutes', (receiveCount, minutes) => {
  expect(invisibleMs(receiveCount, true)).toBe(minutes * 60_000);
  expect(invisibleMs(receiveCount, false)).toBe(720 * 60_000);
});

test.each([
  ['with a record', true, 'lasting', 2],
  ['with a record', true, 'passing', 2],
  ['without a record', false, 'lasting', 2],
  ['without a record', false, 'passing', 30],
  ['without a record', false, undefined, 2],
] as const)(
  'a dead letter %s (%s) whose refusal is %s is tried for %i minutes',
  (_, isRecorded, kind, minutes) => {
    expect(deadLetterRetryMs(isRecorded, kind)).toBe(minutes * 60_000);
  },
);
