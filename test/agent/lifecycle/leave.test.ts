import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createInstanceStore } from '../../../store/instance-store.ts';
import {
  callsOf,
  type Fleet,
  LAUNCH_HOOK,
  LONG_RETIREMENT,
  openFleet,
  readSavedLogs,
  startAgent,
  TABLE,
  until,
} from '../../support/agent-fleet.ts';
import { eventually } from '../../support/eventually.ts';

const open = openFleet();

const storeOf = ({ clients }: Fleet) => createInstanceStore(clients.dynamodb, TABLE, 60);

const UNTIL_GO = 'until [ -e go ]; do sleep 0.05; done';
const go = ({ directory }: Fleet) => writeFile(join(directory, 'go'), '');

describe('instances that must end', () => {
  test('the worker is missing: no boot, no replacement, and the keeper counts it', async () => {
    const one = await open();
    await one.send('true');
    const agent = await startAgent(one, { workerMissing: './worker is not there' });
    expect(await agent.lifecycle.ended).toMatchObject({
      reason: 'worker-missing',
      rung: 'terminate',
      queueDepth: 1,
    });
    const record = await one.instanceRecord(agent.instance);
    expect(record).toMatchObject({ listing: 'instances', retirement: { reason: 'worker-missing' } });
    expect(record.readyAt).toBeUndefined();
    expect((await readSavedLogs(one))[0]?.key).toMatch(/-worker-missing\.log$/);
    expect((await one.group()).desired).toBe(0);
    expect(callsOf(one, 'ReceiveMessage')).toEqual([]);
    expect(callsOf(one, 'CompleteLifecycleAction').map(({ input }) => input)).toContainEqual(
      expect.objectContaining({ LifecycleHookName: LAUNCH_HOOK, LifecycleActionResult: 'CONTINUE' }),
    );
  });

  test.each(['worker-missing', 'disk-full', 'unhealthy'] as const)(
    '%s while it works: replaced, with the problem recorded and the log saved',
    async (reason) => {
      const one = await open({ minSize: 1 });
      const agent = await startAgent(one);
      const why = { reason, problem: 'what was wrong', job: 'm-1' };
      agent.lifecycle.reportBroken(why);
      const retirement = await agent.lifecycle.ended;
      expect(retirement).toMatchObject({ ...why, rung: 'terminate-without-decrement' });
      expect((await one.instanceRecord(agent.instance)).retirement).toMatchObject(why);
      const key = expect.stringMatching(
        new RegExp(`^instances/${agent.instance}/[-0-9TZ]+-${reason}\\.log$`),
      );
      expect(await readSavedLogs(one)).toEqual([{ key, text: 'what the agent logged\n' }]);
    },
  );

  test('Auto Scaling terminates it during a job: heartbeats until the job ends, then the hook is completed', async () => {
    const one = await open();
    await one.send(UNTIL_GO);
    const inService = one.nextCall(
      ({ action, status }) => action === 'CompleteLifecycleAction' && status === 200,
    );
    const agent = await startAgent(one, { config: { leaseSeconds: 15 } });
    await inService;
    await until(agent.work, ({ running }) => running === 1);
    await one.call('autoscaling', 'TerminateInstanceInAutoScalingGroup', {
      InstanceId: agent.instance,
      ShouldDecrementDesiredCapacity: true,
    });
    const heartbeats = () =>
      callsOf(one, 'RecordLifecycleActionHeartbeat').filter(({ status }) => status === 200);
    await eventually('heartbeats', () => heartbeats().length > 1);
    await go(one);
    expect(await agent.lifecycle.ended).toMatchObject({ reason: 'auto-scaling', tries: 0, jobsDone: 1 });
    expect(callsOf(one, 'CompleteLifecycleAction').at(-1)).toMatchObject({ status: 200 });
  });

  test('a Spot notice during a job: the job is requeued in time', async () => {
    const one = await open({ spot: true });
    await one.send('sleep 600');
    const agent = await startAgent(one, { config: { leaseSeconds: 15 } });
    await until(agent.work, ({ running }) => running === 1);
    const machine = one.instances.get(agent.instance);
    // The grace period and the margin are reserved: no time is left for the job.
    machine.notices.spotAction = { action: 'terminate', time: new Date(Date.now() + 16_000) };
    expect(await agent.lifecycle.ended).toMatchObject({
      reason: 'spot-interruption',
      queueDepth: 1,
      rung: 'terminate-without-decrement',
    });
    expect((await one.group()).desired).toBe(1);
  });

  test('the group is being deleted: the job ends, then the instance ends without decrement', async () => {
    const one = await open();
    await one.send(UNTIL_GO);
    const agent = await startAgent(one, { config: { leaseSeconds: 15 } });
    await until(agent.work, ({ running }) => running === 1);
    const size = { MinSize: 0, MaxSize: 0, DesiredCapacity: 0 };
    await one.call('autoscaling', 'UpdateAutoScalingGroup', { AutoScalingGroupName: 'fleet', ...size });
    await go(one);
    expect(await agent.lifecycle.ended).toMatchObject({
      reason: 'group-deleted',
      rung: 'terminate-without-decrement',
      jobsDone: 1,
    });
  });

  test('drained by an operator during a job: the job ends, no other is taken, and as jobs wait the instance is replaced', async () => {
    const one = await open({ desired: 2 });
    await one.send(UNTIL_GO);
    const agent = await startAgent(one, { config: { leaseSeconds: 15 } });
    await until(agent.work, ({ running }) => running === 1);
    const asked = await storeOf(one).requestDrain(agent.instance, Date.now());
    expect(asked).toMatchObject({ instance: agent.instance, listing: 'instances' });
    expect(await storeOf(one).requestDrain(agent.instance, Date.now() + 60_000)).toMatchObject({
      drainRequestedAt: asked?.drainRequestedAt,
    });
    await eventually('the error in the record', async () => {
      const { forecast } = await one.instanceRecord(agent.instance);
      return forecast?.next === 'leave' && forecast.reason === 'drained';
    });
    await one.send('true');
    await go(one);
    expect(await agent.lifecycle.ended).toMatchObject({
      reason: 'drained',
      rung: 'terminate-without-decrement',
      jobsDone: 1,
      queueDepth: 1,
    });
    expect(await one.instanceRecord(agent.instance)).toMatchObject({
      listing: 'retired',
      retirement: { reason: 'drained' },
    });
    expect(await storeOf(one).requestDrain(agent.instance, Date.now())).toBeUndefined();
  });

  test('drained while idle, with an empty queue: it ends, and the desired capacity falls', async () => {
    const one = await open({ desired: 2 });
    const agent = await startAgent(one, { config: { retirement: LONG_RETIREMENT } });
    await eventually('its record', async () => (await one.instanceRecord(agent.instance)).listing);
    await storeOf(one).requestDrain(agent.instance, Date.now());
    expect(await agent.lifecycle.ended).toMatchObject({ reason: 'drained', rung: 'terminate', jobsDone: 0 });
    expect((await one.group()).desired).toBe(1);
  });

  test('more instances than desired: idle surplus instances end and are not replaced', async () => {
    const one = await open({ desired: 2 });
    const config = { retirement: LONG_RETIREMENT };
    const agents = await Promise.all([0, 1].map((machine) => startAgent(one, { machine, config })));
    await one.call('autoscaling', 'SetDesiredCapacity', {
      AutoScalingGroupName: 'fleet',
      DesiredCapacity: 1,
    });
    const retirement = await Promise.race(agents.map(({ lifecycle }) => lifecycle.ended));
    expect(retirement).toMatchObject({ reason: 'surplus', rung: 'terminate-without-decrement' });
    expect((await one.group()).desired).toBe(1);
    expect(one.instances.all()).toHaveLength(2);
    for (const { lifecycle, work } of agents) {
      await lifecycle.stop();
      await work.drain(0);
    }
  });
});
