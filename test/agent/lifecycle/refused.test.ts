import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { describe, expect, test } from 'vitest';
import type { FaultEffect } from '../../../local/front-door/faults.ts';
import { updateFleetState } from '../../../store/fleet-state.ts';
import {
  callsOf,
  type Fleet,
  GROUP,
  LONG_RETIREMENT,
  openFleet,
  readSavedLogs,
  startAgent,
  TABLE,
} from '../../support/agent-fleet.ts';
import { eventually } from '../../support/eventually.ts';

const open = openFleet();

/** The agent retires after half a second of refusals. */
const IMPATIENT = { retirement: { ...LONG_RETIREMENT, idleSeconds: 0.3, refusalSeconds: 0.5 } };

const denied: FaultEffect = {
  kind: 'error',
  code: 'AccessDenied',
  message: 'not authorized to perform: sqs:receivemessage',
  status: 403,
};
const tableDenied: FaultEffect = { ...denied, code: 'AccessDeniedException', status: 400 };

/** Messages that are visible, delayed or in flight. */
async function messagesOf({ clients, queueUrl }: Fleet): Promise<number> {
  const { Attributes = {} } = await clients.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] }),
  );
  const counts = Object.entries(Attributes).filter(([name]) => name.startsWith('ApproximateNumberOf'));
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

describe('refused receives', () => {
  test.each(['AccessDenied', 'KmsAccessDenied', 'AWS.SimpleQueueService.NonExistentQueue'])(
    '%s: never ready, not idle, and ended for that reason, with the last error and the log recorded',
    async (code) => {
      const one = await open();
      await one.send('true');
      one.faults.add({ action: 'ReceiveMessage', effect: { ...denied, code } });
      const agent = await startAgent(one, { config: IMPATIENT });
      const retirement = await agent.lifecycle.ended;
      expect(retirement).toMatchObject({
        reason: 'cannot-receive',
        refusal: 'lasting',
        problem: expect.stringContaining('not authorized to perform: sqs:receivemessage'),
        rung: 'terminate',
        jobsDone: 0,
        queueDepth: 1,
      });
      const record = await one.instanceRecord(agent.instance);
      // The keeper still has to count it.
      expect(record).toMatchObject({ listing: 'instances', retirement });
      expect(record.readyAt).toBeUndefined();
      const [log] = await readSavedLogs(one);
      expect(log?.key).toMatch(new RegExp(`^instances/${agent.instance}/[-0-9TZ]+-cannot-receive\\.log$`));
      expect(log?.text).toBe('what the agent logged\n');
      expect(callsOf(one, 'CompleteLifecycleAction')[0]?.status).toBe(200);
    },
  );

  test('an outage is tolerated for longer, and does not count as lasting', async () => {
    const one = await open();
    one.faults.add({ action: 'ReceiveMessage', effect: { kind: 'throttle' } });
    const agent = await startAgent(one, {
      config: { retirement: { ...LONG_RETIREMENT, idleSeconds: 0.1, refusalSeconds: 0.3 } },
    });
    expect(await agent.lifecycle.ended).toMatchObject({ reason: 'cannot-receive', refusal: 'passing' });
    // Without the table the keeper knows the instance only by the key of the log.
    expect((await readSavedLogs(one))[0]?.key).toMatch(/Z-cannot-receive-outage\.log$/);
  });

  test('answered in time: ready from then on, and works', async () => {
    const one = await open();
    await one.send('true');
    const fault = one.faults.add({ action: 'ReceiveMessage', effect: denied });
    const agent = await startAgent(one, {
      config: { retirement: { ...LONG_RETIREMENT, idleSeconds: 0.3, refusalSeconds: 60 } },
    });
    const refused = await eventually('a recorded refusal', async () => {
      const { forecast } = await one.instanceRecord(agent.instance);
      return forecast?.refused;
    });
    expect(refused).toMatchObject({
      what: 'receive',
      error: expect.stringMatching(/^AccessDenied: not auth/),
    });
    expect((await one.instanceRecord(agent.instance)).readyAt).toBeUndefined();
    fault.remove();
    expect(await agent.lifecycle.ended).toMatchObject({ reason: 'idle', jobsDone: 1 });
    expect((await one.instanceRecord(agent.instance)).readyAt).toBeDefined();
  });

  test('in a paused fleet nothing is received, and the instance is ready all the same', async () => {
    const one = await open();
    await updateFleetState(one.clients.dynamodb, TABLE, { pausedAtMs: Date.now() });
    one.faults.add({ action: 'ReceiveMessage', effect: denied });
    const agent = await startAgent(one, {
      config: { retirement: { ...LONG_RETIREMENT, refusalSeconds: 0.1 } },
    });
    await eventually('readiness', async () => (await one.instanceRecord(agent.instance)).readyAt);
    expect(callsOf(one, 'ReceiveMessage')).toEqual([]);
    await agent.lifecycle.stop();
  });
});

