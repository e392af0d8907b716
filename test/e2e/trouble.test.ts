import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { RemovalPolicy } from 'aws-cdk-lib';
import { expect, it } from 'vitest';
import { callerInstance, parseCalls } from '../../checker/calls.ts';
import { readFleetState } from '../../demo/watch.ts';
import { eventually } from '../support/eventually.ts';
import type { TestFleet } from '../support/fleet.ts';
import { expectSound, fleets } from '../support/suite.ts';

const startFleet = fleets();
const LONG_MS = 240_000;
/** More than the 4 KiB of a log that a record keeps, so that the log goes to the bucket. */
const LONG_LOG_BYTES = 100_000;

it(
  'finishes a job elsewhere after its agent was killed',
  async () => {
    const fleet = await startFleet();
    const gate = join(fleet.directory, 'gate');
    const [job = ''] = await fleet.send({ untilFile: gate });
    await fleet.event('start', job);
    const victim = await fleet.ownerOf(job);
    process.kill(await fleet.agentPid(victim), 'SIGKILL');
    await fleet.event('start', job, 2);
    await writeFile(gate, '');
    await fleet.event('end', job, 2);
    await fleet.backToZero(120_000);
    const { notes } = await expectSound(fleet, { succeeded: 1, runs: 2 });
    expect(notes).toHaveLength(1);
  },
  LONG_MS,
);

it(
  'stops a worker before its lease ends when the agent is cut off from the queue',
  async () => {
    const fleet = await startFleet();
    const gate = join(fleet.directory, 'gate');
    const [job = ''] = await fleet.send({ untilFile: gate });
    await fleet.event('start', job);
    const victim = await fleet.ownerOf(job);
    const cut = fleet.cloud.faults.add({
      service: 'sqs',
      caller: victim,
      effect: { kind: 'reset', applied: false },
    });
    const again = await fleet.event('start', job, 2);
    const firstRun = (await fleet.journal()).filter((line) => line.job === job && line.attempt === 1);
    expect(Math.max(...firstRun.map(({ atMs }) => atMs))).toBeLessThan(again.atMs);
    cut.remove();
    await writeFile(gate, '');
    await fleet.event('end', job, 2);
    await fleet.backToZero(120_000);
    await expectSound(fleet, { succeeded: 1, runs: 2 });
  },
  LONG_MS,
);

it(
  'repeats the terminate call while it is throttled',
  async () => {
    const fleet = await startFleet();
    const throttled = fleet.cloud.faults.add({
      service: 'autoscaling',
      action: 'TerminateInstanceInAutoScalingGroup',
      times: 4,
      effect: { kind: 'throttle' },
    });
    await fleet.send({ sleepMs: 100 });
    await fleet.backToZero(120_000);
    expect(throttled.timesApplied).toBe(4);
    await expectSound(fleet, { succeeded: 1 });
    expect(await terminateCalls(fleet)).toContain(200);
  },
  LONG_MS,
);

it(
  'uses a later escalation step when the terminate call is always refused, and the keeper corrects the capacity',
  async () => {
    const fleet = await startFleet();
    fleet.cloud.faults.add({
      service: 'autoscaling',
      action: ['TerminateInstanceInAutoScalingGroup', 'SetInstanceHealth'],
      // Only the calls of instances, not those of the keeper.
      when: (_, { caller }) => caller.kind === 'role' && caller.sessionName.startsWith('i-'),
      effect: { kind: 'error', code: 'AccessDenied', status: 403 },
    });
    await fleet.send({ sleepMs: 100 });
    await fleet.backToZero(60_000);
    expect(await terminateCalls(fleet)).not.toContain(200);
    await expectSound(fleet, { succeeded: 1 });
  },
  LONG_MS,
);

it(
  'lets busy instances end their jobs when the stack is deleted, and nothing is left, long logs included',
  async () => {
    const fleet = await startFleet({ removalPolicy: RemovalPolicy.DESTROY });
    const gate = join(fleet.directory, 'gate');
    const [long = '', ...jobs] = await fleet.send(
      ...[{ print: LONG_LOG_BYTES }, { untilFile: gate }, { untilFile: gate }],
    );
    await fleet.event('end', long);
    for (const job of jobs) await fleet.event('start', job);
    expect((await fleet.instances()).length).toBeGreaterThanOrEqual(2);
    const { queueUrl, group, logBucket, table } = fleet.stack;
    await eventually('the log in the bucket', async () => {
      const { KeyCount = 0 } = await fleet.clients.s3.send(new ListObjectsV2Command({ Bucket: logBucket }));
      return KeyCount > 0;
    });
    const deleted = fleet.deleteStack();
    await eventually(
      'the deletion to reach the group',
      async () => (await readFleetState(fleet.clients, queueUrl, group)).desired === 0,
    );
    await writeFile(gate, '');
    await deleted;
    expect(await fleet.instances()).toEqual([]);
    await expect(fleet.cloud.call('s3', 'HeadBucket', { Bucket: logBucket })).rejects.toThrow('NotFound');
    expect(await fleet.cloud.call('sqs', 'ListQueues', {})).toMatchObject({ QueueUrls: [] });
    await expect(fleet.cloud.call('dynamodb', 'DescribeTable', { TableName: table })).rejects.toMatchObject({
      code: 'ResourceNotFoundException',
    });
    await expectSound(fleet, { succeeded: 3, runs: 3 });
  },
  LONG_MS,
);

/** The status of each terminate call of an instance. */
async function terminateCalls(fleet: TestFleet): Promise<number[]> {
  const calls = parseCalls(await readFile(fleet.cloud.logFile, 'utf8'));
  return calls
    .filter((call) => call.action === 'TerminateInstanceInAutoScalingGroup' && callerInstance(call))
    .map(({ status }) => status);
}
