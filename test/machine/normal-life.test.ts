import { expect, test } from 'vitest';
import { member } from '../../checker/calls.ts';
import { expectSound } from '../support/suite.ts';
import { expectInOrder, machineFleets } from './support/suite.ts';
import { tracesOf } from './support/traces.ts';

const start = machineFleets();

/** The shortest long poll: those before it wait longer, and a short poll would ask only some of SQS's servers. */
const LAST_LOOK_SECONDS = 1;
/** The calls of the end of a life. */
const LAST = ['ReceiveMessage', 'TerminateInstanceInAutoScalingGroup', 'CompleteLifecycleAction'];

test('a machine boots for a job, works on it, goes when it has no more to do, and keeps its journal', async () => {
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
  const [look, terminate, hook] = calls;
  expect(look && member(look, 'WaitTimeSeconds')).toBe(LAST_LOOK_SECONDS);
  expect(terminate && member(terminate, 'ShouldDecrementDesiredCapacity')).toBe('true');
  expect(hook && member(hook, 'LifecycleHookName')).toBe('termination');
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
