import { PutObjectCommand } from '@aws-sdk/client-s3';
import {
  type MessageAttributeValue,
  SetQueueAttributesCommand,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { describe, expect, it, test } from 'vitest';
import { BadBodyError, NotTrackedError, WrongStateError } from '../../client/errors.ts';
import { Fleet } from '../../client/fleet.ts';
import { createGroups } from '../../client/groups/create.ts';
import type { JobRecord } from '../../jobs/record.ts';
import { requestJobId } from '../../jobs/released.ts';
import { JobIndex } from '../../store/job-index.ts';
import { eventually } from '../support/eventually.ts';
import { type FleetWithAgent, fleetsWithAgent } from '../support/fleet-with-agent.ts';
import type { TestQueue } from '../support/test-queue.ts';

/** No way into the fleet passes a lane or a target: raw messages, retries, and every kind of redrive. */
const open = fleetsWithAgent();

let made = 0;
const newGroup = () => `shop/in${++made}`;
const text = (value: string) => ({ DataType: 'String', StringValue: value });
const envelope = (fields: object) => JSON.stringify({ mayfly: 1, payload: 'x', ...fields });

/** Writes what a worker gets, and lasts so long that others would overlap. */
const RUN =
  'echo "start $MAYFLY_JOB_ID $MAYFLY_GROUP $MAYFLY_TARGET $(wc -c | tr -d " ")" >> $JOURNAL; sleep 0.1; echo "end $MAYFLY_JOB_ID" >> $JOURNAL';

/** The starts and ends of workers, of which none overlap. */
async function startsOf(bench: TestQueue): Promise<string[]> {
  const lines = await bench.journal();
  const kinds = lines.map((line) => line.split(' ')[0]);
  expect(kinds).toEqual(lines.map((_, index) => (index % 2 === 0 ? 'start' : 'end')));
  return lines.filter((line) => line.startsWith('start')).map((line) => line.slice('start '.length));
}

async function reasonsOf(bench: TestQueue): Promise<(string | undefined)[]> {
  return (await bench.deadLetters()).map(
    ({ MessageAttributes = {} }) => MessageAttributes['MayflyReason']?.StringValue,
  );
}

/** The lane of a job ends beside the deletion of its message. */
const idle = (fleet: Fleet, group: string) =>
  eventually(`group ${group} to be idle`, async () => {
    const { running, held } = await fleet.groups.show(group);
    return running.length === 0 && held === 0;
  });

/** A job that has the only lane of a group until the test ends its worker (`touch('go')`). */
async function blocking({ fleet, bench, startAgent }: FleetWithAgent, group: string, script = '') {
  const wait = 'until [ -e $DIRECTORY/go ]; do sleep 0.05; done';
  const agent = await startAgent(`[ "$1" != block ] || { ${wait}; exit 0; }; ${script}`);
  const { id } = await fleet.enqueue('block', { group });
  await agent.busy();
  return { id, agent, go: () => bench.touch('go') };
}

/** SQS's own redrive of the whole dead-letter queue. */
async function redriveBySqs({ clients: { sqs }, queueUrl, deadLetterQueueUrl }: TestQueue): Promise<void> {
  const [DestinationArn, SourceArn] = [queueUrl, deadLetterQueueUrl].map(
    (url) => `arn:aws:sqs:us-east-1:000000000000:${url.split('/').at(-1)}`,
  );
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: SourceArn, maxReceiveCount: 1000 });
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: { RedrivePolicy } }));
  await sqs.send(new StartMessageMoveTaskCommand({ SourceArn, DestinationArn }));
}

