import { readFile } from 'node:fs/promises';
import type { Message } from '@aws-sdk/client-sqs';
import { describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { ManualRunner } from '../../support/manual-runner.ts';
import { isRunning, type TestQueue, testQueues } from '../../support/test-queue.ts';

const open = testQueues();

/** How long messages of the bench's queue were hidden, in seconds, as the front door logged it. */
async function hidingsOf({ cloud, queueUrl }: TestQueue): Promise<number[]> {
  const text = await readFile(cloud.logFile, 'utf8');
  const calls = text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  return calls
    .filter(({ action, input }) => action === 'ChangeMessageVisibilityBatch' && input.QueueUrl === queueUrl)
    .flatMap(({ input }) =>
      input.Entries.map((entry: { VisibilityTimeout: number }) => entry.VisibilityTimeout),
    );
}

const reasonOf = (letter: Message | undefined) => letter?.MessageAttributes?.['MayflyReason']?.StringValue;

test('a job that succeeds is recorded, with its try and its body, and deleted', async () => {
  const bench = await open();
  const agent = await bench.agent(
    'echo "job $MAYFLY_JOB_ID, attempt $MAYFLY_ATTEMPT, argument $1" >> $JOURNAL',
  );
  const id = `m-${await bench.send('video-1')}`;
  agent.work.resume();
  await agent.done(1);
  await bench.empty();
  expect(await bench.table.get(id)).toMatchObject({
    state: 'succeeded',
    attempts: 1,
    exitStatus: 0,
    instance: 'i-test',
    body: 'video-1',
    expires: expect.any(Number),
    tries: [{ instance: 'i-test', attempt: 1, exitStatus: 0, endedAt: expect.any(String) }],
  });
  expect(await bench.journal()).toEqual([`job ${id}, attempt 1, argument video-1`]);
  expect((await bench.table.get(id))?.listed).toMatch(/^succeeded#[0-7]$/);
});

test('EX_DATAERR fails at once: dead-lettered with the reason, the body and its own attributes', async () => {
  const bench = await open();
  const agent = await bench.agent('exit 65');
  const colour = { DataType: 'String', StringValue: 'blue' };
  const id = `m-${await bench.send('a bad one', { colour })}`;
  agent.work.resume();
  await agent.done(1);
  await bench.empty();
  const [letter] = await bench.deadLetters();
  expect(letter?.Body).toBe('a bad one');
  expect(letter?.MessageAttributes).toMatchObject({
    colour: { StringValue: 'blue' },
    MayflyJobId: { StringValue: id },
    MayflyExit: { StringValue: '65' },
  });
  expect(reasonOf(letter)).toMatch(/EX_DATAERR/);
  expect(await bench.table.get(id)).toMatchObject({ state: 'failed', attempts: 1, exitStatus: 65 });
});

test.each([
  ['counted in the table', true],
  ['counted by SQS', false],
])('a failing job is tried maxAttempts times, %s, and then dead-lettered', async (_, trackJobs) => {
  const bench = await open();
  const agent = await bench.agent('echo $MAYFLY_ATTEMPT >> $JOURNAL; exit 3', { trackJobs });
  await bench.send('x');
  agent.work.resume();
  await agent.done(3);
  await bench.empty();
  expect(await bench.journal()).toEqual(['1', '2', '3']);
  expect(reasonOf((await bench.deadLetters())[0])).toBe('exit status 3, attempt 3 of 3');
});

test('EX_TEMPFAIL costs no attempt', async () => {
  const bench = await open();
  const script = 'echo $MAYFLY_ATTEMPT >> $JOURNAL; [ $(wc -l < $JOURNAL) -ge 5 ] || exit 75';
  const agent = await bench.agent(script);
  const id = `m-${await bench.send('x')}`;
  agent.work.resume();
  await agent.done(5);
  await bench.empty();
  expect(await bench.journal()).toEqual(['1', '1', '1', '1', '1']);
  expect(await bench.table.get(id)).toMatchObject({ state: 'succeeded', attempts: 1 });
});

test('a job that ignores SIGTERM at its limit is killed, with the grandchild that it left', async () => {
  const bench = await open();
  const script = 'trap "" TERM; sleep 600 & echo $! >> $JOURNAL; echo $$ >> $JOURNAL; wait; sleep 600';
  const agent = await bench.agent(script, { limitSeconds: 5, graceSeconds: 0.1 });
  const id = `m-${await bench.send('x')}`;
  agent.work.resume();
  await agent.done(1);
  await bench.empty();
  expect(await bench.table.get(id)).toMatchObject({ state: 'timed_out', attempts: 1 });
  expect(reasonOf((await bench.deadLetters())[0])).toBe('the worker ran past its limit of 5 s');
  const pids = (await bench.journal()).map(Number);
  expect(pids).toHaveLength(2);
  for (const pid of pids) await eventually('the process to be gone', async () => !(await isRunning(pid)));
});

test('a broken envelope is dead-lettered with the reason, and never run', async () => {
  const bench = await open();
  const agent = await bench.agent('echo ran >> $JOURNAL');
  const id = `m-${await bench.send('{"mayfly": 1, "id": "broken-1", "payload": "x", "limitSeconds": 0}')}`;
  agent.work.resume();
  await bench.empty();
  const [letter] = await bench.deadLetters();
  expect(reasonOf(letter)).toBe("the envelope's limitSeconds is 0; allowed is at least 1 second");
  expect(await bench.table.get(id)).toMatchObject({ state: 'failed', attempts: 0 });
  // Anybody can write an id into an envelope.
  expect(await bench.table.get('broken-1')).toBeUndefined();
  expect(await bench.journal()).toEqual([]);
});

test('a reason with characters that SQS does not accept in attributes is dead-lettered all the same', async () => {
  const bench = await open();
  const agent = await bench.agent('true');
  await bench.send('{"mayfly": 1, "payload": "x", "a\\ufffe\\uffff\\u0000\\ud83d": 1}');
  agent.work.resume();
  await bench.empty();
  const [letter] = await bench.deadLetters();
  expect(reasonOf(letter)).toMatch(/^the envelope's key a .* is not known$/);
});

test('without a dead-letter queue a job that has failed stays in its queue', async () => {
  const bench = await open();
  const agent = await bench.agent('exit 65', {
    deadLetterQueueUrl: undefined,
    retryBackoff: { firstSeconds: 0, longestSeconds: 900 },
  });
  await bench.send('x');
  agent.work.resume();
  await agent.done(1);
  expect(await bench.depth()).toEqual({ visible: 0, held: 1 });
  expect(agent.lines).toContainEqual(
    expect.objectContaining({ level: 50, msg: expect.stringContaining('no dead-letter queue') }),
  );
});

test('a deleted dead-letter queue keeps no instance busy: the job is hidden as long as a retry may be', async () => {
  const bench = await open();
  const agent = await bench.agent('exit 65', {
    deadLetterQueueUrl: `${bench.queueUrl}-gone`,
    retryBackoff: { firstSeconds: 0, longestSeconds: 900 },
  });
  await bench.send('x');
  agent.work.resume();
  await agent.done(1);
  await eventually('the job to be settled', () => agent.work.state().idleSinceMs !== undefined);
  expect(agent.lines).toContainEqual(
    expect.objectContaining({ level: 50, msg: expect.stringContaining('dead-letter queue') }),
  );
  expect(await hidingsOf(bench)).toEqual([900]);
});

test.each([
  ['refuses it', 'AccessDenied', 403],
  ['has a key that is disabled', 'KMS.DisabledException', 400],
])(
  'a dead letter whose queue %s delays its instance for two minutes, and the record says so',
  async (_, code, status) => {
    const bench = await open();
    const runner = new ManualRunner();
    const clock = new ManualClock(Date.now());
    const agent = await bench.agent(
      'true',
      { retryBackoff: { firstSeconds: 0, longestSeconds: 900 } },
      runner,
      clock,
    );
    const id = `m-${await bench.send('x')}`;
    const refusal = bench.cloud.faults.add({
      action: 'SendMessage',
      effect: { kind: 'error', code, status },
    });
    agent.work.resume();
    (await runner.started()).exit(65);
    await eventually('the first refusal', () => refusal.timesApplied > 0);
    const startMs = clock.monotonic();
    await eventually('the job to be settled', async () => {
      await clock.advance(4000);
      return agent.work.state().idleSinceMs !== undefined;
    });
    // Minutes, not hours: a busy machine needs time for the last calls.
    expect(clock.monotonic() - startMs).toBeLessThan(600_000);
    expect((await hidingsOf(bench)).at(-1)).toBe(900);
    const record = await bench.table.get(id);
    expect(record).toMatchObject({
      state: 'failed',
      reason: 'exit status 65 (EX_DATAERR): no further try',
      deadLetterError: expect.stringContaining(code),
    });
  },
);

describe('without a record, a job without attempts left whose dead letter is refused', () => {
  async function refused(code: string, status: number) {
    const bench = await open();
    const runner = new ManualRunner();
    const clock = new ManualClock(Date.now());
    const agent = await bench.agent('true', { trackJobs: false }, runner, clock);
    await bench.send('x');
    const effect = { kind: 'error', code, status } as const;
    const refusal = bench.cloud.faults.add({ action: 'SendMessage', effect });
    agent.work.resume();
    (await runner.started()).exit(65);
    await eventually('the first refusal', () => refusal.timesApplied > 0);
    return { bench, runner, clock, agent, refusal };
  }

  test('for good is hidden as long as SQS allows: it would run again', async () => {
    const { bench, clock, agent } = await refused('AccessDenied', 403);
    await eventually('the job to be settled', async () => {
      await clock.advance(4000);
      return agent.work.state().idleSinceMs !== undefined;
    });
    // Two minutes, not thirty: a busy machine needs time for the last calls.
    expect(clock.monotonic()).toBeLessThan(600_000);
    expect((await hidingsOf(bench)).at(-1)).toBeGreaterThan(43_000);
  });

  test('by throttling is hidden as long when its agent has to end meanwhile', async () => {
    const { bench, clock, agent } = await refused('RequestThrottled', 403);
    let isGone = false;
    void agent.work.drain(1000).then(() => {
      isGone = true;
    });
    // The SDK's retries take real time.
    await eventually('the agent to go', async () => {
      await clock.advance(100);
      return isGone;
    });
    expect((await hidingsOf(bench)).at(-1)).toBeGreaterThan(43_000);
  });

  test('by throttling is retried, and becomes a dead letter', async () => {
    const { bench, runner, clock, agent, refusal } = await refused('RequestThrottled', 403);
    await clock.advance(150_000);
    const { timesApplied } = refusal;
    // Each try of the agent is several calls of the SDK.
    await eventually('further tries', async () => {
      await clock.advance(1000);
      return refusal.timesApplied > timesApplied + 6 || agent.work.state().settling === 0;
    });
    expect(agent.work.state().settling).toBe(1);
    refusal.remove();
    await eventually('the dead letter', async () => {
      await clock.advance(4000);
      return agent.work.state().idleSinceMs !== undefined;
    });
    expect(await bench.deadLetters()).toHaveLength(1);
    expect(runner.runs).toHaveLength(1);
  });
});

test.each([
  ['counted in the table', true, [1, 1, 2, 3]],
  ['counted by SQS', false, [1, 2, 3]],
])(
  'a job that loses its slot each time is given up, %s: the first loss alone costs no attempt',
  async (_, trackJobs, attempts) => {
    const bench = await open();
    const runner = new ManualRunner();
    const clock = new ManualClock(Date.now());
    const agent = await bench.agent('true', { trackJobs }, runner, clock);
    const id = `m-${await bench.send('kill -9 -1')}`;
    bench.requeueAtOnce();
    agent.work.resume();
    for (const [index] of attempts.entries()) (await runner.started(index + 1)).lose();
    await bench.empty();
    expect(runner.runs.map(({ task }) => Number(task.variables['MAYFLY_ATTEMPT']))).toEqual(attempts);
    expect(reasonOf((await bench.deadLetters())[0])).toBe(
      "the worker's slot was lost: the slot has ended, not for the first time, attempt 3 of 3",
    );
    if (trackJobs) expect(await bench.table.get(id)).toMatchObject({ state: 'failed', attempts: 3 });
  },
);

test('a job whose last try was lost is not tried once more', async () => {
  const bench = await open();
  const agent = await bench.agent('echo ran >> $JOURNAL', { maxAttempts: 1 });
  const messageId = await bench.send('x');
  const id = `m-${messageId}`;
  const past = { nowMs: 1000, leaseUntilMs: 2000, enqueuedAtMs: 0 };
  await bench.table.claim({ id, messageId, instance: 'i-gone', fence: 'gone', ...past });
  agent.work.resume();
  await bench.empty();
  expect(await bench.table.get(id)).toMatchObject({ state: 'lost', attempts: 1 });
  expect(reasonOf((await bench.deadLetters())[0])).toBe('lost on attempt 1 of 1');
  expect(await bench.journal()).toEqual([]);
});
