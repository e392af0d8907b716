import { expect, test } from 'vitest';
import { findSilentInstances, type InstanceReport } from '../../policy/silent-instances.ts';

const minute = 60_000;
const now = 1000 * minute;
const rules = { nowMs: now, bootBudgetMs: 20 * minute, silentMs: 15 * minute };
const old: InstanceReport = { instance: 'i-1', lifecycleState: 'InService', launchedAtMs: now - 60 * minute };
const reported = (minutesAgo: number) => ({
  readyAtMs: now - 50 * minute,
  reportedAtMs: now - minutesAgo * minute,
});

test.each([
  { name: 'still boots', seen: { ...old, launchedAtMs: now - 19 * minute }, is: [] },
  { name: 'reports', seen: { ...old, ...reported(1) }, is: [] },
  { name: 'never reported', seen: old, is: [{ reason: 'boot-failed', action: 'terminate' }] },
  {
    name: 'never reported, held by the launch hook',
    seen: { ...old, lifecycleState: 'Pending:Wait' },
    is: [{ reason: 'boot-failed', action: 'complete-launch' }],
  },
  {
    name: 'silent',
    seen: { ...old, ...reported(15) },
    is: [{ reason: 'agent-crashed', action: 'terminate' }],
  },
  {
    name: 'silent, held by the termination hook',
    seen: { ...old, ...reported(16), lifecycleState: 'Terminating:Wait' },
    is: [{ reason: 'agent-crashed', action: 'complete-termination' }],
  },
  { name: 'silent, and terminating', seen: { ...old, lifecycleState: 'Terminating' }, is: [] },
  { name: 'silent, on standby', seen: { ...old, lifecycleState: 'Standby' }, is: [] },
  {
    name: 'reported recently though never ready: its agent runs',
    seen: { ...old, reportedAtMs: now - minute },
    is: [],
  },
])('$name', ({ seen, is }) => {
  expect(findSilentInstances([seen], rules)).toEqual(
    is.map((expected) => ({ instance: 'i-1', ...expected })),
  );
});
