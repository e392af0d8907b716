import { expect, test } from 'vitest';
import type { AgentConfigInput } from '../../../agent/config/agent-config.ts';
import type { JobRecord } from '../../../jobs/record.ts';
import { createReleaseMessage } from '../../../jobs/released.ts';
import { JobIndex } from '../../../store/job-index.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { ManualRunner } from '../../support/manual-runner.ts';
import { type TestQueue, testQueues } from '../../support/test-queue.ts';

const open = testQueues();

const GROUP = { group: 'shop/web', requestId: 'r-1', target: 's2', index: 2, count: 9 } as const;
const CHECK = { ...GROUP, command: 'healthy', stage: 'check', stageOf: 'j-main', checkSeconds: 60 } as const;
const DELAY_MS = 5000;

let made = 0;

/** Releases a job of a group: its record is held with the number of a release, and its message has that number. */
async function enqueue(bench: TestQueue, more: Partial<JobRecord> = GROUP): Promise<string> {
  const id = `g-${++made}`;
  const catalogue = new JobIndex(bench.clients.dynamodb, 'jobs');
  const enqueuedAt = new Date().toISOString();
  const held = {
    pk: `job#${id}`,
    id,
    state: 'held',
    attempts: 0,
    enqueuedAt,
    body: 'x',
    release: 7,
  } as const;
  const record = { ...held, ...more };
  expect(await catalogue.createOnce(record)).toBe(true);
  const { body, attributes } = createReleaseMessage(record, 7);
  await bench.send(body, attributes);
  return id;
}

const shell = (script: string) => ['sh', '-c', script, 'command'];

/** A health check that succeeds when the file `up` is there. */
const HEALTHY = shell('echo look >> $JOURNAL; echo "looked at $MAYFLY_TARGET"; [ -e up ]');

/** An agent whose time stands still unless the test advances it. Its workers are real processes. */
async function checking(bench: TestQueue, config: Partial<AgentConfigInput> = {}) {
  const clock = new ManualClock(Date.now());
  const commands = { healthy: HEALTHY };
  const agent = await bench.agent('echo worker >> $JOURNAL', { commands, ...config }, undefined, clock);
  agent.work.resume();
  return { agent, clock };
}

const looks = (bench: TestQueue, count: number) =>
  eventually(`look ${count}`, async () => (await bench.journal()).length === count);

test('a job of a group gets its target and its place, a job without a group gets none', async () => {
  const bench = await open();
  const agent = await bench.agent(
    'echo "$MAYFLY_GROUP,$MAYFLY_REQUEST_ID,$MAYFLY_TARGET,$MAYFLY_INDEX/$MAYFLY_COUNT" >> $JOURNAL; ' +
      'env | grep -cE "MAYFLY_(TARGET|INDEX|COUNT|STAGE)" >> $JOURNAL || true',
  );
  agent.work.resume();
  await enqueue(bench);
  await agent.done(1);
  await bench.send('plain');
  await agent.done(2);
  expect(await bench.journal()).toEqual(['shop/web,r-1,s2,2/9', '3', ',,,/', '0']);
});

test('a stage of a lane runs the command that its record names, with the body and the job that it follows', async () => {
  const bench = await open();
  const undo = shell('echo "undo $1 $(cat) $MAYFLY_TARGET $MAYFLY_STAGE $MAYFLY_STAGE_OF" >> $JOURNAL');
  const agent = await bench.agent('echo worker >> $JOURNAL', { commands: { undo } });
  const id = await enqueue(bench, { ...GROUP, command: 'undo', stage: 'rollBack', stageOf: 'j-main' });
  agent.work.resume();
  await agent.done(1);
  await bench.empty();
  expect(await bench.journal()).toEqual(['undo x x s2 rollBack j-main']);
  expect(await bench.table.get(id)).toMatchObject({ state: 'succeeded' });
});

test.each([
  [{ undo: ['true'], healthy: ['true'] }, 'undo, healthy'],
  [{}, 'none'],
])('a command that the fleet does not have fails the job, with what it has: %j', async (commands, has) => {
  const bench = await open();
  const agent = await bench.agent('echo worker >> $JOURNAL', { commands });
  const id = await enqueue(bench, { ...GROUP, command: 'toString' });
  agent.work.resume();
  await bench.empty();
  expect(await bench.table.get(id)).toMatchObject({
    state: 'failed',
    reason: `the job names the command toString, which this fleet does not have (its prop commands has ${has})`,
  });
  expect(await bench.deadLetters()).toHaveLength(1);
  expect(await bench.journal()).toEqual([]);
});

