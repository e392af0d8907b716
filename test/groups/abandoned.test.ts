import { afterAll, beforeEach, expect, test } from 'vitest';
import { HALTED_REQUEST_MS } from '../../groups/groups.ts';
import { keepRequest } from '../../groups/upkeep.ts';
import type { JobRecord } from '../../jobs/record.ts';
import { requestJobId } from '../../jobs/released.ts';
import type { GroupState } from '../../policy/groups/state.ts';
import type { RequestRecord } from '../../store/request-items.ts';
import { Direct } from './played/direct.ts';
import { Seats } from './played/seats.ts';

const seats = new Seats();
afterAll(() => seats.close());

const [first, second] = [1, 2].map((number) => requestJobId('req', 'web', number)) as [string, string];

let direct: Direct;
beforeEach(async () => {
  direct = new Direct(seats);
  // It waits in its group, and its own item is open.
  await direct.request('req', 'web', ['s1', 's2'], { serial: [1], pauseAfter: 1 });
  await direct.end(first, 'succeeded');
});

/** The keeper's run, which has read the groups before. */
async function keep(states: readonly GroupState[]): Promise<void> {
  const request = await direct.groups.requests.read('req');
  if (request) await keepRequest(direct.groups, request, states, () => true);
}

const readGroup = () => direct.groups.items.read('web');
const requestNow = () => direct.table.read<RequestRecord>('request#req');

test('a request that nobody resumes is cancelled after 14 days, and not before', async () => {
  await direct.clock.advance(HALTED_REQUEST_MS - 1000);
  await keep([await readGroup()]);
  expect(requestNow()?.state).toBe('open');
  await direct.clock.advance(1000);
  await keep([await readGroup()]);
  expect(requestNow()).toMatchObject({ state: 'cancelled', reason: 'nobody resumed it within 14 days' });
  expect(direct.table.read<JobRecord>(`job#${second}`)?.state).toBe('skipped');
});

test('a request that somebody resumes in the last moment is not cancelled by a keeper that read its groups before', async () => {
  await direct.clock.advance(HALTED_REQUEST_MS);
  const states = [await readGroup()];
  await direct.groups.requests.change('req', ['open'], { state: 'open', atMs: direct.clock.now() });
  await direct.sync('req');
  await keep(states);
  expect(requestNow()?.state).toBe('open');
});
