import { afterAll, test } from 'vitest';
import { playCrashes } from './played/crashes.ts';
import { Seats } from './played/seats.ts';

/** The nightly test plays many more: test/nightly/groups.test.ts. */
const SEEDS = 1000;

const seats = new Seats();
afterAll(() => seats.close());

test('whatever is cut off, no lane and no target has two jobs, and all is done in the end', async () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) await playCrashes(seats, seed);
}, 600_000);
