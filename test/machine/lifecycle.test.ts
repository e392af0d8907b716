import { expect, test } from 'vitest';
import { readInput } from '../../checker/calls.ts';
import { expectSound } from '../support/suite.ts';
import { expectInOrder, machineFleets } from './support/suite.ts';
import { tracesOf } from './support/traces.ts';

const start = machineFleets();

/** The shortest long poll. The polls before wait longer, and a short poll would ask only some of SQS's servers. */
const LAST_POLL_SECONDS = 1;
/** The last calls of an instance. */
const LAST = ['ReceiveMessage', 'TerminateInstanceInAutoScalingGroup', 'CompleteLifecycleAction'];

test('a machine boots for a job, runs it, retires when it is idle, and its journal is kept', async () => {
  const fleet = await start();
  const traces = tracesOf(fleet);
  const [job = ''] = await fleet.send({ sleepMs: 500 });
  const id = await fleet.instance(0);
  await fleet.event('end', job);
  await fleet.backToZero();
  await expectSound(fleet, { sent: 1, succeeded: 1, runs: 1, instances: 1 });

  const retirement = await traces.retirement(id);
  expect(retirement).toMatchObject({ reason: 'idle', rung: 'terminate', tries: '1', jobsDone: '1' });
  expect(Number(retirement?.['idleSeconds'])).toBeGreaterThanOrEqual(3);
  const calls = (await traces.calls(id)).filter(({ action }) => LAST.includes(action)).slice(-LAST.length);
  expect(calls.map(({ action, status }) => [action, status])).toEqual(LAST.map((action) => [action, 200]));
  const [poll, terminate, hook] = calls;
  expect(poll && readInput(poll, 'WaitTimeSeconds')).toBe(LAST_POLL_SECONDS);
  expect(terminate && readInput(terminate, 'ShouldDecrementDesiredCapacity')).toBe('true');
  expect(hook && readInput(hook, 'LifecycleHookName')).toBe('termination');
  expect(await traces.activities(id)).toEqual([
    expect.stringContaining('shrinking the capacity from 1 to 0'),
    expect.stringContaining('increasing the capacity from 0 to 1'),
  ]);
  expectInOrder(await traces.lines(id), [
    /^Started mayfly-deadman\.timer/,
    /^mayfly-boot: run the playbook/,
    /^Started mayfly-slot@/,
    /"msg":"ready for work"/,
    /"state":"succeeded","msg":"job ended"/,
    /"reason":"idle".*"msg":"retiring"/,
    /"reason":"idle".*"msg":"retired"/,
    /^Reached target shutdown\.target/,
    /^Journal stopped/,
  ]);
});