describe('the message of a producer with a group', () => {
  it('has its own id, a long body and its attributes after it was held', async () => {
    const { bench, fleet, startAgent } = await open();
    const group = newGroup();
    const long = 'x'.repeat(3000);
    const attributes = {
      colour: text('blue'),
      bytes: { DataType: 'Binary', BinaryValue: Buffer.from([0, 255]) },
    };
    for (const number of [1, 2]) {
      const fields = {
        id: `order${made}-${number}`,
        payload: long,
        group,
        target: `s${made}`,
        limitSeconds: 60,
      };
      await bench.send(envelope(fields), attributes);
    }
    const agent = await startAgent(
      `${RUN}; echo "start $MAYFLY_MESSAGE_ATTRIBUTES" >> $JOURNAL; echo end >> $JOURNAL`,
      { messageAttributes: true },
    );
    await agent.done(2);
    await bench.empty();
    const shown = {
      colour: text('blue'),
      bytes: { DataType: 'Binary', BinaryValue: 'AP8=' },
    };
    const starts = await startsOf(bench);
    expect(starts.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line))).toEqual([
      shown,
      shown,
    ]);
    expect(starts.filter((line) => !line.startsWith('{')).toSorted()).toEqual(
      [1, 2].map((number) => `order${made}-${number} ${group} s${made} 3000`),
    );
    const jobs = await fleet.status([`order${made}-1`, `order${made}-2`], { body: true });
    expect(jobs).toMatchObject([1, 2].map(() => ({ state: 'succeeded', body: long, limitSeconds: 60 })));
    await idle(fleet, group);
  });

  it('is not released without its body: the bucket may refuse it for a time', async () => {
    const { bench, fleet, startAgent } = await open();
    const group = newGroup();
    bench.requeueAtOnce();
    const refused = bench.cloud.faults.add({
      service: 's3',
      action: 'PutObject',
      times: 2,
      effect: { kind: 'error', code: 'AccessDenied', status: 403 },
    });
    const id = `m-${await bench.send(envelope({ payload: 'x'.repeat(2000), group }))}`;
    await startAgent(RUN);
    await bench.empty();
    expect(await fleet.status(id)).toMatchObject({ state: 'succeeded' });
    expect(refused.timesApplied).toBe(2);
    expect(await startsOf(bench)).toEqual([`${id} ${group}  2000`]);
    expect(await bench.deadLetters()).toEqual([]);
  });

  it('has its own body although an earlier job with its id has left one', async () => {
    const { bench, fleet, startAgent } = await open();
    const group = newGroup();
    const id = `order${made}`;
    const object = { Bucket: fleet.facts.logBucket, Key: `bodies/${id}`, Body: 'another' };
    await bench.clients.s3.send(new PutObjectCommand(object));
    await bench.send(envelope({ id, payload: 'x'.repeat(2000), group }));
    await startAgent(RUN);
    await bench.empty();
    expect(await startsOf(bench)).toEqual([`${id} ${group}  2000`]);
  });

  it('needs a log bucket for a long body', async () => {
    const { bench, fleet, startAgent } = await open();
    const group = newGroup();
    const id = `m-${await bench.send(envelope({ payload: 'x'.repeat(2000), group }))}`;
    await startAgent(RUN, { logBucket: undefined });
    await bench.empty();
    const reason = 'its body is longer than a record keeps, and this fleet has no log bucket';
    expect(await fleet.status(id)).toMatchObject({ state: 'failed', reason });
    expect(await reasonsOf(bench)).toEqual([reason]);
    await idle(fleet, group);
  });

  it('may be an SNS notification', async () => {
    const { bench, startAgent } = await open();
    const group = newGroup();
    const Message = envelope({ payload: { job_id: 7 }, group, target: `n${made}` });
    const id = `m-${await bench.send(JSON.stringify({ Type: 'Notification', Message }))}`;
    await startAgent(`${RUN}; echo "start $1" >> $JOURNAL; echo end >> $JOURNAL`);
    await bench.empty();
    expect(await startsOf(bench)).toEqual([`${id} ${group} n${made} 12`, '7']);
  });

  it('is one job although it is delivered more than once', async () => {
    const { bench, fleet, startAgent } = await open();
    const group = newGroup();
    const id = `order${made}`;
    for (let sent = 0; sent < 3; sent += 1) await bench.send(envelope({ id, group }));
    const deletes = { action: 'DeleteMessageBatch', times: 3, effect: { kind: 'latency', ms: 300 } } as const;
    bench.cloud.faults.add(deletes);
    await startAgent(RUN, { concurrency: 2 });
    await startAgent(RUN, { concurrency: 2 });
    await bench.empty();
    expect(await startsOf(bench)).toEqual([`${id} ${group}  1`]);
    expect(await bench.deadLetters()).toEqual([]);
    await idle(fleet, group);
  });

  it('is held with an attempt already used, if an agent of an earlier version has tried it', async () => {
    const { bench, fleet, startAgent } = await open();
    const group = newGroup();
    const id = `order${made}`;
    const tried = { state: 'queued', attempts: 1, group, body: 'x' } as const;
    const record = { pk: `job#${id}`, id, ...tried, enqueuedAt: new Date().toISOString() };
    expect(await new JobIndex(bench.clients.dynamodb, 'jobs').createOnce(record)).toBe(true);
    await bench.send(envelope({ id, group }), { colour: text('blue') });
    await startAgent(
      `${RUN}; echo "start $MAYFLY_ATTEMPT $MAYFLY_MESSAGE_ATTRIBUTES" >> $JOURNAL; echo end >> $JOURNAL`,
      {
        messageAttributes: true,
      },
    );
    await fleet.wait([id], { timeoutSeconds: 30 });
    expect(await startsOf(bench)).toEqual([
      `${id} ${group}  1`,
      '2 {"colour":{"DataType":"String","StringValue":"blue"}}',
    ]);
  });
});

