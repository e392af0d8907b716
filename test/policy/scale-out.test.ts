import { expect, test } from 'vitest';
import { decideScaleOut, type ScaleOutFacts } from '../../policy/scale-out.ts';

const minute = 60_000;
const now = 100 * minute;
const facts: ScaleOutFacts = {
  backlog: 3,
  threshold: 1,
  durationMs: minute,
  nowMs: now,
  backlogSinceMs: now - minute,
  lastLaunchMs: undefined,
  desired: 0,
  maxSize: 10,
};

test.each([
  { name: 'a backlog as old as the alarm’s duration scales out', change: {}, execute: true },
  {
    name: 'a run that comes a moment early counts',
    change: { backlogSinceMs: now - 56_000 },
    execute: true,
  },
  { name: 'a young backlog waits', change: { backlogSinceMs: now - 30_000 }, execute: false },
  { name: 'a backlog found for the first time waits', change: { backlogSinceMs: undefined }, execute: false },
  {
    name: 'even without a duration',
    change: { backlogSinceMs: undefined, durationMs: 1 },
    execute: false,
  },
  {
    name: 'a launch since then: the alarm has fired',
    change: { lastLaunchMs: now - 20_000 },
    execute: false,
  },
  {
    name: 'an old launch did not end the backlog',
    change: { backlogSinceMs: now - 10 * minute, lastLaunchMs: now - 2 * minute },
    execute: true,
  },
  { name: 'a fleet at its maximum does not scale out', change: { desired: 10 }, execute: false },
])('$name', ({ change, execute }) => {
  const { backlogSinceMs, ...result } = decideScaleOut({ ...facts, ...change });
  expect(result.execute).toBe(execute);
  expect(backlogSinceMs).toBe(
    'backlogSinceMs' in change ? (change.backlogSinceMs ?? now) : facts.backlogSinceMs,
  );
});

test('below the threshold nothing is stored', () => {
  expect(decideScaleOut({ ...facts, backlog: 4, threshold: 5 })).toEqual({
    execute: false,
    backlogSinceMs: undefined,
  });
});
