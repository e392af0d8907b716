import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { playCrashes } from '../groups/played/crashes.ts';
import { playRollout } from '../groups/played/rollout.ts';
import { Seats } from '../groups/played/seats.ts';

/** Those of `npm test` come before. A number of one's own plays others. */
const FIRST = Number(process.env['GROUPS_FIRST_SEED'] ?? 1001);
const SMALL = Number(process.env['GROUPS_SEEDS'] ?? 5000);
const LARGE = Number(process.env['GROUPS_ROLLOUTS'] ?? 50);

const seats = new Seats();
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'mayfly-witness-'));
});
afterAll(async () => {
  seats.close();
  await rm(home, { recursive: true });
});

test('whatever is cut off, no lane and no target has two jobs, and all is done in the end', async () => {
  for (let seed = FIRST; seed < FIRST + SMALL; seed += 1) await playCrashes(seats, seed);
});

test.each(Array.from({ length: LARGE }, (_, index) => FIRST + index))(
  'the workers of 500 jobs in 20 groups in trouble witness no violation (seed %i)',
  async (seed) => {
    const { jobs, violations } = await playRollout(seats, seed, join(home, `${seed}`));
    expect(violations).toEqual([]);
    expect(jobs).toBeGreaterThan(500);
  },
);
