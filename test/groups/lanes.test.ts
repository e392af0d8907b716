import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import type { Fleet } from '../../client/fleet.ts';
import { fleetsWithAgent } from '../support/fleet-with-agent.ts';

const open = fleetsWithAgent();
let made = 0;
/** All tests share a table. */
const newGroup = () => `shop/web${++made}`;

/** Writes the start and the end of each job, and lasts so long that others would overlap. */
const SCRIPT = `echo "start $MAYFLY_TARGET" >> $JOURNAL; sleep 0.2; echo "end $MAYFLY_TARGET" >> $JOURNAL`;

/** How many jobs run at the same time, at most. */
function mostAtOnce(journal: readonly string[]): number {
  let running = 0;
  let most = 0;
  for (const line of journal) {
    running += line.startsWith('start') ? 1 : -1;
    most = Math.max(most, running);
  }
  return most;
}

const targets = (...names: string[]) =>
  names.map((target, index) => ({ target, body: target, index: index + 1 }));

async function isForgotten(fleet: Fleet, group: string): Promise<boolean> {
  const { running, held, requests } = await fleet.groups.show(group);
  return running.length === 0 && held === 0 && requests.length === 0;
}

describe('plain jobs of a group', () => {
  it('run one at a time, in their order', async () => {
    const { fleet, startAgent, bench } = await open();
    const group = newGroup();
    const jobs = ['a', 'b', 'c', 'd'].map((target) => ({ body: target, group, target }));
    const { ids } = await fleet.enqueueMany(jobs);
    expect((await fleet.status(ids)).map(({ state }) => state)).toEqual(['queued', 'held', 'held', 'held']);
    const agent = await startAgent(SCRIPT);
    const ended = await fleet.wait(ids, { timeoutSeconds: 100 });
    await agent.done(4);
    expect(ended.map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'succeeded', 'succeeded']);
    const journal = await bench.journal();
    expect(mostAtOnce(journal)).toBe(1);
    expect(journal.filter((line) => line.startsWith('start'))).toEqual(
      ['a', 'b', 'c', 'd'].map((one) => `start ${one}`),
    );
    await bench.empty();
    expect(await isForgotten(fleet, group)).toBe(true);
  });

  it('are more than its item holds', async () => {
    const { fleet, startAgent, bench } = await open();
    const group = newGroup();
    const ids: string[] = [];
    for (let number = 0; number < 34; number += 1) {
      ids.push((await fleet.enqueue(`${number}`, { group })).id);
    }
    expect((await fleet.groups.show(group)).held).toBe(33);
    const agent = await startAgent('echo "start $1" >> $JOURNAL; echo "end $1" >> $JOURNAL');
    const ended = await fleet.wait(ids, { timeoutSeconds: 100 });
    await agent.done(34);
    expect(new Set(ended.map(({ state }) => state))).toEqual(new Set(['succeeded']));
    const starts = (await bench.journal()).filter((line) => line.startsWith('start'));
    expect(starts).toEqual(ids.map((_, number) => `start ${number}`));
    expect(await isForgotten(fleet, group)).toBe(true);
  });
});