describe('a refused table', () => {
  test('claims denied: the instance ends, and the job is requeued without an attempt', async () => {
    const one = await open();
    await one.send('true');
    one.faults.add({
      service: 'dynamodb',
      when: (input) => JSON.stringify(input).includes('job#'),
      effect: tableDenied,
    });
    const agent = await startAgent(one, { config: IMPATIENT });
    expect(await agent.lifecycle.ended).toMatchObject({
      reason: 'cannot-use-table',
      refusal: 'lasting',
      problem: expect.stringMatching(/^AccessDeniedException/),
      jobsDone: 0,
    });
    expect(await messagesOf(one)).toBe(1);
  });

  test('a claim was denied and no job came since: the instance retires as idle all the same', async () => {
    const one = await open();
    const retirement = { ...LONG_RETIREMENT, idleSeconds: 0.1, refusalSeconds: 0.2 };
    const agent = await startAgent(one, { config: { retirement } });
    agent.refusals.failed('claim', Object.assign(new Error('denied'), { name: 'AccessDeniedException' }));
    expect(await agent.lifecycle.ended).toMatchObject({ reason: 'idle' });
  });

  test('deleted: the instance is never ready, does not retire as idle, and its log is saved', async () => {
    const one = await open();
    await one.call('dynamodb', 'DeleteTable', { TableName: TABLE });
    const agent = await startAgent(one, { config: IMPATIENT });
    expect(await agent.lifecycle.ended).toMatchObject({
      reason: 'cannot-use-table',
      refusal: 'lasting',
      problem: expect.stringMatching(/^ResourceNotFoundException/),
    });
    expect((await readSavedLogs(one))[0]?.key).toMatch(/-cannot-use-table\.log$/);
  });

  test('an untracked fleet works without the table', async () => {
    const one = await open();
    await one.send('true');
    one.faults.add({ service: 'dynamodb', effect: tableDenied });
    const agent = await startAgent(one, { config: { ...IMPATIENT, trackJobs: false } });
    expect(await agent.lifecycle.ended).toMatchObject({ reason: 'idle', jobsDone: 1 });
  });
});

describe('a refused role of the workers', () => {
  const config = { workerRole: 'arn:aws:iam::000000000000:role/worker' };

  test('no job is taken, as it would fail, and the instance ends', async () => {
    const one = await open();
    await one.send('true');
    one.faults.add({
      action: 'AssumeRole',
      effect: { ...denied, message: 'not authorized: sts:AssumeRole' },
    });
    const agent = await startAgent(one, { config: { ...IMPATIENT, ...config } });
    expect(await agent.lifecycle.ended).toMatchObject({
      reason: 'cannot-assume-worker-role',
      refusal: 'lasting',
      problem: 'AccessDenied: not authorized: sts:AssumeRole',
      jobsDone: 0,
    });
    expect(callsOf(one, 'ReceiveMessage')).toEqual([]);
  });

  test('a surplus instance ends without a last receive, and takes no job', async () => {
    const one = await open({ desired: 2 });
    for (let index = 0; index < 2; index++) await one.send('true');
    one.faults.add({ action: 'AssumeRole', effect: denied });
    const agents = await Promise.all(
      [0, 1].map((machine) =>
        startAgent(one, { machine, config: { ...config, retirement: LONG_RETIREMENT } }),
      ),
    );
    await eventually('both to be held', async () =>
      agents.every(({ refusals }) => refusals.current['worker-role']),
    );
    // More instances run than desired, as Auto Scaling may not terminate a protected instance.
    await one.call('autoscaling', 'SetDesiredCapacity', {
      ...{ AutoScalingGroupName: GROUP, DesiredCapacity: 1 },
    });
    const went = await Promise.race(agents.map(({ lifecycle }) => lifecycle.ended));
    expect(went).toMatchObject({ reason: 'surplus', jobsDone: 0 });
    expect(callsOf(one, 'ReceiveMessage')).toEqual([]);
    expect(await messagesOf(one)).toBe(2);
    await Promise.all(agents.map(({ lifecycle }) => lifecycle.stop()));
  });

  test('granted in time: jobs are taken', async () => {
    const one = await open();
    await one.send('true');
    one.faults.add({ action: 'AssumeRole', times: 2, effect: denied });
    one.faults.add({ action: 'AssumeRole', effect: { kind: 'error', code: 'Busy', status: 503 } });
    const agent = await startAgent(one, {
      config: { ...config, retirement: { ...LONG_RETIREMENT, idleSeconds: 0.3, refusalSeconds: 60 } },
    });
    expect(await agent.lifecycle.ended).toMatchObject({ reason: 'idle', jobsDone: 1 });
  });
});
