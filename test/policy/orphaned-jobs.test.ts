import { expect, test } from 'vitest';
import { decideSettlement, isGone } from '../../policy/orphaned-jobs.ts';

const job = { id: 'j', fence: 'f', leaseUntilMs: 1000 };

test.each([
  { name: 'its lease runs', nowMs: 1000, enqueuedAtMs: 0, is: 'wait' },
  { name: 'its lease has ended', nowMs: 1001, enqueuedAtMs: 0, is: 'queued' },
  { name: 'its message is older than the retention', nowMs: 60_000, enqueuedAtMs: 0, is: 'lost' },
  { name: 'its age is unknown', nowMs: 60_000, enqueuedAtMs: undefined, is: 'queued' },
  { name: 'cancellation requested, its lease runs', nowMs: 1000, isCancelRequested: true, is: 'wait' },
  { name: 'cancellation requested', nowMs: 1001, enqueuedAtMs: 0, isCancelRequested: true, is: 'cancelled' },
  {
    name: 'cancellation requested and old',
    nowMs: 60_000,
    enqueuedAtMs: 0,
    isCancelRequested: true,
    is: 'cancelled',
  },
])(
  'a job of an instance that is gone, $name: $is',
  ({ nowMs, enqueuedAtMs, isCancelRequested = false, is }) => {
    expect(decideSettlement({ ...job, enqueuedAtMs, isCancelRequested }, nowMs, 60_000)).toBe(is);
  },
);

const now = 1_000_000;
test.each([
  { name: 'in its group', facts: { instance: 'i-1', present: true, retired: true }, gone: false },
  {
    name: 'not in its group',
    facts: { instance: 'i-1', present: false, reportedAtMs: now, retired: false },
    gone: true,
  },
  {
    name: 'a machine without a group that reports',
    facts: { instance: 'host-a', present: false, reportedAtMs: now - 10, retired: false },
    gone: false,
  },
  {
    name: 'a machine without a group that retired',
    facts: { instance: 'host-a', present: false, reportedAtMs: now, retired: true },
    gone: true,
  },
  {
    name: 'a machine without a group that is silent',
    facts: { instance: 'host-a', present: false, reportedAtMs: now - 900_000, retired: false },
    gone: true,
  },
])('$name', ({ facts, gone }) => {
  expect(isGone(facts, now, 900_000)).toBe(gone);
});
