import { afterAll, expect, test } from 'vitest';
import { repairGroup } from '../../groups/repair.ts';
import { requestJobId } from '../../jobs/released.ts';
import type { GroupState } from '../../policy/groups/state.ts';
import type { TargetState } from '../../store/target-items.ts';
import { Direct } from './played/direct.ts';
import { Seats } from './played/seats.ts';

const seats = new Seats();
afterAll(() => seats.close());

const MINUTE_MS = 60_000;
const RETENTION_MS = 14 * 86_400_000;

test('the item of a target does not grow while others wait for it, whose groups the keeper looks at each minute', async () => {
  const direct = new Direct(seats);
  await direct.add('a', 'web', 's1');
  await direct.add('b', 'db', 's1');
  await direct.add('c', 'cache', 's1');
  await direct.add('d', 'cache', 's1');
  for (let minute = 0; minute < 20; minute += 1) {
    await direct.clock.advance(MINUTE_MS);
    for (const group of ['web', 'db', 'cache']) await repairGroup(direct.groups, group, RETENTION_MS);
  }
  const { job, waiting } = direct.table.read<TargetState>('target#s1') ?? {};
  expect(job).toBe('a');
  expect(waiting?.toSorted()).toEqual(['cache', 'db']);
});

test('a target that becomes free wakes the job that waits for it, and none that waits for others', async () => {
  const direct = new Direct(seats);
  const names = Array.from({ length: 40 }, (_, number) => `s${number + 1}`);
  await direct.groups.change('patch', (group) => ({ group: { ...group, lanes: 40 } }));
  await direct.request('patch', 'patch', names);
  await direct.request('deploy', 'web', names);
  const before = countCalls(direct);
  await direct.end(requestJobId('patch', 'patch', 40), 'succeeded');
  const { out } = direct.table.read<GroupState>('group#web') ?? {};
  expect(Object.keys(out ?? {})).toEqual([requestJobId('deploy', 'web', 40)]);
  expect(countCalls(direct) - before).toBeLessThan(20);
});

function countCalls({ table }: Direct): number {
  return Object.values(table.calls).reduce((sum, calls) => sum + calls, 0);
}
