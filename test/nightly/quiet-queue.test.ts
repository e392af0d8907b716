import { readFile } from 'node:fs/promises';
import { afterEach, expect, test } from 'vitest';
import { parseCalls } from '../../checker/calls.ts';
import { startFleet, type TestFleet } from '../support/fleet.ts';
import { expectSound } from '../support/suite.ts';

/** At this speed a quiet queue reports its metrics after 90 s. The keeper uses real time and scales out after a minute. */
const SPEED = 10;
let fleet: TestFleet | undefined;
afterEach(() => fleet?.close());

test('the keeper scales out a fleet whose queue was quiet, before the alarm sees the job', async () => {
  fleet = await startFleet({}, { speed: SPEED, timeoutMs: 240_000 });
  const queueName = fleet.stack.queueUrl.split('/').at(-1) ?? '';
  fleet.cloud.markInactive(queueName);
  const [job = ''] = await fleet.send({ sleepMs: 100 });
  await fleet.event('start', job);
  const { AlarmHistoryItems } = await fleet.cloud.call('monitoring', 'DescribeAlarmHistory', {
    HistoryItemType: 'Action',
  });
  expect(AlarmHistoryItems).toEqual([]);
  const calls = parseCalls(await readFile(fleet.cloud.logFile, 'utf8'));
  const executions = calls.filter(({ action, status }) => action === 'ExecutePolicy' && status === 200);
  expect(executions.map(({ caller }) => caller)).toEqual([expect.stringContaining('Keeper')]);
  await fleet.backToZero(240_000);
  await expectSound(fleet, { succeeded: 1, runs: 1 });
});
