import { expect, test } from 'vitest';
import type { AgentConfigInput } from '../../../agent/config/agent-config.ts';
import type { JobRecord, JobState } from '../../../jobs/record.ts';
import type { Fault } from '../../../local/front-door/faults.ts';
import { JobIndex } from '../../../store/job-index.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { ManualRunner } from '../../support/manual-runner.ts';
import { type Agent, isRunning, type TestQueue, testQueues } from '../../support/test-queue.ts';

const open = testQueues();

/** A bench with one job on its queue. The test plays the worker and advances the clock. */
interface Stage {
  bench: TestQueue;
  agent: Agent;
  runner: ManualRunner;
  clock: ManualClock;
  id: string;
  cancel(): Promise<string>;
  record(): Promise<JobRecord | undefined>;
  /** Resolves when the job's record is in this state and the queue is empty. */
  settled(state: JobState): Promise<JobRecord>;
  /** Writes of the record that need this fence are refused until the fault is removed. */
  holdWrites(): Fault;
}

async function stage(config: Partial<AgentConfigInput> = {}): Promise<Stage> {
  const bench = await open();
  const runner = new ManualRunner();
  const clock = new ManualClock(Date.now());
  const agent = await bench.agent('true', { leaseSeconds: 60, ...config }, runner, clock);
  const catalogue = new JobIndex(bench.clients.dynamodb, 'jobs');
  const id = `m-${await bench.send('x')}`;
  const record = () => bench.table.get(id);
  return {
    bench,
    agent,
    runner,
    clock,
    id,
    record,
    cancel: async () => (await catalogue.cancel(id, clock.now(), clock.now() / 1000 + 3600)).kind,
    async settled(state) {
      await eventually(`the job to be ${state}`, async () => (await record())?.state === state);
      await bench.empty();
      return (await record()) as JobRecord;
    },
    holdWrites: () =>
      bench.cloud.faults.add({
        action: 'UpdateItem',
        when: (input) => String(input['ConditionExpression']).startsWith('#fence'),
        effect: { kind: 'throttle' },
      }),
  };
}

/** The job runs. */
async function running(config: Partial<AgentConfigInput> = {}) {
  const on = await stage(config);
  on.agent.work.resume();
  return { ...on, run: await on.runner.started() };
}

/** Advances the clock until the worker was stopped. */
async function untilStopped(clock: ManualClock, stops: readonly number[]): Promise<void> {
  await eventually('the worker to be stopped', async () => {
    if (stops.length === 0) await clock.advance(1000);
    return stops.length > 0;
  });
}

test('queued: it never starts', async () => {
  const { bench, agent, runner, id, cancel, settled, clock } = await stage();
  const catalogue = new JobIndex(bench.clients.dynamodb, 'jobs');
  expect(await cancel()).toBe('unknown');
  const enqueuedAt = new Date(clock.now()).toISOString();
  await catalogue.createOnce({ pk: `job#${id}`, id, state: 'queued', attempts: 0, enqueuedAt });
  expect(await cancel()).toBe('cancelled');
  agent.work.resume();
  expect(await settled('cancelled')).toMatchObject({ attempts: 0, reason: 'cancelled by request' });
  expect(runner.runs).toEqual([]);
  expect(await bench.deadLetters()).toEqual([]);
});

test('skipped: its message is deleted too', async () => {
  const { bench, agent, runner, id, settled } = await stage();
  const catalogue = new JobIndex(bench.clients.dynamodb, 'jobs');
  await catalogue.createOnce({ pk: `job#${id}`, id, state: 'skipped', attempts: 0 });
  agent.work.resume();
  await settled('skipped');
  expect(runner.runs).toEqual([]);
});

test('claimed, but its worker has not started: it never starts, and costs no attempt', async () => {
  const { run, clock, cancel, settled } = await running();
  expect(await cancel()).toBe('requested');
  await untilStopped(clock, run.stops);
  run.neverStart();
  expect(await settled('cancelled')).toMatchObject({ attempts: 0, reason: 'cancelled by request' });
});

