import { afterAll, expect, test } from 'vitest';
import { requestJobId, stageJobId } from '../../jobs/released.ts';
import type { GroupState } from '../../policy/groups/state.ts';
import type { RequestRecord } from '../../store/request-items.ts';
import { SUCCEEDS } from './played/chaos.ts';
import { Direct } from './played/direct.ts';
import { PlayedFleet } from './played/fleet.ts';
import { createRandom } from './played/random.ts';
import { changeGroup } from './played/scenario.ts';
import { Seats } from './played/seats.ts';

const seats = new Seats();
afterAll(() => seats.close());

const [first, second] = [1, 2].map((number) => requestJobId('req', 'web', number)) as [string, string];

test('a request that somebody has paused says that a check failed', async () => {
  const direct = new Direct(seats);
  const { groups, table } = direct;
  await direct.request('req', 'web', ['s1', 's2'], { healthy: 'http' });
  await direct.end(first, 'succeeded');
  const reason = 'somebody paused it';
  await groups.requests.change('req', ['open'], { state: 'paused', reason, atMs: 0 });
  await direct.sync('req');
  await direct.end(stageJobId(first, 'check'), 'failed');
  expect(table.read<RequestRecord>('request#req')).toMatchObject({
    state: 'stopped',
    reason: `web: job ${first}: the check of its target failed`,
  });
});

test('a group says which job it is stopped for, and why, when another lane of it was freed', async () => {
  const direct = new Direct(seats);
  const { groups, table } = direct;
  await groups.change('web', (group) => ({ group: { ...group, lanes: 2 } }));
  await direct.request('req', 'web', ['s1', 's2'], { healthy: 'http', rollBack: 'undo', keepGoing: true });
  for (const job of [first, second]) await direct.end(job, 'succeeded');
  for (const job of [first, second]) await direct.end(stageJobId(job, 'check'), 'failed');
  await groups.free('web', first);
  expect(table.read<GroupState>('group#web')?.stopped).toMatchObject({
    job: second,
    reason: expect.stringContaining(second),
  });
});

test('a group that somebody resumes stays stopped for a lane that became unhealthy meanwhile', async () => {
  const fleet = new PlayedFleet({
    ...{ seats, random: createRandom(1) },
    plan: () => SUCCEEDS,
    witness: () => undefined,
  });
  const { table } = fleet;
  const direct = new Direct(seats, table);
  await direct.groups.change('web', (group) => ({ group: { ...group, lanes: 2 } }));
  await direct.request('req', 'web', ['s1', 's2'], { healthy: 'http' });
  for (const job of [first, second]) await direct.end(job, 'succeeded');
  await direct.end(stageJobId(first, 'check'), 'failed');
  const { run } = changeGroup('resume', 'web');
  const resumed = run(fleet);
  await fleet.wait(0);
  // It has read which lanes are unhealthy.
  await fleet.answer(0);
  await direct.end(stageJobId(second, 'check'), 'failed');
  await fleet.answerAll();
  expect(resumed.result).toBe('done');
  const { out, stopped } = table.read<GroupState>('group#web') ?? {};
  expect(Object.keys(out ?? {})).toEqual([second]);
  expect(stopped?.job).toBe(second);
});
