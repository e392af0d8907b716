import { expect, test } from 'vitest';
import { decideRepair, type OutRecord } from '../../../policy/groups/repair.ts';
import type { OutJob } from '../../../policy/groups/state.ts';

const NOW = 1_000_000_000;
const DAY = 86_400_000;
const out: OutJob = { number: 1, sinceMs: 0, stage: 'job', release: 7, releasedAtMs: NOW - 60_000 };
const check: OutJob = { ...out, stage: 'check', job: 'c' };
const young: OutJob = { ...out, releasedAtMs: NOW - 19_999 };
const sent = (state: OutRecord['state'], ageMs: number) => ({ state, release: 7, sentAtMs: NOW - ageMs });

test.each<[string, OutJob, OutRecord | undefined, string]>([
  ['whose message is on its way', out, sent('held', 60_000), 'none'],
  ['whose message may have been removed', out, sent('held', 600_000), 'look'],
  ['that an earlier agent has queued again a while ago', out, sent('queued', 600_000), 'none'],
  ['whose message is older than the queue keeps it', out, sent('held', DAY), 'lose'],
  ['that runs', out, { state: 'running', release: 7 }, 'none'],
  ['that an earlier agent has queued again', out, sent('queued', 60_000), 'none'],
  ['that an earlier agent has queued again, whose message is too old', out, sent('queued', DAY), 'lose'],
  ['that is queued without a release: nobody of this version does that', out, { state: 'queued' }, 'none'],
  ['that has ended', out, { state: 'ended', release: 7 }, 'end'],
  ['that has no record', out, undefined, 'end'],
  ['whose release was cut off', out, { state: 'held' }, 'release'],
  ['whose release was cut off after its record', out, { state: 'held', release: 7 }, 'release'],
  ['whose release may be in progress', young, { state: 'held', release: 7 }, 'none'],
  ['that was recalled', out, { state: 'held', lastRelease: 7 }, 'recall'],
  ['that is to be checked, whose check has no record yet', check, undefined, 'release'],
  ['that is unhealthy', { ...check, stage: 'unhealthy' }, { state: 'ended' }, 'none'],
])('a job %s', (_, job, record, expected) => {
  expect(decideRepair(job, record, NOW, DAY)).toBe(expected);
});
