import { test } from 'vitest';
import { openLifecycle } from '../jobs/lifecycle/interleavings.ts';

const play = openLifecycle();

/** How many interleavings: a tenth of a second each on a machine that does nothing else. */
const RUNS = Number(process.env['LIFECYCLE_RUNS'] ?? 3000);

test('whatever happens in whatever order, again and again: a job ends once, and table, queue and log agree', async () => {
  await play(RUNS);
});