test('a message cannot choose a command: only the record says which one runs', async () => {
  const bench = await open();
  const agent = await bench.agent('echo "worker: $(cat)" >> $JOURNAL', { commands: { healthy: HEALTHY } });
  agent.work.resume();
  const named = { mayfly: 1, payload: 'x', command: 'healthy' };
  await bench.send(JSON.stringify(named));
  await eventually('the dead letter', async () => (await bench.depth()).visible === 0);
  await bench.empty();
  const [letter] = await bench.deadLetters();
  expect(letter?.MessageAttributes?.['MayflyReason']?.StringValue).toBe(
    "the envelope's key command is not known",
  );
  await bench.send('{"command": ["healthy"]}');
  await agent.done(1);
  expect(await bench.journal()).toEqual(['worker: {"command": ["healthy"]}']);
});

test('a health check is repeated in its slot until it succeeds, as one try with one log', async () => {
  const bench = await open();
  const { agent, clock } = await checking(bench);
  const id = await enqueue(bench, CHECK);
  await looks(bench, 1);
  await eventually('the delay', () => advanceUntil(bench, clock, 2));
  await bench.touch('up');
  await eventually('the delay', () => advanceUntil(bench, clock, 3));
  await agent.done(1);
  await bench.empty();
  const record = await bench.table.get(id);
  expect(record).toMatchObject({ state: 'succeeded', attempts: 1, exitStatus: 0 });
  expect(record?.tries).toMatchObject([{ log: { stdout: { text: 'looked at s2\n'.repeat(3) } } }]);
});

/** Lets delays pass until the check has looked this often. A run takes time of the machine, not of the clock. */
async function advanceUntil(bench: TestQueue, clock: ManualClock, count: number): Promise<boolean> {
  if ((await bench.journal()).length >= count) return true;
  await clock.advance(DELAY_MS);
  return false;
}

/** An agent whose commands and clock are the test's. Its leases outlast every test. */
async function manual(bench: TestQueue, config: Partial<AgentConfigInput> = {}) {
  const [clock, runner] = [new ManualClock(Date.now()), new ManualRunner()];
  const long = { leaseSeconds: 7200, commands: { healthy: ['true'] }, limitSeconds: 3600 };
  const agent = await bench.agent('true', { ...long, ...config }, runner, clock);
  agent.work.resume();
  return { agent, clock, runner };
}

test('a health check that does not succeed in its time is timed_out, whatever limit other jobs have', async () => {
  const bench = await open();
  const { agent, clock, runner } = await manual(bench, {
    limitSeconds: 10,
    maxLimitSeconds: 60,
    retryTimedOut: true,
  });
  const id = await enqueue(bench, CHECK);
  const first = await runner.started(1);
  expect(first.task).toMatchObject({ program: { command: 'healthy' } });
  const { checkSeconds } = CHECK;
  expect(Date.parse(first.task.variables['MAYFLY_DEADLINE'] ?? '')).toBeCloseTo(
    clock.now() + checkSeconds * 1000,
    -3,
  );
  first.exit(7, false, 'not yet');
  await clock.advance(DELAY_MS);
  const second = await runner.started(2);
  await clock.advance(checkSeconds * 1000 - DELAY_MS - 1);
  expect(second.stops).toEqual([]);
  await clock.advance(1);
  expect(second.stops).toEqual([200]);
  second.die();
  await agent.done(1);
  await bench.empty();
  const reason = 'the health check did not succeed within 60 s; its last run: exit status 7';
  const tries = [{ reason, result: 'not yet' }];
  expect(await bench.table.get(id)).toMatchObject({ state: 'timed_out', reason, tries });
  expect(runner.runs).toHaveLength(2);
});

test('a health check whose time ends in a delay ends at once', async () => {
  const bench = await open();
  const { agent, clock, runner } = await manual(bench);
  const id = await enqueue(bench, { ...CHECK, checkSeconds: 2 });
  (await runner.started(1)).exit(1);
  await clock.advance(2000);
  await agent.done(1);
  await bench.empty();
  expect(await bench.table.get(id)).toMatchObject({ state: 'timed_out' });
  expect(runner.runs).toHaveLength(1);
});

test('the time of a health check goes on over a lost lease, and one that is over is not tried again', async () => {
  const bench = await open();
  const { agent, clock, runner } = await manual(bench);
  const ago = (seconds: number) => new Date(clock.now() - seconds * 1000).toISOString();
  const lost = { state: 'running', attempts: 1, fence: 'gone', leaseUntilMs: clock.now() - 1 } as const;
  const late = await enqueue(bench, { ...CHECK, ...lost, firstStartedAt: ago(61) });
  await eventually('the end', async () => (await bench.table.get(late))?.state === 'timed_out');
  expect(runner.runs).toEqual([]);
  const id = await enqueue(bench, { ...CHECK, ...lost, firstStartedAt: ago(50) });
  (await runner.started(1)).exit(1);
  await clock.advance(10_000);
  (await runner.started(2)).die();
  await agent.done(1);
  expect(await bench.table.get(id)).toMatchObject({ state: 'timed_out', firstStartedAt: ago(60) });
});

