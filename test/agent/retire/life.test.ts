import { afterEach, describe, expect, test } from 'vitest';
import { type Fleet, type FleetOptions, LAUNCH_HOOK, startAgent, startFleet, until } from './fleet.ts';

let fleet: Fleet | undefined;
afterEach(async () => {
  await fleet?.close();
  fleet = undefined;
});
const open = async (options?: FleetOptions): Promise<Fleet> => {
  fleet = await startFleet(options);
  return fleet;
};
const callsOf = (one: Fleet, action: string) => one.calls.filter((call) => call.action === action);

describe('a life without trouble', () => {
  test('boots, idles, retires: desired lowered, hooks completed, the reason on record everywhere', async () => {
    const one = await open();
    const agent = await startAgent(one);
    const retirement = await agent.life.ended;
    expect(retirement).toMatchObject({
      reason: 'idle',
      rung: 'terminate',
      tries: 1,
      queueDepth: 0,
      jobsDone: 0,
    });
    expect(retirement.idleSeconds).toBeGreaterThanOrEqual(0.3);
    expect(await agent.retirementFile()).toEqual({ instance: agent.instance, ...retirement });
    expect(await agent.poweredOff()).toBe(true);
    const record = await one.instanceRecord(agent.instance);
    expect(record).toMatchObject({ listing: 'retired', retirement, bootSeconds: expect.any(Number) });
    expect(record.expires).toBeGreaterThan(Date.now() / 1000);
    expect((await one.group()).desired).toBe(0);
    const completed = callsOf(one, 'CompleteLifecycleAction').filter(({ status }) => status === 200);
    expect(completed.map(({ input }) => input)).toMatchObject([
      { LifecycleHookName: 'launch', LifecycleActionResult: 'CONTINUE', InstanceId: agent.instance },
      { LifecycleHookName: 'termination', LifecycleActionResult: 'CONTINUE', InstanceId: agent.instance },
    ]);
  });

  test('works first: the record tells how many jobs', async () => {
    const one = await open();
    for (const body of ['true', 'false', 'exit 65']) await one.send(body);
    const agent = await startAgent(one, { config: { maxAttempts: 1, concurrency: 2 } });
    expect(await agent.life.ended).toMatchObject({ reason: 'idle', jobsDone: 3 });
  });

  test('an agent that starts again keeps the time at which its instance was ready first', async () => {
    const one = await open();
    const inService = one.nextCall(({ action }) => action === 'CompleteLifecycleAction');
    const first = await startAgent(one, { config: { retirement: patient } });
    await inService;
    const { readyAt, bootSeconds } = await one.instanceRecord(first.instance);
    await first.life.stop();
    await first.work.drain(0);
    expect((await one.instanceRecord(first.instance)).retirement?.reason).toBe('stopped');
    const looked = one.nextCall(({ action }) => action === 'DescribeAutoScalingGroups');
    const again = await startAgent(one, { config: { retirement: patient } });
    await looked;
    const record = await one.instanceRecord(first.instance);
    expect(record).toMatchObject({ readyAt, bootSeconds, listing: 'instances' });
    expect(record.retirement).toBeUndefined();
    await again.life.stop();
    await again.work.drain(0);
  });
});

const patient = { billing: 'auto', idleSeconds: 600, hourMarginSeconds: 120, ladderSeconds: 5 } as const;

describe('the last look', () => {
  test('a job that comes in the meantime is done before the instance goes', async () => {
    const one = await open();
    const agent = await startAgent(one);
    // Nothing is received any more; what comes now is only seen by the last look.
    const paused = one.faults.add({
      action: 'ReceiveMessage',
      times: 1,
      effect: { kind: 'error', code: 'InternalError', status: 500 },
    });
    await one.nextCall(({ action, fault }) => action === 'ReceiveMessage' && fault !== undefined);
    await one.send('sleep 0.2');
    expect(await agent.life.ended).toMatchObject({ reason: 'idle', jobsDone: 1, queueDepth: 0 });
    paused.remove();
  });

  test('a queue that does not answer keeps no instance alive', async () => {
    const one = await open();
    one.faults.add({ service: 'sqs', effect: { kind: 'error', code: 'InternalError', status: 500 } });
    const agent = await startAgent(one);
    const retirement = await agent.life.ended;
    expect(retirement).toMatchObject({ reason: 'idle', rung: 'terminate' });
    expect(retirement).not.toHaveProperty('queueDepth');
  });
});

