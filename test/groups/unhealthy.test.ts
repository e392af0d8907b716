import { afterAll, expect, test } from 'vitest';
import { requestJobId, stageJobId } from '../../jobs/released.ts';
import type { GroupState } from '../../policy/groups/state.ts';
import type { RequestRecord } from '../../store/request-items.ts';
import { Direct } from './played/direct.ts';
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
