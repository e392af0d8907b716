import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../aws/clock.ts';
import { createGroups } from '../../client/groups/create.ts';
import { repairGroup } from '../../groups/repair.ts';
import { requestJobId } from '../../jobs/released.ts';
import { openEarlierFleet, startEarlierAgent } from '../support/earlier-version.ts';
import { eventually } from '../support/eventually.ts';
import { type FleetWithAgent, fleetsWithAgent } from '../support/fleet-with-agent.ts';

/** What agents and the library of the version before groups do in a deployment that brings groups. */
const open = fleetsWithAgent();

let made = 0;
const newGroup = () => `shop/old${++made}`;
const envelope = (fields: object) => JSON.stringify({ mayfly: 1, payload: 'x', ...fields });

const OLD = 'echo "old $MAYFLY_JOB_ID" >> $JOURNAL';
const NEW = 'echo "new $MAYFLY_JOB_ID $MAYFLY_TARGET" >> $JOURNAL';

async function reasonsOf({ bench }: FleetWithAgent): Promise<(string | undefined)[]> {
  return (await bench.deadLetters()).map(
    ({ MessageAttributes = {} }) => MessageAttributes['MayflyReason']?.StringValue,
  );
}

/** Counts how often an agent tries in vain to claim a job from now on. */
function countRefusedClaims({ bench }: FleetWithAgent, id: string): () => number {
  let count = 0;
  const stop = bench.cloud.onCall(({ action, input, error }) => {
    const { Key } = input as { Key?: { pk?: { S?: string } } };
    const isClaim = action === 'UpdateItem' && Key?.pk?.S === `job#${id}`;
    if (isClaim && error === 'ConditionalCheckFailedException') count += 1;
  });
  onTestFinished(stop);
  return () => count;
}

/** A claim of an agent that was lost since with its instance. */
async function claimAndLose({ bench }: FleetWithAgent, id: string, group: string): Promise<void> {
  const { release, nonce } = (await bench.table.get(id)) ?? {};
  const nowMs = Date.now();
  const lost = { messageId: 'm', instance: 'i-gone', fence: 'gone', nowMs, leaseUntilMs: nowMs + 500 };
  const request = { id, group, release, nonce, enqueuedAtMs: nowMs, ...lost };
  expect(await bench.table.claim(request)).toMatchObject({ kind: 'claimed' });
}

/** The keeper's next run. */
async function keep({ fleet }: FleetWithAgent, group: string): Promise<void> {
  const clock = { ...systemClock, now: () => systemClock.now() + 60_000 };
  await repairGroup(createGroups({ ...fleet.context, clock }), group, 14 * 86_400_000);
}