test('a health check that exits with 65 fails at once: its target never gets healthy', async () => {
  const bench = await open();
  const { agent, runner } = await manual(bench);
  const id = await enqueue(bench, CHECK);
  (await runner.started(1)).exit(65);
  await agent.done(1);
  await bench.empty();
  expect(await bench.table.get(id)).toMatchObject({ state: 'failed', exitStatus: 65 });
});

test('an agent that has to go leaves a health check that waits in its delay to another, at no attempt', async () => {
  const bench = await open();
  const { agent, clock, runner } = await manual(bench);
  const id = await enqueue(bench, CHECK);
  (await runner.started(1)).exit(1);
  await clock.advance(0);
  const drained = agent.work.drain(0);
  await clock.advance(0);
  await drained;
  expect(await bench.table.get(id)).toMatchObject({
    state: 'held',
    release: 7,
    attempts: 0,
    firstStartedAt: expect.any(String),
  });
  await clock.advance(DELAY_MS);
  expect(runner.runs).toHaveLength(1);
});

test('a health check that fails says nothing about its instance: instanceCheck does not run', async () => {
  const bench = await open();
  const { agent, clock, runner } = await manual(bench, { instanceCheck: ['false'] });
  const id = await enqueue(bench, { ...CHECK, checkSeconds: 2 });
  (await runner.started(1)).exit(1);
  await clock.advance(2000);
  await agent.done(1);
  await bench.empty();
  expect(await bench.table.get(id)).toMatchObject({ state: 'timed_out' });
  expect(runner.runs).toHaveLength(1);
});

test.each([
  ['fewer', 1, 3],
  ['more', 4, 2],
])('a job with %s tries than the fleet gives has its own number', async (_, maxAttempts, fleets) => {
  const bench = await open();
  const agent = await bench.agent('echo $MAYFLY_ATTEMPT >> $JOURNAL; exit 3', { maxAttempts: fleets });
  const id = await enqueue(bench, { ...GROUP, maxAttempts });
  agent.work.resume();
  await agent.done(maxAttempts);
  await bench.empty();
  expect(await bench.journal()).toHaveLength(maxAttempts);
  const reason = `exit status 3, attempt ${maxAttempts} of ${maxAttempts}`;
  expect(await bench.table.get(id)).toMatchObject({ state: 'failed', reason });
});

test('a job whose only try was lost is lost', async () => {
  const bench = await open();
  const agent = await bench.agent('echo ran >> $JOURNAL');
  const id = await enqueue(bench, { ...GROUP, maxAttempts: 1, attempts: 1 });
  agent.work.resume();
  await bench.empty();
  expect(await bench.table.get(id)).toMatchObject({ state: 'lost', reason: 'lost on attempt 1 of 1' });
  expect(await bench.journal()).toEqual([]);
});

test('exit status 75 of a job of a group is noted since its first, until a try ends otherwise', async () => {
  const bench = await open();
  const { clock, runner } = await manual(bench, { maxAttempts: 9 });
  const id = await enqueue(bench);
  const firstAt = new Date(clock.now()).toISOString();
  (await runner.started(1)).exit(75);
  const second = await runner.started(2);
  expect(await bench.table.get(id)).toMatchObject({ state: 'running', notNowAt: firstAt });
  await clock.advance(60_000);
  second.exit(75);
  const third = await runner.started(3);
  expect(await bench.table.get(id)).toMatchObject({ state: 'running', notNowAt: firstAt });
  third.exit(1);
  const fourth = await runner.started(4);
  const record = await bench.table.get(id);
  expect(record).toMatchObject({ state: 'running', attempts: 2 });
  expect(record).not.toHaveProperty('notNowAt');
  fourth.exit(0);
  await bench.empty();
});

test('a job of a group that exits with 75 for longer than its fleet allows fails', async () => {
  const bench = await open();
  const { clock, runner } = await manual(bench, { groups: { notNowLimitSeconds: 100 } });
  const id = await enqueue(bench);
  (await runner.started(1)).exit(75);
  const second = await runner.started(2);
  await clock.advance(100_000);
  second.exit(75);
  await bench.empty();
  const reason = expect.stringContaining(
    'for 100 s, and a job of a group may for 100 s (groups.notNowLimit)',
  );
  expect(await bench.table.get(id)).toMatchObject({ state: 'failed', attempts: 0, reason });
});
