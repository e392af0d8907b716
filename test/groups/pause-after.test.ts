import { afterAll, beforeEach, expect, test } from 'vitest';
import { requestJobId } from '../../jobs/released.ts';
import { Direct } from './played/direct.ts';
import { Seats } from './played/seats.ts';

const seats = new Seats();
afterAll(() => seats.close());

const [first, second, third] = [1, 2, 3].map((number) => requestJobId('req', 'web', number)) as [
  string,
  string,
  string,
];

let direct: Direct;
beforeEach(async () => {
  direct = new Direct(seats);
  await direct.request('req', 'web', ['s1', 's2', 's3'], { serial: [1], pauseAfter: 1 });
});

async function change(state: 'open' | 'paused'): Promise<void> {
  await direct.groups.requests.change('req', ['open', 'paused'], { state, atMs: direct.clock.now() });
  await direct.sync('req');
}

const requestNow = async () => (await direct.groups.items.read('web')).requests[0];
const outNow = async () => Object.keys((await direct.groups.items.read('web')).out);

test('a request pauses after its first batch, and no more once it was resumed', async () => {
  await direct.end(first, 'succeeded');
  expect(await requestNow()).toMatchObject({ state: 'paused', reason: 'it was to pause after batch 1' });
  expect(await outNow()).toEqual([]);
  await change('open');
  expect(await outNow()).toEqual([second]);
  await direct.end(second, 'succeeded');
  expect(await outNow()).toEqual([third]);
});

test('a request that a person paused and resumed in its first batch still pauses after it', async () => {
  await change('paused');
  await change('open');
  expect(await outNow()).toEqual([first]);
  await direct.end(first, 'succeeded');
  expect(await requestNow()).toMatchObject({ state: 'paused', reason: 'it was to pause after batch 1' });
  expect(await outNow()).toEqual([]);
});

test('a group that has not paused yet goes on when the request is resumed that paused in another', async () => {
  // The request itself is open: it is paused in the other group alone.
  await change('open');
  await direct.end(first, 'succeeded');
  expect(await outNow()).toEqual([second]);
});