describe('the ladder', () => {
  test('refused at the minimum: works on, asks no more while it sees the group there, goes when it may', async () => {
    const one = await open({ desired: 2 });
    const [agent] = await Promise.all([startAgent(one), one.launcher.booted(2)]);
    await one.call('autoscaling', 'UpdateAutoScalingGroup', {
      AutoScalingGroupName: 'fleet',
      MinSize: 2,
    });
    const retired = agent.life.ended;
    await one.send('true');
    await until(agent.work, ({ jobsDone, idleSinceMs }) => jobsDone === 1 && idleSinceMs !== undefined);
    await one.nextCall(({ action }) => action === 'DescribeAutoScalingGroups');
    await one.send('true');
    await until(agent.work, ({ jobsDone }) => jobsDone === 2);
    expect((await one.group()).desired).toBe(2);
    await one.call('autoscaling', 'UpdateAutoScalingGroup', {
      AutoScalingGroupName: 'fleet',
      MinSize: 1,
    });
    expect(await retired).toMatchObject({ reason: 'idle', rung: 'terminate', jobsDone: 2 });
  });

  test('refused at a minimum that it did not see: back to work, and nothing stays on record', async () => {
    const one = await open({ minSize: 1 });
    one.faults.add({ action: 'DescribeAutoScalingGroups', effect: denied });
    const refusal = one.nextCall(({ action }) => action === 'TerminateInstanceInAutoScalingGroup');
    const agent = await startAgent(one);
    expect(await refusal).toMatchObject({ error: 'ValidationError' });
    await one.send('true');
    await until(agent.work, ({ jobsDone }) => jobsDone === 1);
    expect((await one.instanceRecord(agent.instance)).retirement).toBeUndefined();
    expect(await agent.retirementFile()).toBeUndefined();
    expect(await agent.poweredOff()).toBe(false);
    await agent.life.stop();
    await agent.work.drain(0);
  });

  test('throttled for a while: asked again until it is accepted', async () => {
    const one = await open();
    one.faults.add({
      action: 'TerminateInstanceInAutoScalingGroup',
      times: 4,
      effect: { kind: 'throttle' },
    });
    const agent = await startAgent(one, {
      config: { retirement: { ...patient, idleSeconds: 0.3, ladderSeconds: 60 } },
    });
    expect(await agent.life.ended).toMatchObject({
      rung: 'terminate',
      tries: 2,
      lastError: expect.stringContaining('Throttling'),
    });
    expect((await one.group()).desired).toBe(0);
  });

  test('an answer that got lost: the second call changes nothing more', async () => {
    const one = await open({ desired: 2 });
    one.faults.add({
      action: 'TerminateInstanceInAutoScalingGroup',
      times: 1,
      effect: { kind: 'error', code: 'InternalFailure', status: 500, applied: true },
    });
    const agent = await startAgent(one);
    expect(await agent.life.ended).toMatchObject({ rung: 'terminate' });
    expect((await one.group()).desired).toBe(1);
  });

  test('never let go: unhealthy, and AWS replaces it', async () => {
    const one = await open();
    one.faults.add({ action: 'TerminateInstanceInAutoScalingGroup', effect: denied });
    const agent = await startAgent(one);
    expect(await agent.life.ended).toMatchObject({ rung: 'unhealthy', tries: 2 });
    expect(await one.instanceRecord(agent.instance)).toMatchObject({ listing: 'instances' });
    expect(await agent.poweredOff()).toBe(true);
  });

  test('nothing is granted: power off, which is tried until it works', async () => {
    const one = await open();
    one.faults.add({ service: 'autoscaling', effect: denied });
    const counted = 'echo x >> tries; [ $(wc -l < tries) -ge 2 ]';
    const powerOffCommand = ['sh', '-c', `cd ${one.directory}; ${counted}`];
    const agent = await startAgent(one, { config: { powerOffCommand } });
    expect(await agent.life.ended).toMatchObject({
      rung: 'power-off',
      tries: 2,
      lastError: expect.stringContaining('AccessDenied'),
    });
    expect((await agent.retirementFile())?.['rung']).toBe('power-off');
  });
});

const denied = { kind: 'error', code: 'AccessDenied', message: 'not authorized', status: 403 } as const;