describe('an agent of the version before', () => {
  it('leaves the message of a released job to its lease, and an agent of this version runs it', async () => {
    const both = await open();
    const { bench, fleet, startAgent } = both;
    const group = newGroup();
    const target = `o${made}`;
    const { ids } = await fleet.enqueueMany([1, 2].map(() => ({ body: 'x', group, target })));
    const plain = await fleet.enqueue('x', { group: newGroup() });
    const claims = [ids[0], plain.id].map((id) => countRefusedClaims(both, id ?? ''));
    const earlier = await startEarlierAgent(both, OLD);
    // A message comes back after its lease.
    await eventually('two claims of each', () => claims.every((count) => count() >= 2));
    expect(await bench.journal()).toEqual([]);
    expect((await fleet.status([...ids, plain.id])).map(({ state, attempts }) => [state, attempts])).toEqual([
      ['queued', 0],
      ['held', 0],
      ['queued', 0],
    ]);
    await startAgent(NEW, { leaseSeconds: 2 });
    await earlier.stop();
    await fleet.wait([...ids, plain.id], { timeoutSeconds: 60 });
    expect((await bench.journal()).toSorted()).toEqual(
      [...ids.map((id) => `new ${id} ${target}`), `new ${plain.id} `].toSorted(),
    );
    expect(await reasonsOf(both)).toEqual([]);
  });

  it('runs no message of a release that was recalled, or of a job that was cancelled', async () => {
    const both = await open();
    const { bench, fleet } = both;
    const group = newGroup();
    const targets = ['a', 'b'].map((name, index) => ({
      target: `${name}${made}`,
      body: name,
      index: index + 1,
    }));
    const { id } = await fleet.request([{ name: group, size: 2, targets }]);
    await fleet.requests.pause(id);
    const cancelled = await fleet.enqueue('x', { group: newGroup(), target: `c${made}` });
    await fleet.cancel([cancelled.id]);
    const recalled = countRefusedClaims(both, requestJobId(id, group, 1));
    await startEarlierAgent(both, OLD);
    await eventually('two claims', () => recalled() >= 2);
    expect(await bench.journal()).toEqual([]);
    // It reads that the job has ended, but not the rest of the message.
    expect(await reasonsOf(both)).toEqual(["the envelope's key target is not known"]);
    expect(await fleet.status([requestJobId(id, group, 1), cancelled.id])).toMatchObject([
      { state: 'held' },
      { state: 'cancelled' },
    ]);
  });

  it('fails a job with a target whose agent was lost: its worker would get no target', async () => {
    const both = await open();
    const { bench, fleet, startAgent } = both;
    const group = newGroup();
    const target = `t${made}`;
    const { ids } = await fleet.enqueueMany([1, 2].map(() => ({ body: 'x', group, target })));
    const [first = '', second = ''] = ids;
    await claimAndLose(both, first, group);
    const agent = await startEarlierAgent(both, OLD);
    await fleet.wait([first], { timeoutSeconds: 30 });
    await agent.stop();
    expect(await fleet.status(first)).toMatchObject({
      state: 'failed',
      reason: "the envelope's key target is not known",
    });
    expect(await bench.journal()).toEqual([]);
    await keep(both, group);
    await startAgent(NEW);
    await fleet.wait([second], { timeoutSeconds: 30 });
    expect(await bench.journal()).toEqual([`new ${second} ${target}`]);
  });

  it('may try a job without a target whose agent was lost, and an agent of this version goes on in the same lane', async () => {
    const both = await open();
    const { bench, fleet, startAgent } = both;
    const group = newGroup();
    const { ids } = await fleet.enqueueMany([1, 2].map(() => ({ body: 'x', group })));
    const [first = '', second = ''] = ids;
    await claimAndLose(both, first, group);
    const agent = await startEarlierAgent(
      both,
      `${OLD}; touch $DIRECTORY/tried; until [ -e $DIRECTORY/go ]; do sleep 0.1; done; exit 75`,
    );
    await eventually('the try', async () => (await bench.journal()).length === 1);
    const stopped = agent.stop();
    await bench.touch('go');
    await stopped;
    expect(await bench.table.get(first)).toMatchObject({ state: 'queued', release: 1 });
    await keep(both, group);
    expect(await fleet.groups.show(group)).toMatchObject({ running: [{ job: first }], held: 1 });
    await startAgent(NEW);
    await fleet.wait(ids, { timeoutSeconds: 30 });
    expect(await bench.journal()).toEqual([`old ${first}`, `new ${first} `, `new ${second} `]);
  });

  it('ends a job without a target in its lane, which the keeper frees', async () => {
    const both = await open();
    const { bench, fleet, startAgent } = both;
    const group = newGroup();
    const { ids } = await fleet.enqueueMany([1, 2].map(() => ({ body: 'x', group })));
    const [first = '', second = ''] = ids;
    await claimAndLose(both, first, group);
    const agent = await startEarlierAgent(both, OLD);
    await fleet.wait([first], { timeoutSeconds: 30 });
    await agent.stop();
    await keep(both, group);
    await startAgent(NEW);
    await fleet.wait([second], { timeoutSeconds: 30 });
    expect(await bench.journal()).toEqual([`old ${first}`, `new ${second} `]);
  });

  it("dead-letters a producer's own message with a target, and takes a group alone for a label", async () => {
    const both = await open();
    const { bench, fleet } = both;
    const group = newGroup();
    await bench.send(envelope({ group, target: 's1' }));
    const ids = await Promise.all([1, 2].map(async () => `m-${await bench.send(envelope({ group }))}`));
    await startEarlierAgent(both, 'echo "old $MAYFLY_JOB_ID $MAYFLY_GROUP" >> $JOURNAL');
    await bench.empty();
    expect(await reasonsOf(both)).toEqual(["the envelope's key target is not known"]);
    expect((await bench.journal()).toSorted()).toEqual(ids.map((id) => `old ${id} ${group}`).toSorted());
    expect(await fleet.list({ label: group })).toHaveLength(2);
  });

  it("leaves a producer's message to an agent of this version that holds it, and does not run it beside the group", async () => {
    const both = await open();
    const { bench, fleet, startAgent } = both;
    const group = newGroup();
    const blocker = await fleet.enqueue('x', { group });
    const id = `order-old${made}`;
    const agent = await startAgent(NEW);
    await agent.done(1);
    await createGroups(fleet.context).change(group, (now) => ({ group: { ...now, pausedAtMs: 1 } }));
    await bench.send(envelope({ id, group }));
    await bench.empty();
    // It is delivered once more, to the earlier agent.
    await agent.work.drain(0);
    await bench.send(envelope({ id, group }));
    const claims = countRefusedClaims(both, id);
    await startEarlierAgent(both, OLD);
    await eventually('a claim', () => claims() >= 1);
    expect(await bench.journal()).toEqual([`new ${blocker.id} `]);
    expect(await fleet.status(id)).toMatchObject({ state: 'held', attempts: 0 });
  });
});

