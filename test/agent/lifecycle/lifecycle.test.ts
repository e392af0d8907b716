import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { callsOf, LONG_RETIREMENT, openFleet, startAgent, until } from '../../support/agent-fleet.ts';
import { eventually } from '../../support/eventually.ts';

const open = openFleet();

describe('a lifecycle without problems', () => {
  test('boots, idles, retires: desired capacity lowered, hooks completed, the reason recorded everywhere', async () => {
    const one = await open();
    const agent = await startAgent(one);
    const retirement = await agent.lifecycle.ended;
    expect(retirement).toMatchObject({
      reason: 'idle',
      rung: 'terminate',
      tries: 1,
      queueDepth: 0,
      jobsDone: 0,
    });
    expect(retirement.idleSeconds).toBeGreaterThanOrEqual(0.3);
    expect(await agent.retirementFile()).toEqual({ instance: agent.instance, ...retirement });
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

  test('no job is taken before the launch hook puts the instance in service, where scale-in protection begins', async () => {
    const one = await open();
    one.faults.add({ action: 'CompleteLifecycleAction', times: 1, effect: { kind: 'latency', ms: 500 } });
    await one.send('true');
    const agent = await startAgent(one);
    expect(await agent.lifecycle.ended).toMatchObject({ jobsDone: 1 });
    const [letIn] = callsOf(one, 'CompleteLifecycleAction');
    const [receive] = callsOf(one, 'ReceiveMessage');
    const letInAtMs = (letIn?.atMs ?? Number.NaN) + (letIn?.durationMs ?? Number.NaN);
    expect(receive?.atMs).toBeGreaterThanOrEqual(Math.floor(letInAtMs));
  });

  test('works first: the record has the number of jobs', async () => {
    const one = await open();
    for (const body of ['true', 'false', 'exit 65']) await one.send(body);
    const agent = await startAgent(one, { config: { maxAttempts: 1, concurrency: 2, leaseSeconds: 15 } });
    expect(await agent.lifecycle.ended).toMatchObject({ reason: 'idle', jobsDone: 3 });
  });

  test('a job whose message was purged: the keeper settles it, otherwise it would stay running forever', async () => {
    const one = await open();
    await one.send('exec sleep 60');
    const agent = await startAgent(one, { config: { leaseSeconds: 2 } });
    await until(agent.work, () => agent.work.state().running > 0);
    await one.call('sqs', 'PurgeQueue', { QueueUrl: one.queueUrl });
    expect(await agent.lifecycle.ended).toMatchObject({ reason: 'idle', rung: 'terminate' });
    expect(await one.instanceRecord(agent.instance)).toMatchObject({ listing: 'instances' });
  });

  test('an agent that starts again keeps the time at which its instance was first ready', async () => {
    const one = await open();
    const first = await startAgent(one, { config: { retirement: LONG_RETIREMENT } });
    await eventually('readiness', () =>
      access(join(first.stateDirectory, 'ready.json')).then(
        () => true,
        () => false,
      ),
    );
    const { readyAt, bootSeconds } = await one.instanceRecord(first.instance);
    expect(readyAt).toBeDefined();
    await first.lifecycle.stop();
    await first.work.drain(0);
    expect((await one.instanceRecord(first.instance)).retirement?.reason).toBe('stopped');
    const looked = one.nextCall(({ action }) => action === 'DescribeAutoScalingGroups');
    const again = await startAgent(one, { config: { retirement: LONG_RETIREMENT } });
    await looked;
    const record = await one.instanceRecord(first.instance);
    expect(record).toMatchObject({ readyAt, bootSeconds, listing: 'instances' });
    expect(record.retirement).toBeUndefined();
    await again.lifecycle.stop();
    await again.work.drain(0);
  });
});

describe('an agent that is stopped during a job', () => {
  test('reports until its jobs have ended: the keeper ends instances that do not report', async () => {
    const one = await open();
    await one.send('until [ -e go ]; do sleep 0.05; done');
    const agent = await startAgent(one, { config: { leaseSeconds: 15, retirement: LONG_RETIREMENT } });
    await until(agent.work, ({ running }) => running === 1);
    const drained = agent.work.drain(60_000);
    await agent.lifecycle.stop(drained, 'SIGTERM');
    const stoppedAtMs = Date.now();
    const readReportTime = async () => (await one.instanceRecord(agent.instance)).reportedAtMs ?? 0;
    await eventually('a later report', async () => (await readReportTime()) > stoppedAtMs);
    expect(agent.work.state().running).toBe(1);
    await writeFile(join(one.directory, 'go'), '');
    await drained;
    expect(await one.instanceRecord(agent.instance)).toMatchObject({
      retirement: { reason: 'stopped', problem: 'it was sent SIGTERM' },
      listing: 'instances',
    });
  });
});

describe('the last receive', () => {
  test('a job that comes meanwhile is done before the instance ends', async () => {
    const one = await open();
    const agent = await startAgent(one);
    // Nothing is received any more. Only the last receive sees what comes now.
    const paused = one.faults.add({
      action: 'ReceiveMessage',
      times: 1,
      effect: { kind: 'error', code: 'InternalError', status: 500 },
    });
    await one.nextCall(({ action, fault }) => action === 'ReceiveMessage' && fault !== undefined);
    await one.send('sleep 0.2');
    expect(await agent.lifecycle.ended).toMatchObject({ reason: 'idle', jobsDone: 1, queueDepth: 0 });
    paused.remove();
  });

  test('a queue that does not answer does not keep an instance', async () => {
    const one = await open();
    one.faults.add({ service: 'sqs', effect: { kind: 'error', code: 'InternalError', status: 500 } });
    const impatient = { ...LONG_RETIREMENT, idleSeconds: 0.3, refusalSeconds: 0.1 };
    const agent = await startAgent(one, { config: { retirement: impatient } });
    const retirement = await agent.lifecycle.ended;
    expect(retirement).toMatchObject({ reason: 'cannot-receive', refusal: 'passing', rung: 'terminate' });
    expect(retirement).not.toHaveProperty('queueDepth');
  });
});

describe('in a minimal environment', () => {
  test('outside EC2 power-off is the only step', async () => {
    const one = await open({ desired: 0 });
    const agent = await startAgent(one, { machine: null });
    expect(await agent.lifecycle.ended).toMatchObject({ reason: 'idle', rung: 'power-off', tries: 0 });
    expect(
      one.calls.filter(({ service, caller }) => service === 'autoscaling' && caller === 'owner'),
    ).toEqual([]);
    expect((await agent.retirementFile())?.['rung']).toBe('power-off');
  });

  test('without a table the record is on the instance only', async () => {
    const one = await open();
    const agent = await startAgent(one, { config: { table: undefined } });
    await agent.lifecycle.ended;
    expect((await agent.retirementFile())?.['reason']).toBe('idle');
    expect(await one.item(`instance#${agent.instance}`)).toBeUndefined();
  });

  test('a table that fails delays nothing', async () => {
    const one = await open();
    one.faults.add({
      service: 'dynamodb',
      effect: { kind: 'error', code: 'InternalServerError', status: 500 },
    });
    const agent = await startAgent(one);
    expect(await agent.lifecycle.ended).toMatchObject({ reason: 'idle', rung: 'terminate' });
  });
});
