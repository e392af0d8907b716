import { expect, test } from 'vitest';
import { jobExitStatus, jobsExitStatus } from '../../cli/exit-code.ts';

test.each([
  [{ state: 'succeeded', exitStatus: 0 }, 0],
  [{ state: 'failed', exitStatus: 3 }, 3],
  [{ state: 'failed', exitStatus: 65 }, 65],
  [{ state: 'failed', signal: 'SIGKILL' }, 137],
  [{ state: 'failed', signal: 'SIGTERM' }, 143],
  // It never ran.
  [{ state: 'failed' }, 1],
  [{ state: 'timed_out', signal: 'SIGTERM' }, 124],
  // It exited with 0 at its limit.
  [{ state: 'timed_out', exitStatus: 0 }, 124],
  [{ state: 'cancelled', signal: 'SIGTERM' }, 122],
  [{ state: 'lost' }, 121],
  [{ state: 'unknown' }, 120],
  [{ state: 'skipped' }, 119],
  [{ state: 'queued', exitStatus: 1 }, 123],
  [{ state: 'running' }, 123],
  [{ state: 'held' }, 123],
] as const)('%j: %d', (job, status) => {
  expect(jobExitStatus(job)).toBe(status);
});

test.each([
  [[], 0],
  [['succeeded', 'succeeded'], 0],
  [['succeeded', 'cancelled', 'lost'], 122],
  [['cancelled', 'running'], 123],
] as const)('several jobs, %j: %d', (states, status) => {
  expect(jobsExitStatus(states.map((state) => ({ state })))).toBe(status);
});
