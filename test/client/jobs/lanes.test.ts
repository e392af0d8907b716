import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import type { Fleet } from '../../../client/fleet.ts';
import { requestJobId, stageJobId } from '../../../jobs/released.ts';
import { JobIndex } from '../../../store/job-index.ts';
import { eventually } from '../../support/eventually.ts';
import { type FleetWithAgent, fleetsWithAgent } from '../../support/fleet-with-agent.ts';

const open = fleetsWithAgent();
let made = 0;
const newGroup = () => `shop/c${++made}`;

/** Two jobs of a group with one lane. The first has it. */
async function two(fleet: Fleet) {
  const group = newGroup();
  const first = await fleet.enqueue('first', { group, target: `${group}.1` });
  const second = await fleet.enqueue('second', { group, target: `${group}.2` });
  expect([first.state, second.state]).toEqual(['queued', 'held']);
  return { group, first: first.id, second: second.id };
}

const stateOf = async (fleet: Fleet, id: string) => (await fleet.status(id)).state;

describe('a job of a group that is cancelled', () => {
  it('while it is queued gives its lane and its target to the next, and does not run', async () => {
    const { fleet, bench, startAgent } = await open();
    const { group, first, second } = await two(fleet);
    expect(await fleet.cancel([first])).toMatchObject([{ outcome: 'cancelled' }]);
    expect(await stateOf(fleet, second)).toBe('queued');
    const { id: third } = await fleet.enqueue('third', { group: newGroup(), target: `${group}.1` });
    expect(await stateOf(fleet, third)).toBe('queued');
    await startAgent('echo "$1" >> $JOURNAL');
    await fleet.wait([second, third]);
    await bench.empty();
    expect((await bench.journal()).toSorted()).toEqual(['second', 'third']);
  });

  it('gives it with the second call if the first was cut off before', async () => {
    const { fleet, bench } = await open();
    const { first, second } = await two(fleet);
    await new JobIndex(bench.clients.dynamodb, 'jobs').cancel(first, Date.now(), Date.now() / 1000 + 9999);
    expect(await stateOf(fleet, second)).toBe('held');
    expect(await fleet.cancel([first])).toMatchObject([{ outcome: 'ended' }]);
    expect(await stateOf(fleet, second)).toBe('queued');
  });

  it('while it is held never runs, and keeps no lane', async () => {
    const { fleet, bench, startAgent } = await open();
    const { group, second } = await two(fleet);
    await fleet.cancel([second]);
    const { id: third } = await fleet.enqueue('third', { group });
    await startAgent('echo "$1" >> $JOURNAL');
    await fleet.wait([third]);
    expect(await bench.journal()).toEqual(['first', 'third']);
    await eventually(
      'the lane to be free',
      async () => (await fleet.groups.show(group)).running.length === 0,
    );
  });

  it('while it runs gives its lane when its worker has stopped', async () => {
    const { fleet, bench, startAgent } = await open();
    const { first, second } = await two(fleet);
    const agent = await startAgent('echo "$1" >> $JOURNAL; [ "$1" = second ] || exec sleep 60');
    await agent.busy();
    await eventually('the record', async () => (await stateOf(fleet, first)) === 'running');
    await fleet.cancel([first], { wait: true, timeoutSeconds: 20 });
    await fleet.wait([second]);
    expect(await bench.journal()).toEqual(['first', 'second']);
  });
});

/** A job that has ended, and whose health check waits for the file `up`, or fails. */
async function checked({ fleet, startAgent }: FleetWithAgent, script: string) {
  const name = newGroup();
  const id = `req-c${made}`;
  const targets = [{ target: `${name}.1`, body: 'x', index: 1 }];
  await fleet.request([{ name, size: 1, targets }], { id, healthy: 'healthy' });
  const job = requestJobId(id, name, 1);
  await startAgent('exit 0', { commands: { healthy: ['sh', '-c', script] } });
  await eventually('the end of the job', async () => (await stateOf(fleet, job)) === 'succeeded');
  return { name, job, check: stageJobId(job, 'check') };
}

const UNTIL_UP = 'until [ -e "$DIRECTORY/up" ]; do sleep 0.1; done';

describe('a job that has ended is not cleaned up', () => {
  it('while the health check of its target runs, also by force', async () => {
    const all = await open();
    const { fleet, bench } = all;
    const { name, job, check } = await checked(all, UNTIL_UP);
    const live = {
      ...{ id: job, outcome: 'live', objects: 0 },
      why: `Job ${job} has ended, but the health check of its target has not, so the lane of job ${job} in group ${name} is still taken. Wait for its end.`,
    };
    await eventually('the check', async () => (await stateOf(fleet, check)) === 'running');
    expect(await fleet.cleanup([job])).toEqual([live]);
    expect(await fleet.cleanup([job], { force: true })).toEqual([live]);
    expect(await fleet.cleanup([job], { dryRun: true })).toEqual([live]);
    const before = new Date(Date.now() + 60_000);
    const ended: string[] = [];
    await fleet.cleanupEnded({ before, onRemoved: ({ id }) => ended.push(id) });
    expect(ended).not.toContain(job);
    expect(ended).not.toEqual([]);
    expect(await stateOf(fleet, job)).toBe('succeeded');
    await bench.touch('up');
    await eventually('the lane to be free', async () => (await fleet.groups.show(name)).running.length === 0);
    expect(await fleet.cleanup([job, check])).toMatchObject([{ outcome: 'removed' }, { outcome: 'removed' }]);
  });

  it('while its target is not healthy; the message names the command that frees its lane', async () => {
    const all = await open();
    const { fleet, bench } = all;
    const { name, job, check } = await checked(all, UNTIL_UP);
    await eventually('the check', async () => (await stateOf(fleet, check)) === 'running');
    await fleet.cancel([check], { wait: true, timeoutSeconds: 20 });
    await eventually('the stop', async () => (await fleet.groups.show(name)).stopped);
    const removed = await fleet.cleanup([job, check]);
    for (const { id, outcome, why } of removed) {
      expect({ outcome, why }).toEqual({
        outcome: 'live',
        why: `Job ${id} has ended, but its target is not healthy, so the lane of job ${job} in group ${name} is still taken. \`mayfly group free ${job}\` frees it.`,
      });
    }
    await fleet.groups.free(job);
    expect(await fleet.cleanup([job])).toMatchObject([{ outcome: 'removed' }]);
    expect(await bench.deadLetters()).toEqual([]);
  });

  it('before its lane is given back', async () => {
    const { fleet, bench } = await open();
    const { group, first } = await two(fleet);
    // Its agent died after it had written the end.
    await bench.clients.dynamodb.send(
      new UpdateItemCommand({
        TableName: 'jobs',
        Key: { pk: { S: `job#${first}` } },
        UpdateExpression: 'SET #state = :succeeded, endedAt = :now',
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: {
          ':succeeded': { S: 'succeeded' },
          ':now': { S: new Date().toISOString() },
        },
      }),
    );
    expect(await fleet.cleanup([first])).toMatchObject([
      {
        outcome: 'live',
        why: `Job ${first} has ended, but the lane of job ${first} in group ${group} is not free yet. Try again in a minute.`,
      },
    ]);
  });
});