describe('a message that is refused runs nothing', () => {
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, text('x')]));

  it.each<[string, object, Record<string, MessageAttributeValue>, string]>([
    ['a target and no group', { target: 's1' }, {}, 'the job has a target but no group'],
    ['a target that is none', { group: 'web', target: '' }, {}, `the envelope's target is ""; allowed is`],
    ['a group that is none', { group: 'web/' }, {}, `the envelope's group is "web/"; allowed is`],
    [
      'more attributes than a held job keeps',
      { group: 'web' },
      many(9),
      'has a group and 9 message attributes',
    ],
    [
      'longer attributes than a record keeps',
      { group: 'web' },
      { a: text('x'.repeat(130_048)) },
      'message attributes of 130092 bytes as JSON, more than the 130048 that its record keeps',
    ],
    [
      'the id of a request’s job that there is not',
      { id: requestJobId('none', 'web', 1), group: 'web' },
      {},
      'whose id is that of a request',
    ],
    [
      'a release of a job that there is not',
      { id: 'order-none', group: 'web' },
      { MayflyRelease: { DataType: 'Number', StringValue: '1' } },
      'the message was sent for job order-none, which has no record any more',
    ],
  ])('with %s', async (_, fields, attributes, reason) => {
    const { bench, fleet, startAgent } = await open();
    await bench.send(envelope(fields), attributes);
    await startAgent(RUN);
    await bench.empty();
    expect(await reasonsOf(bench)).toEqual([expect.stringContaining(reason)]);
    expect(await bench.journal()).toEqual([]);
    await idle(fleet, 'web');
  });

  it('but a job with as many attributes as it may have runs with all of them', async () => {
    const { bench, startAgent } = await open();
    await bench.send(envelope({ group: newGroup() }), many(8));
    const agent = await startAgent('echo "$MAYFLY_MESSAGE_ATTRIBUTES" >> $JOURNAL', {
      messageAttributes: true,
    });
    await agent.done(1);
    expect(JSON.parse((await bench.journal())[0] ?? '')).toEqual(many(8));
  });

  it.each<[string, (release: number) => Record<string, MessageAttributeValue>]>([
    ['without a nonce', () => ({})],
    ['with a nonce that is guessed', () => ({ MayflyNonce: text('guessed') })],
    [
      'with the number of its release',
      (release) => ({ MayflyRelease: { DataType: 'Number', StringValue: `${release}` } }),
    ],
  ])('that names another job with a group, held or released, %s', async (_, forged) => {
    const { bench, fleet, startAgent } = await open();
    const group = newGroup();
    const { ids } = await fleet.enqueueMany([1, 2].map(() => ({ body: 'real', group })));
    const { release = 0 } = (await bench.table.get(ids[0] ?? '')) ?? {};
    for (const id of ids) {
      await bench.send(envelope({ id, group, payload: 'forged' }), forged(release));
      await bench.send(envelope({ id, payload: 'forged' }), forged(release));
    }
    await startAgent(RUN);
    expect(await fleet.wait(ids, { timeoutSeconds: 30 })).toMatchObject(
      [1, 2].map(() => ({ state: 'succeeded' })),
    );
    await bench.empty();
    expect(await startsOf(bench)).toEqual(ids.map((id) => `${id} ${group}  4`));
    expect(await reasonsOf(bench)).toHaveLength(4);
  });

  it('that was released for a job whose record has expired', async () => {
    const { bench, fleet, startAgent } = await open();
    const group = newGroup();
    const { id } = await fleet.enqueue('x', { group });
    await new JobIndex(bench.clients.dynamodb, 'jobs').remove(id, { onlyEnded: false });
    await startAgent(RUN);
    await bench.empty();
    expect(await bench.journal()).toEqual([]);
    expect(await reasonsOf(bench)).toEqual([
      `the message was sent for job ${id}, which has no record any more`,
    ]);
  });

  it('in a fleet that keeps no records, whose client refuses groups and targets by name too', async () => {
    const { bench, fleet } = await open();
    await bench.send(envelope({ group: 'web' }));
    await bench.send(envelope({ group: 'web', target: 's1' }));
    await bench.send(envelope({ target: 's1' }));
    const agent = await bench.agent(RUN, { trackJobs: false });
    agent.work.resume();
    await bench.empty();
    const group = "the envelope's group is web; this fleet keeps no job table, so no groups";
    expect((await reasonsOf(bench)).toSorted()).toEqual([
      group,
      group,
      'the job has a target but no group; a target needs a group, whose lane the job takes',
    ]);
    expect(await bench.journal()).toEqual([]);
    const untracked = new Fleet({ ...fleet.context, facts: { ...fleet.facts, trackJobs: false } });
    for (const options of [{ group: 'web' }, { group: 'web', target: 's1' }, { target: 's1' }])
      await expect(untracked.enqueue('x', options)).rejects.toThrow(NotTrackedError);
    const targets = [{ target: 's1', body: 'x', index: 1 }];
    await expect(untracked.request([{ name: 'web', size: 1, targets }])).rejects.toThrow(NotTrackedError);
    await expect(untracked.groups.list()).rejects.toThrow(NotTrackedError);
  });
});