test('running: the worker is stopped with its grace period within seconds, and the message deleted', async () => {
  const { bench, run, clock, cancel, settled } = await running();
  const startMs = clock.monotonic();
  expect(await cancel()).toBe('requested');
  await clock.advance(4999);
  expect(run.stops).toEqual([]);
  await clock.advance(1);
  await eventually('the stop', () => run.stops.length > 0);
  expect(clock.monotonic() - startMs).toBe(5000);
  expect(run.stops).toEqual([200]);
  expect(await cancel()).toBe('requested');
  run.die();
  expect(await settled('cancelled')).toMatchObject({
    attempts: 1,
    reason: 'cancelled by request',
    endedAt: expect.any(String),
    expires: expect.any(Number),
    tries: [{ attempt: 1, endedAt: expect.any(String) }],
  });
  expect(await bench.deadLetters()).toEqual([]);
  expect(await cancel()).toBe('ended');
});

test('running: the renewal of the lease finds the request too', async () => {
  const { run, clock, cancel, settled } = await running({ cancelSeconds: 3600 });
  expect(await cancel()).toBe('requested');
  await clock.advance(20_000);
  await eventually('the stop', () => run.stops.length > 0);
  expect(clock.monotonic()).toBe(20_000);
  run.die();
  await settled('cancelled');
});

test('the table is asked only while a job runs', async () => {
  const { bench, agent, run, clock } = await running();
  let asked = 0;
  const when = () => {
    asked += 1;
    return false;
  };
  bench.cloud.faults.add({ action: 'BatchGetItem', when, effect: { kind: 'throttle' } });
  await clock.advance(5000);
  await eventually('the first check', () => asked === 1);
  await eventually('the second', async () => {
    await clock.advance(1000);
    return asked === 2;
  });
  run.exit(0);
  await agent.done(1);
  await clock.advance(60_000);
  expect(asked).toBe(2);
});

test('a table that does not answer stops no worker; the request is found when it answers again', async () => {
  const { bench, agent, run, clock, cancel, settled } = await running();
  const fault = bench.cloud.faults.add({ action: 'BatchGetItem', effect: { kind: 'throttle' } });
  expect(await cancel()).toBe('requested');
  await clock.advance(5000);
  const said = 'cannot read from the job table which jobs are to be cancelled';
  await eventually('the failure', () => agent.lines.some(({ msg }) => msg === said));
  expect(run.stops).toEqual([]);
  fault.remove();
  await untilStopped(clock, run.stops);
  run.die();
  await settled('cancelled');
});

test('settling: a try that had failed is not tried again', async () => {
  const { bench, run, clock, cancel, holdWrites, agent, settled, runner } = await running();
  const fault = holdWrites();
  run.exit(3);
  await eventually('its end', () => agent.lines.some(({ msg }) => msg === 'job ended'));
  expect(await cancel()).toBe('requested');
  fault.remove();
  await clock.advance(30_000);
  expect(await settled('cancelled')).toMatchObject({
    attempts: 1,
    exitStatus: 3,
    reason: 'cancelled by request',
    tries: [{ exitStatus: 3, reason: 'exit status 3, attempt 1 of 3' }],
  });
  expect(runner.runs).toHaveLength(1);
  expect(await bench.deadLetters()).toEqual([]);
});

test.each([
  ['succeeded', 0],
  ['failed', 65],
] as const)('settling: a job that had %s keeps its end', async (state, status) => {
  const { run, clock, cancel, holdWrites, agent, settled } = await running();
  const fault = holdWrites();
  run.exit(status);
  await eventually('its end', () => agent.lines.some(({ msg }) => msg === 'job ended'));
  expect(await cancel()).toBe('requested');
  fault.remove();
  await clock.advance(30_000);
  expect(await settled(state)).toMatchObject({ exitStatus: status, attempts: 1 });
});

