import { expect, test } from 'vitest';
import { expectSound } from '../support/suite.ts';
import { machineFleets } from './support/suite.ts';

const start = machineFleets();

test('a machine boots for a job, works on it, goes when it has no more to do, and keeps its journal', async () => {
  const fleet = await start();
  const [job = ''] = await fleet.send({ sleepMs: 500 });
  const id = await fleet.instance(0);
  await fleet.event('end', job);
  await fleet.backToZero();
  await expectSound(fleet, { sent: 1, succeeded: 1, instances: 1 });
  const record = await fleet.record(id);
  expect(record?.['retirement']?.M).toMatchObject({ reason: { S: 'idle' } });
  const agent = (await fleet.machineJournal(id, 'mayfly-agent.service')).map(({ MESSAGE }) => MESSAGE);
  expect(agent).toContainEqual(expect.stringContaining('Started'));
});
