import { rm } from 'node:fs/promises';
import { ChangeMessageVisibilityCommand, type ReceiveMessageCommandOutput } from '@aws-sdk/client-sqs';
import { expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { type TestQueue, testQueues } from '../../support/test-queue.ts';

const open = testQueues();

const LOG_RUN = 'echo "start $MAYFLY_ATTEMPT" >> $JOURNAL; ';

/** The receipt handles of all messages that agents receive from now on. */
function watchHandles({ clients }: TestQueue): string[] {
  const handles: string[] = [];
  clients.polls.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { Messages = [] } = result.output as ReceiveMessageCommandOutput;
      handles.push(...Messages.map(({ ReceiptHandle = '' }) => ReceiptHandle));
      return result;
    },
    { step: 'initialize', name: 'watchHandles', override: true },
  );
  return handles;
}

test('a message that is delivered again while its job runs here does not run twice', async () => {
  const bench = await open();
  const handles = watchHandles(bench);
  const agent = await bench.agent(`${LOG_RUN} until [ -e go ]; do sleep 0.05; done`, { concurrency: 2 });
  await bench.send('x');
  agent.work.resume();
  await agent.busy();
  const release = { QueueUrl: bench.queueUrl, ReceiptHandle: handles[0], VisibilityTimeout: 0 };
  await bench.clients.sqs.send(new ChangeMessageVisibilityCommand(release));
  await eventually('the second delivery', () => handles.length === 2);
  await bench.touch('go');
  await agent.done(1);
  await bench.empty();
  expect(await bench.journal()).toEqual(['start 1']);
});

test('deletes that fail for some entries of a batch are repeated, and no job runs again', async () => {
  const bench = await open();
  const fault = bench.cloud.faults.add({
    action: 'DeleteMessageBatch',
    effect: { kind: 'partial', entries: [0] },
    times: 3,
  });
  const agent = await bench.agent(LOG_RUN, { concurrency: 4 });
  for (let sent = 0; sent < 6; sent += 1) await bench.send('x');
  agent.work.resume();
  await agent.done(6);
  await bench.empty();
  expect(fault.timesApplied).toBe(3);
  expect(await bench.journal()).toHaveLength(6);
});

test.each([
  ['claim', 'PutItem', 'reset'],
  ['delete', 'DeleteMessageBatch', 'reset'],
] as const)('a %s whose answer is lost is not taken for one that failed', async (_, action, kind) => {
  const bench = await open();
  const fault = bench.cloud.faults.add({ action, effect: { kind, applied: true }, times: 2 });
  const agent = await bench.agent(LOG_RUN);
  const id = `m-${await bench.send('x')}`;
  agent.work.resume();
  await agent.done(1);
  await bench.empty();
  expect(fault.timesApplied).toBe(2);
  expect(await bench.journal()).toEqual(['start 1']);
  expect(await bench.table.get(id)).toMatchObject({ state: 'succeeded', attempts: 1 });
});

test('an agent whose stack was rolled back to one without PutItem works with updates', async () => {
  const bench = await open();
  const denied = { kind: 'error', code: 'AccessDeniedException', status: 400 } as const;
  const fault = bench.cloud.faults.add({ action: 'PutItem', effect: denied });
  const agent = await bench.agent(LOG_RUN);
  const id = `m-${await bench.send('x')}`;
  agent.work.resume();
  await agent.done(1);
  expect(fault.timesApplied).toBe(1);
  expect(await bench.table.get(id)).toMatchObject({ state: 'succeeded', attempts: 1 });
});

test('a claim that was abandoned although it reached the table costs no attempt', async () => {
  const bench = await open();
  const first = { action: 'PutItem', effect: { kind: 'reset', applied: true }, times: 1 } as const;
  const lost = bench.cloud.faults.add(first);
  const claims = bench.cloud.faults.add({ action: 'PutItem', effect: { kind: 'throttle' } });
  const agent = await bench.agent(LOG_RUN, { maxAttempts: 1 });
  const id = `m-${await bench.send('x')}`;
  agent.work.resume();
  await eventually('the claim', () => bench.table.get(id));
  await agent.work.drain(0);
  expect([lost.timesApplied, claims.timesApplied > 0]).toEqual([1, true]);
  expect(await bench.table.get(id)).toMatchObject({ state: 'queued', attempts: 0 });
  claims.remove();
  agent.work.resume();
  await agent.done(1);
  expect(await bench.table.get(id)).toMatchObject({ state: 'succeeded', attempts: 1 });
  expect(await bench.journal()).toEqual(['start 1']);
});

test('an agent cut off from the queue stops its worker before the lease ends; the job runs again', async () => {
  const bench = await open();
  const fault = bench.cloud.faults.add({
    action: 'ChangeMessageVisibilityBatch',
    effect: { kind: 'error', code: 'ServiceUnavailable', status: 503 },
  });
  const script = `${LOG_RUN} [ -e go ] && exit 0; trap 'date +%s%3N >> $JOURNAL; exit 1' TERM; sleep 60 & wait`;
  const agent = await bench.agent(script, { leaseSeconds: 9, graceSeconds: 3 });
  const id = `m-${await bench.send('x')}`;
  agent.work.resume();
  await agent.busy();
  const claimed = await eventually('the claim', () => bench.table.get(id));
  await agent.done(1);
  const [, stoppedAt] = await bench.journal();
  expect(Number(stoppedAt)).toBeLessThan(claimed.leaseUntilMs ?? 0);
  expect(await bench.table.get(id)).toMatchObject({ state: 'running', attempts: 1 });
  fault.remove();
  await bench.touch('go');
  await bench.empty();
  expect(await bench.table.get(id)).toMatchObject({ state: 'succeeded', attempts: 2 });
});