test('requeued: it does not start again', async () => {
  const { agent, run, runner, record, cancel, settled } = await running();
  const paused = agent.work.pause();
  run.exit(3);
  await eventually('the job to be requeued', async () => (await record())?.state === 'queued');
  expect(await cancel()).toBe('cancelled');
  await paused;
  agent.work.resume();
  expect(await settled('cancelled')).toMatchObject({ attempts: 1, exitStatus: 3 });
  expect(runner.runs).toHaveLength(1);
});

test.each([
  ['the limit', 'succeeded', { limitSeconds: 5, cancelSeconds: 3600 }],
  ['the cancel', 'succeeded', {}],
] as const)('success is not overwritten when %s comes at the same moment', async (what, state, config) => {
  const { run, clock, cancel, settled, bench } = await running(config);
  if (what === 'the cancel') await cancel();
  await clock.advance(5000);
  await eventually('the stop', () => run.stops.length > 0);
  // It had exited before the signal came.
  run.exit(0);
  expect(await settled(state)).toMatchObject({ attempts: 1, exitStatus: 0 });
  expect(await bench.deadLetters()).toEqual([]);
});

test.each([
  ['timed_out', 'cancelled', 4],
  ['cancelled', 'timed_out', 6],
] as const)('%s first: it is not %s afterwards', async (state, _, limitSeconds) => {
  const { run, clock, cancel, settled } = await running({ limitSeconds });
  await cancel();
  for (let second = 1; second <= 4; second += 1) await clock.advance(1000);
  if (state === 'cancelled') await untilStopped(clock, run.stops);
  await clock.advance(10_000);
  run.die();
  expect(await settled(state)).toMatchObject({ attempts: 1 });
});

test('taken over by another agent: that agent cancels it; here nothing is written', async () => {
  const { bench, run, agent, clock, id, record, cancel } = await running();
  const farMs = clock.now() + 3_600_000;
  const other = { id, messageId: 'm', instance: 'i-other', fence: 'other', enqueuedAtMs: 0 };
  await bench.table.claim({ ...other, nowMs: farMs, leaseUntilMs: farMs + 60_000 });
  expect(await cancel()).toBe('requested');
  await untilStopped(clock, run.stops);
  run.die();
  await agent.done(1);
  expect(await record()).toMatchObject({ state: 'running', instance: 'i-other', fence: 'other' });
  expect(await bench.table.renew(id, 'other', farMs + 90_000)).toBe('cancel-requested');
  expect((await bench.depth()).held).toBe(1);
});

test('lost with its lease: the next agent that gets the message cancels the job instead of running it', async () => {
  const { bench, agent, runner, clock, id, cancel, settled } = await stage();
  const claim = { id, messageId: 'm', instance: 'i-gone', fence: 'gone', enqueuedAtMs: clock.now() };
  await bench.table.claim({ ...claim, nowMs: clock.now() - 2000, leaseUntilMs: clock.now() - 1000 });
  expect(await cancel()).toBe('requested');
  agent.work.resume();
  expect(await settled('cancelled')).toMatchObject({ attempts: 1, reason: 'cancelled by request' });
  expect(runner.runs).toEqual([]);
});

test('a worker and its descendants are really gone', async () => {
  const bench = await open();
  const script = 'trap "" TERM; sleep 600 & echo $! >> $JOURNAL; echo $$ >> $JOURNAL; wait; sleep 600';
  const agent = await bench.agent(script, { cancelSeconds: 0.1, graceSeconds: 0.1 });
  const id = `m-${await bench.send('x')}`;
  agent.work.resume();
  const pids = await eventually('the worker', async () => {
    const lines = await bench.journal();
    return lines.length === 2 && lines.map(Number);
  });
  await new JobIndex(bench.clients.dynamodb, 'jobs').cancel(id, Date.now(), 4_000_000_000);
  await agent.done(1);
  await bench.empty();
  expect(await bench.table.get(id)).toMatchObject({ state: 'cancelled', attempts: 1 });
  for (const pid of pids) await eventually('the process to be gone', async () => !(await isRunning(pid)));
});
