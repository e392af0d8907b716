import { afterAll, describe, expect, test } from 'vitest';
import { enqueue } from '../../client/enqueue/enqueue.ts';
import type { GroupState } from '../../policy/groups/state.ts';
import { SUCCEEDS } from './played/chaos.ts';
import { PlayedFleet } from './played/fleet.ts';
import { createRandom } from './played/random.ts';
import { findUndone, type Order, plainJob, request } from './played/scenario.ts';
import { Seats } from './played/seats.ts';

const seats = new Seats();
afterAll(() => seats.close());

const openFleet = () =>
  new PlayedFleet({ ...{ seats, random: createRandom(1) }, plan: () => SUCCEEDS, witness: () => undefined });

const countCalls = ({ table }: PlayedFleet) =>
  Object.values(table.calls).reduce((sum, calls) => sum + calls, 0);

async function submit(fleet: PlayedFleet, order: Order): Promise<void> {
  const operation = order.run(fleet);
  await fleet.answerAll();
  expect(operation.result).toBe('done');
}

/** One agent runs jobs until so many have ended. */
async function run(fleet: PlayedFleet, jobs: number): Promise<void> {
  const agent = fleet.startAgent();
  const isDone = () => fleet.workers.filter(({ end }) => end).length >= jobs;
  for (let rounds = 0; !isDone() && rounds < 20 * jobs; rounds += 1) {
    await fleet.answerAll();
    await fleet.deliver(agent);
    await fleet.wait(1);
  }
  await fleet.answerAll();
}

const requestOf = (count: number): Order =>
  request(
    [
      {
        name: 'web',
        size: count,
        targets: Array.from({ length: count }, (_, index) => ({
          ...{ target: `s${index + 1}`, body: 'x', index: index + 1 },
        })),
      },
    ],
    { id: 'req' },
  );

/** The calls of the table that each further job takes when so many are held. */
async function callsOfJob(held: number): Promise<number> {
  const fleet = openFleet();
  await submit(fleet, requestOf(held));
  await run(fleet, 10);
  const before = countCalls(fleet);
  for (const agent of fleet.agents) fleet.crash(agent);
  await run(fleet, 30);
  return (countCalls(fleet) - before) / 20;
}

/** The calls of the table for each of some jobs, which are enqueued one by one, from the first call to the last. */
async function callsOf(jobs: number, order: (number: number) => Order): Promise<number> {
  const fleet = openFleet();
  for (let number = 1; number <= jobs; number += 1) await submit(fleet, order(number));
  await run(fleet, jobs);
  expect(findUndone(fleet)).toEqual([]);
  return countCalls(fleet) / jobs;
}

const jobAlone = (number: number): Order => ({
  name: 'enqueue',
  run: (fleet) => fleet.operate('enqueue', (context) => enqueue(context, `${number}`, {})),
});

describe('the calls of the table', () => {
  test('for a release are the same with 100 and with 100,000 jobs held', async () => {
    const few = await callsOfJob(100);
    expect(few).toBeGreaterThan(5);
    expect(await callsOfJob(100_000)).toBe(few);
  });

  test('for a job of a request are at most ten more than for a job without a group', async () => {
    const fleet = openFleet();
    await submit(fleet, requestOf(20));
    await run(fleet, 20);
    expect(findUndone(fleet)).toEqual([]);
    expect(countCalls(fleet) / 20 - (await callsOf(20, jobAlone))).toBeLessThanOrEqual(10);
  });

  // Those that do not fit into the group's item cost three more.
  test.each([
    { jobs: 11, most: 10 },
    { jobs: 100, most: 13 },
  ])(
    'for $jobs jobs that are enqueued one by one into a group are at most $most more',
    async ({ jobs, most }) => {
      const plain = await callsOf(jobs, (number) => plainJob('web', `s${number}`, `${number}`));
      expect(plain - (await callsOf(jobs, jobAlone))).toBeLessThanOrEqual(most);
    },
  );

  test('write nothing when the keeper finds nothing to do in a busy group', async () => {
    const fleet = openFleet();
    await submit(fleet, requestOf(20));
    const before = fleet.table.read<GroupState>('group#web')?.version;
    await submit(fleet, { name: 'keep', run: () => fleet.keep() });
    expect(fleet.table.read<GroupState>('group#web')?.version).toBe(before);
  });
});
