import { test } from 'vitest';
import { openLifecycle } from '../jobs/lifecycle/interleavings.ts';

const play = openLifecycle();

/** How many interleavings. Each takes a tenth of a second on an idle machine. */
const RUNS = Number(process.env['LIFECYCLE_RUNS'] ?? 3000);

test('in any order of events a job ends once, and table, queue and log agree', async () => {
  await play(RUNS);
});
