import { beforeAll, expect, it } from 'vitest';
import { type BareFleet, bareFleets } from '../support/bare-fleet.ts';
import { FAILED, numbersOf, readsOf, writeEnded } from '../support/ended-jobs.ts';

const open = bareFleets();
const JOBS = 1_000_000;

let bare: BareFleet;
beforeAll(async () => {
  bare = await open();
  await bare.indexed(true);
});

it('takes ten requests for the first page of failed jobs of a million', async () => {
  await writeEnded(bare, 0, JOBS);
  // The first list also reads AWS's time.
  await readsOf(bare, { limit: 1 });
  const { jobs, actions, notices } = await readsOf(bare, { states: ['failed'] });
  expect(actions).toEqual(['BatchGetItem', 'GetItem', ...Array(8).fill('Query')]);
  expect(numbersOf(jobs)).toEqual(Array.from({ length: 50 }, (_, index) => JOBS - (index + 1) * FAILED));
  expect(notices).toEqual([]);
}, 3_600_000);