test('a job that another agent took over is stopped, and nothing of it is written', async () => {
  const bench = await open();
  const agent = await bench.agent(`${LOG_RUN} exec sleep 60`, { leaseSeconds: 3 });
  const messageId = await bench.send('x');
  const id = `m-${messageId}`;
  agent.work.resume();
  await agent.busy();
  await eventually('the claim', () => bench.table.get(id));
  const farMs = Date.now() + 3_600_000;
  const other = { id, messageId, instance: 'i-other', fence: 'other', enqueuedAtMs: 0 };
  await bench.table.claim({ ...other, nowMs: farMs, leaseUntilMs: farMs + 60_000 });
  await agent.done(1);
  expect(await bench.table.get(id)).toMatchObject({ state: 'running', instance: 'i-other', fence: 'other' });
});

test('a long job keeps its lease as long as it runs', async () => {
  const bench = await open();
  const script = `${LOG_RUN} until [ -e go ]; do sleep 0.05; done`;
  const agent = await bench.agent(script, { leaseSeconds: 9 });
  const id = `m-${await bench.send('x')}`;
  agent.work.resume();
  await agent.busy();
  const { leaseUntilMs = Infinity } = await eventually('the claim', () => bench.table.get(id));
  await eventually('the first lease to be over', () => Date.now() > leaseUntilMs);
  await bench.touch('go');
  await agent.done(1);
  await bench.empty();
  expect(await bench.journal()).toEqual(['start 1']);
});

test('a message that is received again after its job has ended is deleted without a run', async () => {
  const bench = await open();
  const agent = await bench.agent(LOG_RUN);
  const messageId = await bench.send('x');
  const id = `m-${messageId}`;
  const nowMs = Date.now();
  const lease = { nowMs, leaseUntilMs: nowMs + 60_000, enqueuedAtMs: nowMs };
  await bench.table.claim({ id, messageId, instance: 'i-other', fence: 'f', ...lease });
  await bench.table.finish(id, 'f', 'succeeded', { endedAtMs: nowMs, refund: 0 });
  agent.work.resume();
  await bench.empty();
  expect(await bench.journal()).toEqual([]);
});

test('receiving goes on after errors', async () => {
  const bench = await open();
  const fault = bench.cloud.faults.add({ action: 'ReceiveMessage', effect: { kind: 'throttle' }, times: 3 });
  const agent = await bench.agent(LOG_RUN);
  await bench.send('x');
  agent.work.resume();
  await agent.done(1);
  expect(fault.timesApplied).toBe(3);
});

test('a short job does not wait for a long one beside it', async () => {
  const bench = await open();
  const script = 'echo "$1" >> $JOURNAL; [ "$1" = short ] || until [ -e go ]; do sleep 0.05; done';
  const agent = await bench.agent(script, { concurrency: 2 });
  await bench.send('long');
  for (let sent = 0; sent < 8; sent += 1) await bench.send('short');
  agent.work.resume();
  await eventually('all short ones', async () => (await bench.journal()).length === 9);
  await eventually('their messages to be gone', async () => (await bench.depth()).held === 1);
  await bench.touch('go');
  await agent.done(9);
});

test('a job that was fetched ahead does not wait for a long one: it is requeued and runs elsewhere', async () => {
  const bench = await open();
  const handles = watchHandles(bench);
  const script = 'echo "$1" >> $JOURNAL; [ "$1" = quick ] || until [ -e go ]; do sleep 0.05; done';
  const agent = await bench.agent(script);
  for (let sent = 0; sent < 5; sent += 1) await bench.send('quick');
  agent.work.resume();
  await agent.done(5);
  await bench.send('long');
  await eventually('the long one', async () => (await bench.journal()).includes('long'));
  const id = `m-${await bench.send('quick')}`;
  await eventually('it to be at hand', () => handles.length === 7);
  const other = await bench.agent(script);
  other.work.resume();
  await other.done(1);
  expect(await bench.table.get(id)).toMatchObject({ state: 'succeeded', attempts: 1 });
  await bench.touch('go');
  await agent.done(6);
});

test('an instance on which no worker can be started reports it, and fails no job', async () => {
  const bench = await open();
  const agent = await bench.agent(LOG_RUN);
  await rm(bench.directory, { recursive: true });
  const id = `m-${await bench.send('x')}`;
  agent.work.resume();
  expect(await agent.broken).toEqual({
    reason: 'worker-missing',
    problem: expect.stringMatching(/ENOENT/),
  });
  await agent.work.pause();
  expect(await bench.table.get(id)).toMatchObject({ state: 'queued', attempts: 0 });
  expect(await bench.deadLetters()).toEqual([]);
});
