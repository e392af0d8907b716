import { test } from 'vitest';
import { openLifecycle } from './lifecycle/interleavings.ts';

const play = openLifecycle();

/** The nightly test runs many more: test/nightly/lifecycle.test.ts. */
const RUNS = 60;

test('in every order of events a job ends once, and table, queue and log agree', async () => {
  await play(RUNS);
}, 180_000);
