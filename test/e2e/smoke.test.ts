import { afterAll, beforeAll, expect, it } from 'vitest';
import { startFleet, type TestFleet } from '../support/fleet.ts';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await startFleet();
});
afterAll(() => fleet?.close());

it('runs jobs on instances that come and go', async () => {
  const jobs = await fleet.send({ sleepMs: 300 }, { sleepMs: 300 }, 'bare');
  for (const job of jobs) await fleet.event('end', job);
  await fleet.backToZero();
  expect(await fleet.judge()).toMatchObject({ ok: true, violations: [], counts: { succeeded: 3, runs: 3 } });
});