describe('a job that repeats another waits for a lane, with its group and its target', () => {
  it('by retry', async () => {
    const both = await open();
    const { fleet, bench } = both;
    const group = newGroup();
    const target = `r${made}`;
    const { go, agent } = await blocking(both, group, `${RUN}; exit 65`);
    const failed = await fleet.enqueue('y'.repeat(2000), { group, target, label: 'l' });
    await go();
    await fleet.wait([failed.id], { timeoutSeconds: 30 });
    const other = await fleet.enqueue('z', { group: newGroup(), target });
    await agent.done(3);
    const block = await fleet.enqueue('z', { group });
    const { id } = await fleet.retry(failed.id);
    expect(await bench.table.get(id)).toMatchObject({ group, target, label: 'l', retryOf: failed.id });
    await fleet.wait([other.id, block.id, id], { timeoutSeconds: 30 });
    expect((await startsOf(bench)).at(-1)).toBe(`${id} ${group} ${target} 2000`);
    expect(await fleet.retry(id, { once: true })).toMatchObject({ outcome: 'retried' });
  });

  it('while the lane is taken it is held', async () => {
    const both = await open();
    const { fleet } = both;
    const group = newGroup();
    const record = await endedJob(both, { group, target: `h${made}`, state: 'failed' });
    const { go } = await blocking(both, group, RUN);
    const retried = await fleet.retry(record.id);
    expect(await fleet.status(retried.id)).toMatchObject({ state: 'held' });
    const redriven = await fleet.retry(record.id, { once: true });
    expect(redriven.outcome).toBe('repeated');
    await go();
    expect(await fleet.wait([retried.id], { timeoutSeconds: 30 })).toMatchObject([{ state: 'succeeded' }]);
  });

  it('a job of a request keeps its place and is tried as often', async () => {
    const { bench, fleet, startAgent } = await open();
    const group = newGroup();
    const script = 'echo "$MAYFLY_TARGET $MAYFLY_INDEX/$MAYFLY_COUNT" >> $JOURNAL; exit 1';
    const agent = await startAgent(script);
    const targets = ['a', 'b'].map((name, index) => ({
      target: `${name}${made}`,
      body: name,
      index: index + 1,
    }));
    const { id } = await fleet.request([{ name: group, size: 2, targets }]);
    await agent.done(1);
    await bench.empty();
    const failed = requestJobId(id, group, 1);
    const retried = await fleet.retry(failed);
    await fleet.wait([retried.id], { timeoutSeconds: 30 });
    const place = `a${made} 1/2`;
    expect(await bench.journal()).toEqual([place, place]);
    expect(await fleet.requests.show(id)).toMatchObject({ failed: 1, held: 1 });
    expect(await fleet.status(retried.id)).toMatchObject({ state: 'failed', requestId: id });
  });

  it.each(['mayfly dlq', 'SQS'])(
    'by the redrive of %s, whose message still has the number of the old release',
    async (by) => {
      const { bench, fleet, startAgent } = await open();
      const group = newGroup();
      const target = `d${made}`;
      const script = `${RUN}; [ -e $DIRECTORY/mended ] || exit 65`;
      const attributes = { colour: text('blue') };
      await bench.send(envelope({ group, target, payload: 'y'.repeat(2000) }), attributes);
      const { id } = await fleet.enqueue('x', { group, target });
      const agent = await startAgent(
        `${script}; echo "start $MAYFLY_MESSAGE_ATTRIBUTES" >> $JOURNAL; echo end >> $JOURNAL`,
        {
          messageAttributes: true,
        },
      );
      await agent.done(2);
      await bench.empty();
      await bench.touch('mended');
      // The number of the group's releases is that of the old release of one of them once more.
      await createGroups(fleet.context).change(group, (now) => ({ group: { ...now, releases: 0 } }));
      if (by === 'SQS') await redriveBySqs(bench);
      else {
        const { outcomes } = await fleet.deadLetters.redrive({ all: true });
        expect(outcomes.map(({ outcome }) => outcome)).toEqual(['redriven', 'redriven']);
      }
      await agent.done(4);
      await bench.empty();
      const starts = (await startsOf(bench)).filter((line) => !line.startsWith('{'));
      const [first, second, third, fourth] = starts.map((line) => line.split(' ')[0]);
      expect(new Set([first, second, third, fourth]).size).toBe(4);
      expect(
        starts
          .slice(2)
          .map((line) => line.split(' ').slice(1).join(' '))
          .toSorted(),
      ).toEqual([`${group} ${target} 1`, `${group} ${target} 2000`]);
      const given = (await bench.journal()).filter((line) => line.startsWith('start {'));
      expect(given.toSorted()).toEqual([
        'start {"colour":{"DataType":"String","StringValue":"blue"}}',
        'start {}',
      ]);
      expect(await fleet.status(id)).toMatchObject({ state: 'failed', retriedAs: expect.any(String) });
      expect(await bench.deadLetters()).toEqual([]);
      await idle(fleet, group);
    },
  );

  it('by the redrive of SQS while the lane is taken it is held, and a second time it is refused', async () => {
    const both = await open();
    const { bench, fleet } = both;
    const group = newGroup();
    const { agent, go } = await blocking(both, group, `${RUN}; exit 65`);
    const { id } = await fleet.enqueue('x', { group, target: `q${made}` });
    await go();
    await agent.done(2);
    await bench.empty();
    await createGroups(fleet.context).change(group, (now) => ({ group: { ...now, pausedAtMs: 1 } }));
    const [letter] = await bench.deadLetters();
    const again = `m-${await bench.send(letter?.Body ?? '', letter?.MessageAttributes)}`;
    await bench.empty();
    expect(await fleet.status(again)).toMatchObject({ state: 'held', retryOf: id });
    await bench.send(letter?.Body ?? '', letter?.MessageAttributes);
    await bench.empty();
    expect(await bench.journal()).toHaveLength(2);
    await fleet.groups.resume(group);
    await agent.done(3);
    await bench.empty();
    expect((await startsOf(bench)).at(-1)).toBe(`${again} ${group} q${made} 1`);
  });

  it('but a roll-back or a check is part of a lane, and is not repeated by itself', async () => {
    const both = await open();
    const { bench, fleet, startAgent } = both;
    const group = newGroup();
    const stage = { stage: 'check', stageOf: 'j-main', command: 'healthy' } as const;
    const record = await endedJob(both, { group, target: `c${made}`, state: 'timed_out', ...stage });
    const why = `is the health check of job j-main and part of that job's lane: retry that job`;
    await expect(fleet.retry(record.id)).rejects.toThrow(WrongStateError);
    await expect(fleet.retry(record.id)).rejects.toThrow(why);
    const dead = { MayflyJobId: text(record.id), MayflyNonce: text(record.nonce ?? '') };
    await bench.send(envelope({ id: record.id, group }), dead);
    await startAgent(RUN, { commands: { healthy: ['true'] } });
    await bench.empty();
    expect(await fleet.deadLetters.redrive({ all: true })).toMatchObject({
      outcomes: [
        { outcome: 'refused', why: expect.stringContaining(`; then \`mayfly dlq purge ${record.id}\``) },
      ],
    });
    expect(await reasonsOf(bench)).toEqual([expect.stringContaining(why)]);
    expect(await bench.journal()).toEqual([]);
    expect(await bench.table.get(record.id)).not.toHaveProperty('retriedAs');
  });

  it('by the redrive of mayfly dlq although its record is gone', async () => {
    const both = await open();
    const { bench, fleet, startAgent } = both;
    const group = newGroup();
    const target = `g${made}`;
    const { id } = await fleet.enqueue('x', { group, target });
    const agent = await startAgent(`${RUN}; exit 65`);
    await fleet.wait([id], { timeoutSeconds: 30 });
    await bench.empty();
    await new JobIndex(bench.clients.dynamodb, 'jobs').remove(id, { onlyEnded: true });
    const { outcomes } = await fleet.deadLetters.redrive({ all: true });
    expect(outcomes).toEqual([
      { id, messageId: expect.any(String), outcome: 'redriven', newId: expect.any(String) },
    ]);
    await agent.done(2);
    const [redriven] = outcomes;
    const newId = redriven?.outcome === 'redriven' ? redriven.newId : '';
    expect((await startsOf(bench)).at(-1)).toBe(`${newId} ${group} ${target} 1`);
  });
});

