import { beforeAll, expect, it } from 'vitest';
import type { JobRecord } from '../../../../jobs/record.ts';
import { requestJobId, stageJobId } from '../../../../jobs/released.ts';
import { type BareFleet, bareFleets } from '../../../support/bare-fleet.ts';

const open = bareFleets();

const AT = '2026-01-02T03:04:05.000Z';
const GROUP = 'shop/web';
/** The second failed, and has both. The third ended well. The fourth is held, and so is none of them followed by anything. */
const [FIRST, FAILED, GOOD, HELD] = [1, 2, 3, 4].map((number) => requestJobId('deploy-2', GROUP, number)) as [
  string,
  string,
  string,
  string,
];
const UNDONE = stageJobId(FAILED, 'rollBack');
const CHECKED = stageJobId(FAILED, 'check');

const ofRequest = (id: string, target: string, state: JobRecord['state']) => ({
  ...{ id, target, state, group: GROUP, requestId: 'deploy-2', enqueuedAt: AT },
  ...(state !== 'held' && { startedAt: AT, endedAt: AT }),
});

let bare: BareFleet;
beforeAll(async () => {
  bare = await open();
  await bare.record(ofRequest(FIRST, 's1', 'cancelled'));
  await bare.record(ofRequest(FAILED, 's2', 'failed'));
  await bare.record(ofRequest(GOOD, 's3', 'succeeded'));
  await bare.record(ofRequest(HELD, 's4', 'held'));
  const undo = { stage: 'rollBack', stageOf: FAILED, command: 'undo' } as const;
  await bare.record({ ...ofRequest(UNDONE, 's2', 'succeeded'), ...undo });
  await bare.record({ ...ofRequest(CHECKED, 's2', 'running'), ...undo, stage: 'check', command: 'http' });
  await bare.record({
    ...ofRequest(stageJobId(GOOD, 'check'), 's3', 'succeeded'),
    ...{ stage: 'check', stageOf: GOOD, command: 'http' },
  });
});

it('status names the roll-back and the health check that followed a job', async () => {
  const { stdout } = await bare.mayfly('status', FAILED);
  expect(stdout).toContain(`\n  roll-back ${UNDONE}: succeeded\n  health check ${CHECKED}: running\n`);
  expect((await bare.mayfly('status', UNDONE)).stdout).toContain(`roll-back undo, after job ${FAILED}\n`);
});

it('the library names them if it is asked for', async () => {
  const ids = [FIRST, FAILED, GOOD, HELD, UNDONE];
  const stages = (await bare.fleet.status(ids, { stages: true })).map((job) => job.stages);
  expect(stages).toEqual([
    undefined,
    [
      { stage: 'rollBack', id: UNDONE, state: 'succeeded' },
      { stage: 'check', id: CHECKED, state: 'running' },
    ],
    [{ stage: 'check', id: stageJobId(GOOD, 'check'), state: 'succeeded' }],
    undefined,
    undefined,
  ]);
  expect(await bare.fleet.status(FAILED)).not.toHaveProperty('stages');
});

it('list has a column with the targets, if jobs have some', async () => {
  const rows = (await bare.mayfly('list', '--request', 'deploy-2', '--state', 'failed,succeeded')).stdout;
  expect(rows).toMatch(/^id +target +state /);
  expect(rows).toMatch(new RegExp(`^${FAILED} +s2 +failed `, 'm'));
  expect(rows).toMatch(new RegExp(`^${UNDONE} +s2 \\(roll-back\\) +succeeded `, 'm'));
  await bare.record({ id: 'j-1', state: 'lost', enqueuedAt: AT });
  expect((await bare.mayfly('list', '--state', 'lost')).stdout).toMatch(/^id +state /);
});
