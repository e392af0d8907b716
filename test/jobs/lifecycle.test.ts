import { test } from 'vitest';
import { openLifecycle } from './lifecycle/interleavings.ts';

const play = openLifecycle();

/** Many more are played at night: test/nightly/lifecycle.test.ts. */
const RUNS = 60;

test('whatever happens in whatever order: a job ends once, and table, queue and log agree', async () => {
  await play(RUNS);
}, 180_000);