describe('instances that must go', () => {
  test('the worker is missing: no boot, no replacement, and the keeper is left to count it', async () => {
    const one = await open();
    await one.send('true');
    const agent = await startAgent(one, { workerMissing: './worker is not there' });
    expect(await agent.life.ended).toMatchObject({
      reason: 'worker-missing',
      rung: 'terminate',
      queueDepth: 1,
    });
    const record = await one.instanceRecord(agent.instance);
    expect(record).toMatchObject({ listing: 'instances', retirement: { reason: 'worker-missing' } });
    expect(record.readyAt).toBeUndefined();
    expect((await one.group()).desired).toBe(0);
    expect(callsOf(one, 'ReceiveMessage')).toEqual([]);
    expect(callsOf(one, 'CompleteLifecycleAction').map(({ input }) => input)).toContainEqual(
      expect.objectContaining({ LifecycleHookName: LAUNCH_HOOK, LifecycleActionResult: 'CONTINUE' }),
    );
  });

  test('the worker goes missing while it works', async () => {
    const one = await open({ minSize: 1 });
    const agent = await startAgent(one);
    agent.life.broken('its interpreter is gone');
    const retirement = await agent.life.ended;
    expect(retirement).toMatchObject({ reason: 'worker-missing', rung: 'terminate-without-decrement' });
  });

  test('Auto Scaling ends it in mid-job: the job ends first, with heartbeats, then the hook is completed', async () => {
    const one = await open();
    await one.send('sleep 1');
    const inService = one.nextCall(
      ({ action, status }) => action === 'CompleteLifecycleAction' && status === 200,
    );
    const agent = await startAgent(one);
    await inService;
    await until(agent.work, ({ running }) => running === 1);
    await one.call('autoscaling', 'TerminateInstanceInAutoScalingGroup', {
      InstanceId: agent.instance,
      ShouldDecrementDesiredCapacity: true,
    });
    expect(await agent.life.ended).toMatchObject({ reason: 'auto-scaling', tries: 0, jobsDone: 1 });
    const heartbeats = callsOf(one, 'RecordLifecycleActionHeartbeat').filter(({ status }) => status === 200);
    expect(heartbeats.length).toBeGreaterThan(1);
    expect(callsOf(one, 'CompleteLifecycleAction').at(-1)).toMatchObject({ status: 200 });
  });

  test('a Spot notice in mid-job: the job is handed back in time', async () => {
    const one = await open({ spot: true });
    await one.send('sleep 600');
    const agent = await startAgent(one);
    await until(agent.work, ({ running }) => running === 1);
    const machine = one.machines.get(agent.instance);
    // Grace and margin are kept back: nothing is left for the job.
    machine.notices.spotAction = { action: 'terminate', time: new Date(Date.now() + 16_000) };
    expect(await agent.life.ended).toMatchObject({
      reason: 'spot-interruption',
      queueDepth: 1,
      rung: 'terminate-without-decrement',
    });
    expect((await one.group()).desired).toBe(1);
  });

  test('the group is being deleted: the job ends, then the instance goes without decrement', async () => {
    const one = await open();
    await one.send('sleep 0.5');
    const agent = await startAgent(one);
    await until(agent.work, ({ running }) => running === 1);
    const size = { MinSize: 0, MaxSize: 0, DesiredCapacity: 0 };
    await one.call('autoscaling', 'UpdateAutoScalingGroup', { AutoScalingGroupName: 'fleet', ...size });
    expect(await agent.life.ended).toMatchObject({
      reason: 'group-deleted',
      rung: 'terminate-without-decrement',
      jobsDone: 1,
    });
  });

  test('more run than are desired: the idle ones that are too many go, and are not replaced', async () => {
    const one = await open({ desired: 2 });
    const config = { retirement: patient };
    const agents = await Promise.all([0, 1].map((machine) => startAgent(one, { machine, config })));
    await one.call('autoscaling', 'SetDesiredCapacity', {
      AutoScalingGroupName: 'fleet',
      DesiredCapacity: 1,
    });
    const retirement = await Promise.race(agents.map(({ life }) => life.ended));
    expect(retirement).toMatchObject({ reason: 'surplus', rung: 'terminate-without-decrement' });
    expect((await one.group()).desired).toBe(1);
    expect(one.machines.all()).toHaveLength(2);
    for (const { life, work } of agents) {
      await life.stop();
      await work.drain(0);
    }
  });
});

describe('with little around it', () => {
  test('on no EC2 instance: the last rung is all there is', async () => {
    const one = await open({ desired: 0 });
    const agent = await startAgent(one, { machine: null });
    expect(await agent.life.ended).toMatchObject({ reason: 'idle', rung: 'power-off', tries: 0 });
    expect(
      one.calls.filter(({ service, caller }) => service === 'autoscaling' && caller === 'owner'),
    ).toEqual([]);
    expect((await agent.retirementFile())?.['rung']).toBe('power-off');
  });

  test('without a table: the record is on the instance alone', async () => {
    const one = await open();
    const agent = await startAgent(one, { config: { table: undefined } });
    await agent.life.ended;
    expect((await agent.retirementFile())?.['reason']).toBe('idle');
    expect(await one.item(`instance#${agent.instance}`)).toBeUndefined();
  });

  test('a table that fails holds nothing up', async () => {
    const one = await open();
    one.faults.add({
      service: 'dynamodb',
      effect: { kind: 'error', code: 'InternalServerError', status: 500 },
    });
    const agent = await startAgent(one);
    expect(await agent.life.ended).toMatchObject({ reason: 'idle', rung: 'terminate' });
  });
});