/** A job that has ended. */
async function endedJob({ bench }: FleetWithAgent, fields: Partial<JobRecord>): Promise<JobRecord> {
  const id = `j-ended${++made}`;
  const at = new Date().toISOString();
  const record = { pk: `job#${id}`, id, attempts: 1, body: 'x', nonce: `n${made}`, ...fields } as JobRecord;
  await new JobIndex(bench.clients.dynamodb, 'jobs').createOnce({ ...record, enqueuedAt: at, endedAt: at });
  return record;
}

describe('a job with a dedupe key and a group', () => {
  it('is one job in one place of its group, however often it is enqueued', async () => {
    const both = await open();
    const { bench, fleet } = both;
    const group = newGroup();
    const { go, agent } = await blocking(both, group, RUN);
    const once = { group, target: `k${made}`, dedupe: `key${made}` };
    const first = await fleet.enqueue('x', once);
    expect(first).toMatchObject({ deduplicated: false, state: 'held' });
    expect(await fleet.enqueue('x', once)).toEqual({ ...first, deduplicated: true });
    await fleet.enqueueMany([{ body: 'x', ...once }]);
    expect(await fleet.groups.show(group)).toMatchObject({ held: 1 });
    await go();
    await agent.done(2);
    await fleet.enqueue('x', once);
    await bench.empty();
    expect(await startsOf(bench)).toEqual([`${first.id} ${group} k${made} 1`]);
  });

  it('gets its place by the second call if the first one was cut off after its record', async () => {
    const { bench, fleet, startAgent } = await open();
    const group = newGroup();
    const once = { group, target: `k${made}`, dedupe: `key${made}` };
    const isGroup = ({ Item }: { Item?: { pk?: { S?: string } } }) => Item?.pk?.S === `group#${group}`;
    const denied = { kind: 'error', code: 'AccessDeniedException', status: 400 } as const;
    const fault = bench.cloud.faults.add({ action: 'PutItem', when: isGroup, effect: denied });
    await expect(fleet.enqueue('x', once)).rejects.toThrow();
    fault.remove();
    for (const options of [{ group: 'other' }, { group, target: 'other' }, {}]) {
      const again = fleet.enqueue('x', { dedupe: once.dedupe, ...options });
      await expect(again).rejects.toThrow(BadBodyError);
      await expect(again).rejects.toThrow(/is held with another (group|target) and has the same dedupe key/);
    }
    const { id } = await fleet.enqueue('x', once);
    await startAgent(RUN);
    await fleet.wait([id], { timeoutSeconds: 30 });
    expect(await startsOf(bench)).toEqual([`${id} ${group} k${made} 1`]);
  });

  it('is refused while a job without the group is queued under its key', async () => {
    const { fleet } = await open();
    const dedupe = `plain${++made}`;
    await fleet.enqueue('x', { dedupe });
    const group = newGroup();
    await expect(fleet.enqueue('x', { dedupe, group })).rejects.toThrow('is queued with another group');
    await idle(fleet, group);
  });
});

