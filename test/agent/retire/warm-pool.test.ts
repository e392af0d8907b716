import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { CallRecord } from '../../../local/front-door/call-log.ts';
import { eventually } from '../../support/eventually.ts';
import { type Agent, callsOf, type Fleet, openFleet, PATIENT, startAgent } from './fleet.ts';

const open = openFleet();

/**
 * A machine that Auto Scaling keeps in the group's warm pool. The cloud here knows no such pools: that the launch hook
 * is completed on the way into it is only seen, and the machine waits in the hook until it is completed once more.
 */
async function openPool(state = 'Warmed:Running') {
  const one = await open();
  one.faults.add({
    action: 'CompleteLifecycleAction',
    times: 1,
    effect: { kind: 'error', code: 'AccessDenied', message: 'seen', status: 403 },
  });
  await one.launcher.booted(1);
  const [machine] = one.machines.all();
  if (!machine) throw new Error('no machine was booted');
  machine.notices.targetLifecycleState = state;
  return { one, machine };
}

const hookOf = ({ input }: CallRecord) => (input as { LifecycleHookName?: string }).LifecycleHookName;
const completions = (one: Fleet) => callsOf(one, 'CompleteLifecycleAction').map(hookOf);

async function ready({ stateDirectory }: Agent): Promise<{ readyAtMs: number; pooled: boolean }> {
  return JSON.parse(await readFile(join(stateDirectory, 'ready.json'), 'utf8'));
}

test('takes no job and does not retire, until it is wanted; then it works, and idles from then on', async () => {
  const { one, machine } = await openPool();
  await one.send('true');
  const idleSeconds = 0.3;
  const agent = await startAgent(one, { config: { retirement: { ...PATIENT, idleSeconds } } });
  await eventually('the launch hook', () => completions(one).length === 1);
  // Twice as long as an idle instance would have stayed.
  const untilMs = performance.now() + 600;
  await eventually('that', () => performance.now() > untilMs);
  expect(callsOf(one, 'ReceiveMessage')).toEqual([]);
  expect(callsOf(one, 'TerminateInstanceInAutoScalingGroup')).toEqual([]);
  const record = await eventually('the record', () => ready(agent).catch(() => undefined));
  expect(record.pooled).toBe(true);
  machine.notices.targetLifecycleState = 'InService';
  const retirement = await agent.life.ended;
  expect(retirement).toMatchObject({ reason: 'idle', rung: 'terminate', jobsDone: 1 });
  expect((await ready(agent)).pooled).toBe(false);
  expect(completions(one)).toEqual(['launch', 'launch', 'termination']);
});

test('stopped in the pool and started again to work: completes the launch hook, as at the first time', async () => {
  const { one, machine } = await openPool('Warmed:Stopped');
  const config = { retirement: PATIENT };
  const pooled = await startAgent(one, { config });
  await eventually('the launch hook', () => completions(one).length === 1);
  const before = await eventually('the record', () => ready(pooled).catch(() => undefined));
  await pooled.life.stop();
  await pooled.work.drain(0);
  machine.notices.targetLifecycleState = 'InService';
  // The hook's wait state is a moment late: it is asked again.
  one.faults.add({
    action: 'CompleteLifecycleAction',
    times: 1,
    effect: {
      kind: 'error',
      code: 'ValidationError',
      message: 'No active Lifecycle Action found',
      status: 400,
    },
  });
  await one.send('true');
  const again = await startAgent(one, { config });
  await eventually('the job', () => again.work.state().jobsDone === 1);
  expect(completions(one)).toEqual(['launch', 'launch', 'launch']);
  expect((await one.group()).states).toEqual({ [again.instance]: 'InService' });
  const after = await eventually('readiness', async () => {
    const known = await ready(again);
    return !known.pooled && known;
  });
  expect(after.readyAtMs).toBeGreaterThan(before.readyAtMs);
  await again.life.stop();
  await again.work.drain(0);
});

test('what AWS refused it in the pool is of no account once it is answered', async () => {
  const { one, machine } = await openPool();
  await one.send('true');
  const agent = await startAgent(one, {
    config: { retirement: { ...PATIENT, idleSeconds: 0.3, refusalSeconds: 0.05 } },
  });
  await eventually('the launch hook', () => completions(one).length === 1);
  const denied = Object.assign(new Error('denied'), { name: 'AccessDeniedException' });
  agent.refusals.failed('report', denied);
  const untilMs = performance.now() + 60;
  await eventually('more than it may last', () => performance.now() > untilMs);
  agent.refusals.failed('report', denied);
  agent.refusals.answered('report');
  machine.notices.targetLifecycleState = 'InService';
  expect(await agent.life.ended).toMatchObject({ reason: 'idle', jobsDone: 1 });
});

test('ended in the pool: goes without a call, and completes the termination hook', async () => {
  const { one, machine } = await openPool();
  const agent = await startAgent(one);
  await eventually('the launch hook', () => completions(one).length === 1);
  machine.notices.targetLifecycleState = 'Warmed:Terminated';
  await one.nextCall((call) => call.action === 'CompleteLifecycleAction' && hookOf(call) === 'termination');
  expect(callsOf(one, 'TerminateInstanceInAutoScalingGroup')).toEqual([]);
  expect(await agent.retirementFile()).toMatchObject({ reason: 'auto-scaling', tries: 0 });
  await agent.life.stop();
});

test('a worker that is missing ends the instance once it has left the pool, not in it', async () => {
  const { one, machine } = await openPool();
  const agent = await startAgent(one, { workerMissing: './worker is not there' });
  await eventually('the launch hook', () => completions(one).length === 1);
  expect(await agent.retirementFile()).toBeUndefined();
  machine.notices.targetLifecycleState = 'InService';
  expect(await agent.life.ended).toMatchObject({ reason: 'worker-missing', rung: 'terminate' });
});
