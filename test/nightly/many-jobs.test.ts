import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { expect, it } from 'vitest';
import type { JobView } from '../../client/index.ts';
import { deployedFleets } from '../support/deployed.ts';
import { expectSound } from '../support/suite.ts';

const startFleet = deployedFleets();
const JOBS = 10_000;
const PROPS = {
  command: ['sh', './count.sh'],
  workerDirectory: join(import.meta.dirname, '../fixtures/counting'),
  concurrency: 8,
  maxCapacity: 2,
  // Long enough that no lease ends while a worker waits for one of two cores.
  lease: Duration.seconds(60),
  reportInterval: Duration.seconds(10),
  idleTimeout: Duration.seconds(5),
};

it('10,000 jobs from a file end once each, and table, workers and checker count the same', async () => {
  const fleet = await startFleet(PROPS);
  const file = join(fleet.directory, 'tiles.txt');
  await writeFile(file, Array.from({ length: JOBS }, (_, index) => `tile-${index}\n`).join(''));
  const enqueued = await fleet.mayfly('enqueue', '--file', file);
  expect(enqueued.exitCode, enqueued.stderr).toBe(0);
  const ids = enqueued.stdout.split('\n');
  expect(new Set(ids).size).toBe(JOBS);
  fleet.account(...ids);

  const views = await fleet.library.wait(ids, { pollSeconds: 5, timeoutSeconds: 1500 });
  expect(statesOf(views)).toEqual({ succeeded: JOBS });
  const runs = (await fleet.journal()).filter(({ event }) => event === 'end');
  expect(runs.map(({ job }) => job).toSorted()).toEqual(ids.toSorted());
  await fleet.backToZero(120_000);
  await expectSound(fleet, { succeeded: JOBS, runs: JOBS });
}, 1_800_000);

function statesOf(views: readonly JobView[]): Record<string, number> {
  const states: Record<string, number> = {};
  for (const { state } of views) states[state] = (states[state] ?? 0) + 1;
  return states;
}