describe('a job keeps its lane and its target', () => {
  test('over exit status 75', async () => {
    const { bench, fleet, startAgent } = await open();
    const group = newGroup();
    const target = `l${made}`;
    bench.requeueAtOnce();
    const first = await fleet.enqueue('first', { group, target });
    const next = await fleet.enqueue('next', { group });
    const other = await fleet.enqueue('other', { group: newGroup(), target });
    await startAgent(
      `echo "$1" >> $JOURNAL; [ "$1" != first ] || [ $(grep -c first $JOURNAL) = 4 ] || exit 75`,
    );
    const ended = await fleet.wait([first.id, next.id, other.id], { timeoutSeconds: 30 });
    expect(ended.map(({ state, attempts }) => [state, attempts])).toEqual(Array(3).fill(['succeeded', 1]));
    const journal = await bench.journal();
    expect(journal.slice(0, 4)).toEqual(Array(4).fill('first'));
    expect(journal.slice(4).toSorted()).toEqual(['next', 'other']);
  });

  test('over a try that fails', async () => {
    const { bench, fleet, startAgent } = await open();
    const group = newGroup();
    bench.requeueAtOnce();
    const { ids } = await fleet.enqueueMany([1, 2].map((body) => ({ body: `${body}`, group })));
    await startAgent(`echo "$1 $MAYFLY_ATTEMPT" >> $JOURNAL; [ $MAYFLY_ATTEMPT = 3 ]`);
    await fleet.wait(ids, { timeoutSeconds: 30 });
    expect(await bench.journal()).toEqual(['1 1', '1 2', '1 3', '2 1', '2 2', '2 3']);
  });

  test('over a lost lease', async () => {
    const { bench, fleet, startAgent } = await open();
    const group = newGroup();
    const target = `l${made}`;
    const { ids } = await fleet.enqueueMany([1, 2].map((body) => ({ body: `${body}`, group, target })));
    const [first = ''] = ids;
    const { release, nonce } = (await bench.table.get(first)) ?? {};
    const nowMs = Date.now();
    const times = { nowMs, leaseUntilMs: nowMs + 1500, enqueuedAtMs: nowMs };
    const lost = {
      id: first,
      messageId: 'm',
      instance: 'i-gone',
      fence: 'gone',
      group,
      release,
      nonce,
      ...times,
    };
    expect(await bench.table.claim(lost)).toMatchObject({ kind: 'claimed' });
    await startAgent(`echo "$1 $MAYFLY_ATTEMPT" >> $JOURNAL`);
    await expect.poll(() => bench.depth()).toEqual({ visible: 0, held: 1 });
    expect(await fleet.groups.show(group)).toMatchObject({ held: 1, running: [{ job: first, target }] });
    await fleet.wait(ids, { timeoutSeconds: 30 });
    expect(await bench.journal()).toEqual(['1 2', '2 1']);
  });
});
