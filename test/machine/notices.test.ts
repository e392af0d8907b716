import { TerminateInstanceInAutoScalingGroupCommand } from '@aws-sdk/client-auto-scaling';
import { Duration } from 'aws-cdk-lib';
import { expect, test } from 'vitest';
import { readInput } from '../../checker/calls.ts';
import { eventually } from '../support/eventually.ts';
import { expectSound } from '../support/suite.ts';
import { TIMEOUT_MS } from './support/fleet.ts';
import { waitForJobEnd } from './support/job.ts';
import { gate } from './support/set-up.ts';
import { expectInOrder, machineFleets } from './support/suite.ts';
import { tracesOf } from './support/traces.ts';

const start = machineFleets({ baked: true });

/** On EC2 it is two minutes. An agent needs 15 seconds and the grace of it to requeue its jobs and to terminate. */
const NOTICE_MS = 30_000;
const HEARTBEATS = 3;

test('jobs end or move when Spot interrupts their machine, and end before Auto Scaling terminates one', async () => {
  const fleet = await start({
    spotShare: 100,
    concurrency: 2,
    drain: Duration.seconds(1),
    reportInterval: Duration.seconds(1),
  });
  const { instances } = fleet.cloud;
  const { calls, decremented, lines, retirement } = tracesOf(fleet);
  const { there, open } = gate(fleet, 'go');
  const [short = '', long = ''] = await fleet.send({ sleepMs: 8_000 }, { untilFile: there });
  await Promise.all([fleet.event('start', short), fleet.event('start', long)]);
  const first = await fleet.ownerOf(long);
  expect(await fleet.ownerOf(short)).toBe(first);

  instances.interruptSpot(instances.get(first), NOTICE_MS);
  await fleet.event('end', short);
  const second = await fleet.instance(1);
  expect(await retirement(first)).toMatchObject({
    reason: 'spot-interruption',
    rung: 'terminate-without-decrement',
    jobsDone: '1',
  });
  await fleet.gone(first);
  expect(instances.get(first).stateReason?.code).not.toBe('Server.SpotInstanceTermination');
  await eventually(
    `${long} on another machine`,
    async () => (await fleet.ownerOf(long)) === second,
    TIMEOUT_MS,
  );

  // Auto Scaling terminates it and launches a replacement. An operator asks for it: the checker lets nobody else end an
  // instance in the middle of a job.
  await fleet.clients.autoScaling.send(
    new TerminateInstanceInAutoScalingGroupCommand({
      InstanceId: second,
      ShouldDecrementDesiredCapacity: false,
    }),
  );
  const heartbeats = () => calls(second, 'RecordLifecycleActionHeartbeat');
  const several = async () => (await heartbeats()).length >= HEARTBEATS;
  await eventually(`${HEARTBEATS} heartbeats of the hook`, several, TIMEOUT_MS);
  await open();
  expect(await waitForJobEnd(fleet, long)).toMatchObject({
    state: 'succeeded',
    attempts: '1',
    instance: second,
  });
  await fleet.backToZero();
  await expectSound(fleet, { sent: 2, succeeded: 2, runs: 3, instances: 3 });

  const [complete] = (await calls(second, 'CompleteLifecycleAction')).slice(-1);
  const [heartbeat] = (await heartbeats()).slice(-1);
  expect(complete?.status).toBe(200);
  expect(complete && readInput(complete, 'LifecycleHookName')).toBe('termination');
  expect(complete?.atMs).toBeGreaterThan((await fleet.event('end', long)).atMs);
  expect(complete?.atMs).toBeGreaterThan(heartbeat?.atMs ?? Number.NaN);
  expect(await retirement(second)).toMatchObject({ reason: 'auto-scaling', tries: '0', jobsDone: '1' });
  expect(await decremented(second)).toBe(false);
  expectInOrder(await lines(first), [
    /"reason":"spot-interruption".*"msg":"draining"/,
    /"state":"succeeded","msg":"job ended"/,
    /"msg":"retired"/,
    /^Journal stopped/,
  ]);
});
