import { afterAll, expect, test } from 'vitest';
import { Groups } from '../../groups/groups.ts';
import { repairGroup } from '../../groups/repair.ts';
import type { TargetState } from '../../store/target-items.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { MemoryTable } from '../support/memory-table.ts';
import { Seats } from './played/seats.ts';

const seats = new Seats();
afterAll(() => seats.close());

const MINUTE_MS = 60_000;
const RETENTION_MS = 14 * 86_400_000;

function createGroups(table: MemoryTable, clock: ManualClock): Groups {
  const seat = seats.take();
  seat.instead = {
    dynamodb: (action, input) => table.answer(action, input),
    sqs: async () => ({}),
  };
  seat.exchange = (call) => void call.come('well');
  return new Groups({
    clients: seat.clients,
    ...{ table: 'jobs', queueUrl: 'queue', recordSeconds: 60, limits: { lanes: 1, maxLanes: 100 } },
    ...{ clock, random: () => 0.5 },
  });
}

async function add(groups: Groups, id: string, group: string, target: string): Promise<void> {
  await groups.jobs.create({
    ...{ pk: `job#${id}`, id, state: 'held', attempts: 0, nonce: id, body: 'x', group, target },
  });
  await groups.addPlain(group, [{ id, target }]);
}

test('the item of a target does not grow while others wait for it, whose groups the keeper looks at each minute', async () => {
  const table = new MemoryTable();
  const clock = new ManualClock();
  const groups = createGroups(table, clock);
  await add(groups, 'a', 'web', 's1');
  await add(groups, 'b', 'db', 's1');
  await add(groups, 'c', 'cache', 's1');
  await add(groups, 'd', 'cache', 's1');
  for (let minute = 0; minute < 20; minute += 1) {
    await clock.advance(MINUTE_MS);
    for (const group of ['web', 'db', 'cache']) await repairGroup(groups, group, RETENTION_MS);
  }
  const { job, waiting } = table.read<TargetState>('target#s1') ?? {};
  expect(job).toBe('a');
  expect(waiting?.toSorted()).toEqual(['cache', 'db']);
});
