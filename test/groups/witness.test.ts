import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { playRollout } from './played/rollout.ts';
import { Seats } from './played/seats.ts';

const seats = new Seats();
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'mayfly-witness-'));
});
afterAll(async () => {
  seats.close();
  await rm(home, { recursive: true });
});

/** The nightly test has fifty more: test/nightly/groups.test.ts. */
test.each([1, 2, 3, 4, 5])(
  'the workers of 500 jobs in 20 groups in trouble witness no violation (seed %i)',
  async (seed) => {
    const { jobs, violations } = await playRollout(seats, seed, join(home, `${seed}`));
    expect(violations).toEqual([]);
    expect(jobs).toBeGreaterThan(500);
  },
);