describe('a target', () => {
  it('has one job at a time over all groups, and blocks no other job of theirs', async () => {
    const { fleet, startAgent, bench } = await open();
    const [one, other] = [newGroup(), newGroup()];
    await fleet.groups.set(other, { lanes: 2 });
    const first = await fleet.enqueue('first', { group: one, target: `s${made}` });
    const second = await fleet.enqueue('second', { group: other, target: `s${made}` });
    const third = await fleet.enqueue('third', { group: other, target: `t${made}` });
    const states = await fleet.status([first.id, second.id, third.id]);
    expect(states.map(({ state }) => state)).toEqual(['queued', 'held', 'queued']);
    await startAgent(SCRIPT);
    const ended = await fleet.wait([first.id, second.id, third.id], { timeoutSeconds: 100 });
    expect(ended.map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    const same = (await bench.journal()).filter((line) => line.endsWith(` s${made}`));
    expect(same.map((line) => line.split(' ')[0])).toEqual(['start', 'end', 'start', 'end']);
  });
});

describe('a request', () => {
  it('is one job a target, in batches, and ends', async () => {
    const { fleet, startAgent, bench } = await open();
    const group = newGroup();
    await fleet.groups.set(group, { lanes: 3 });
    const { id } = await fleet.request(
      [{ name: group, size: 5, targets: targets('a', 'b', 'c', 'd', 'e') }],
      {
        serial: [1, 2],
      },
    );
    expect(await fleet.requests.show(id)).toMatchObject({ state: 'open', count: 5, held: 4, running: 1 });
    const agent = await startAgent(
      `echo "start $MAYFLY_TARGET $MAYFLY_INDEX/$MAYFLY_COUNT" >> $JOURNAL; sleep 0.2; echo "end $MAYFLY_TARGET" >> $JOURNAL`,
    );
    const jobs = await fleet.list({ requestId: id });
    await fleet.wait(
      jobs.map((job) => job.id),
      { timeoutSeconds: 100 },
    );
    await bench.empty();
    await agent.done(5);
    expect(await fleet.requests.show(id)).toMatchObject({
      state: 'ended',
      succeeded: 5,
      held: 0,
      running: 0,
    });
    const journal = await bench.journal();
    expect(mostAtOnce(journal)).toBe(2);
    expect(journal.slice(0, 2)).toEqual(['start a 1/5', 'end a']);
    expect(journal.indexOf('end c')).toBeLessThan(journal.indexOf('start d 4/5'));
    expect(await isForgotten(fleet, group)).toBe(true);
  });

  it('stops at the first failure, goes on when it is resumed, and its failed job can be retried', async () => {
    const { fleet, startAgent, bench } = await open();
    const group = newGroup();
    const { id } = await fleet.request([{ name: group, size: 4, targets: targets('a', 'b', 'c', 'd') }]);
    const agent = await startAgent(
      `echo "start $MAYFLY_TARGET" >> $JOURNAL; [ $MAYFLY_TARGET != b ] || [ -e $DIRECTORY/mended ]`,
    );
    await agent.done(2);
    await bench.empty();
    const stopped = await fleet.requests.show(id);
    expect(stopped).toMatchObject({ state: 'stopped', succeeded: 1, failed: 1, held: 2, running: 0 });
    expect(stopped.reason).toContain('1 of the 4 jobs of batch 1 failed');
    await fleet.requests.resume(id);
    await agent.done(4);
    await bench.empty();
    expect(await fleet.requests.show(id)).toMatchObject({ state: 'ended', succeeded: 3, failed: 1 });
    await bench.touch('mended');
    const [failed] = await fleet.list({ requestId: id, states: ['failed'] });
    const again = await fleet.requests.retry(id);
    const [repeated] = await fleet.list({ requestId: again.id });
    expect(await fleet.status(failed?.id ?? '')).toMatchObject({ retriedAs: repeated?.id });
    // Its dead letter would be a second retry.
    const { outcomes } = await fleet.deadLetters.redrive({ all: true });
    expect(outcomes).toContainEqual(
      expect.objectContaining({ id: failed?.id, outcome: 'retried', newId: repeated?.id }),
    );
    await agent.done(5);
    await bench.empty();
    expect(await fleet.requests.show(again.id)).toMatchObject({
      state: 'ended',
      count: 1,
      succeeded: 1,
      retryOf: id,
    });
    expect(await bench.journal()).toEqual(['start a', 'start b', 'start c', 'start d', 'start b']);
  });

  it('that pauses after a batch says when it is cancelled by itself', async () => {
    const { fleet, startAgent, bench } = await open();
    const options = { serial: [1], pauseAfter: 1 };
    const { id } = await fleet.request([{ name: newGroup(), size: 2, targets: targets('a', 'b') }], options);
    const agent = await startAgent(SCRIPT);
    await agent.done(1);
    await bench.empty();
    const { state, groups, cancelAt, submittedAt } = await fleet.requests.show(id);
    expect(state).toBe('open');
    expect(groups).toMatchObject([{ state: 'paused', held: 1 }]);
    const days = (Date.parse(cancelAt ?? '') - Date.parse(submittedAt)) / 86_400_000;
    expect(days).toBeCloseTo(14, 1);
    await fleet.requests.resume(id);
    expect(await fleet.requests.show(id)).not.toHaveProperty('cancelAt');
    await agent.done(2);
  });

  it('that is cancelled skips what is held', async () => {
    const { fleet } = await open();
    const group = newGroup();
    const { id } = await fleet.request([{ name: group, size: 3, targets: targets('a', 'b', 'c') }]);
    expect(await fleet.requests.cancel(id)).toMatchObject({
      state: 'cancelled',
      skipped: 3,
      held: 0,
      running: 0,
    });
    const jobs = await fleet.list({ requestId: id });
    expect(jobs.map(({ state, reason }) => [state, reason])).toEqual(
      Array(3).fill(['skipped', `request ${id} was cancelled: somebody cancelled it`]),
    );
    expect(await isForgotten(fleet, group)).toBe(true);
  });

  it('checks a target after its job in the same lane, and a failed check stops the group', async () => {
    const { fleet, startAgent, bench } = await open();
    const group = newGroup();
    const { id } = await fleet.request([{ name: group, size: 3, targets: targets('a', 'b', 'c') }], {
      healthy: 'healthy',
      onFailure: 'rollBack',
      keepGoing: true,
      checkSeconds: 2,
    });
    const note = (what: string) => [
      'sh',
      '-c',
      `echo "${what} $MAYFLY_TARGET" >> $JOURNAL; ${what === 'check' ? '[ $MAYFLY_TARGET != b ] || exit 65' : ''}`,
      'x',
    ];
    const agent = await startAgent(`echo "run $MAYFLY_TARGET" >> $JOURNAL; [ $MAYFLY_TARGET != b ]`, {
      commands: { healthy: note('check'), rollBack: note('back') },
    });
    await agent.done(5);
    await bench.empty();
    expect(await bench.journal()).toEqual(['run a', 'check a', 'run b', 'back b', 'check b']);
    const view = await fleet.groups.show(group);
    expect(view).toMatchObject({
      running: [{ target: 'b', stage: 'unhealthy' }],
      stopped: { reason: expect.stringContaining('check') },
    });
    expect(await fleet.requests.show(id)).toMatchObject({ state: 'stopped', held: 1 });
    await fleet.groups.free(view.running[0]?.job ?? '');
    await fleet.requests.resume(id);
    await agent.done(7);
    await bench.empty();
    expect((await bench.journal()).slice(5)).toEqual(['run c', 'check c']);
    expect(await fleet.requests.show(id)).toMatchObject({ state: 'ended', succeeded: 2, failed: 1 });
  });
});

describe('a job that can never run', () => {
  it('fails and frees its lane', async () => {
    const { fleet, startAgent, bench } = await open();
    const group = newGroup();
    // The facts of this fleet do not say which limits it allows, so that the agent refuses the job.
    const long = await fleet.enqueue('long', { group, limitSeconds: 100 });
    const next = await fleet.enqueue('next', { group });
    const agent = await startAgent('true', { limitSeconds: 50, maxLimitSeconds: 50 });
    const ended = await fleet.wait([long.id, next.id], { timeoutSeconds: 100 });
    await agent.done(1);
    expect(ended.map(({ state }) => state)).toEqual(['failed', 'succeeded']);
    expect(ended[0]?.reason).toContain('the limit of 100 s is longer than this fleet allows');
    await bench.empty();
    expect(await isForgotten(fleet, group)).toBe(true);
  });
});

describe('a message of a producer', () => {
  it('with a group is held by the agent that meets it, and runs in its turn', async () => {
    const { bench, startAgent, fleet } = await open();
    const group = newGroup();
    const send = (payload: string) =>
      bench.send(JSON.stringify({ mayfly: 1, payload, group, target: `t-${payload}` }), {
        colour: { DataType: 'String', StringValue: 'blue' },
      });
    await send('x');
    await send('y');
    const agent = await startAgent(SCRIPT, { concurrency: 4 });
    await agent.done(2);
    await bench.empty();
    expect(mostAtOnce(await bench.journal())).toBe(1);
    expect((await bench.journal()).toSorted()).toEqual(['end t-x', 'end t-y', 'start t-x', 'start t-y']);
    expect(await isForgotten(fleet, group)).toBe(true);
    const { Item } = await bench.clients.dynamodb.send(
      new GetItemCommand({ TableName: 'jobs', Key: { pk: { S: 'target#t-x' } } }),
    );
    expect(Item).toBeUndefined();
  });
});