describe('the library of the version before', () => {
  it('lists and cancels jobs that are held or released, and waits for them', async () => {
    const both = await open();
    const { bench, fleet, startAgent } = both;
    const earlier = await openEarlierFleet(both);
    const group = newGroup();
    const { ids } = await fleet.enqueueMany([1, 2, 3, 4].map((body) => ({ body: `${body}`, group })));
    const [released = '', held = '', third = '', fourth = ''] = ids;
    expect((await earlier.status(ids)).map(({ state }) => state)).toEqual(Array(4).fill('held'));
    const listed = (await earlier.list({ label: group })).map(({ id, state }) => [id, state]);
    expect(listed.toSorted()).toEqual(ids.map((id) => [id, 'held']).toSorted());
    expect(await earlier.list({ label: group, states: ['queued'] })).toEqual([]);
    expect((await earlier.cancel([released, held])).map(({ outcome }) => outcome)).toEqual([
      'cancelled',
      'cancelled',
    ]);
    await startAgent(NEW);
    await keep(both, group);
    const ended = await earlier.wait([third, fourth], { timeoutSeconds: 30 });
    expect(ended.map(({ state }) => state)).toEqual(['succeeded', 'succeeded']);
    expect(await bench.journal()).toEqual([`new ${third} `, `new ${fourth} `]);
    expect((await fleet.status([released, held])).map(({ state }) => state)).toEqual([
      'cancelled',
      'cancelled',
    ]);
    await bench.empty();
    expect(await reasonsOf(both)).toEqual([]);
  });

  it('retries a job with a group, which waits for a lane', async () => {
    const both = await open();
    const { bench, fleet, startAgent } = both;
    const earlier = await openEarlierFleet(both);
    const group = newGroup();
    const job = await fleet.enqueue('x', { group });
    const agent = await startAgent(`${NEW}; exit 65`);
    await agent.done(1);
    await createGroups(fleet.context).change(group, (now) => ({ group: { ...now, pausedAtMs: 1 } }));
    const { id } = await earlier.retry(job.id);
    await bench.empty();
    expect(await fleet.status(id)).toMatchObject({ state: 'held' });
    await fleet.groups.resume(group);
    await agent.done(2);
    expect(await bench.journal()).toEqual([`new ${job.id} `, `new ${id} `]);
  });
});
