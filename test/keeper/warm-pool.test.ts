import { expect, test } from 'vitest';
import { systemClock } from '../../aws/clock.ts';
import { readKeeperConfig } from '../../keeper/config.ts';
import { type Action, plan } from '../../keeper/plan.ts';
import { takeSnapshot } from '../../keeper/snapshot.ts';
import { createSimulatedClock } from '../../local/clock.ts';
import { createInstanceStore } from '../../store/instance-store.ts';
import { type Fleet, GROUP, LAUNCH_HOOK, openFleet, TABLE } from '../support/agent-fleet.ts';
import { eventually } from '../support/eventually.ts';
import { scaleOutPolicy } from '../support/keeper.ts';

const open = openFleet();
const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;

/** An idle fleet with one instance that boots into its warm pool. The test controls the time. */
async function openPool() {
  const clock = createSimulatedClock();
  const one = await open({ desired: 0, clock });
  const { sqs, dynamodb } = one.clients;
  const store = createInstanceStore(dynamodb, TABLE, 86_400);
  const config = readKeeperConfig(
    JSON.stringify({
      ...{ version: 1, fleet: 'test', groupName: GROUP, policyArn: await scaleOutPolicy(one) },
      ...{ queueUrl: one.queueUrl, table: TABLE, threshold: 1, durationSeconds: 60, warmPool: true },
    }),
  );
  const pool = { AutoScalingGroupName: GROUP, MinSize: 1, MaxGroupPreparedCapacity: 1 };
  await one.call('autoscaling', 'PutWarmPool', pool);
  return {
    ...{ one, clock },
    /** The actions that the keeper would plan now. */
    async actions(): Promise<Action[]> {
      const time = { ...systemClock, now: () => clock.now() };
      const seen = await takeSnapshot({ ...one.clients, sqs, dynamodb }, config, store, time);
      const done = seen ? plan(seen, config) : [];
      return done.filter((action) => action.do !== 'suspend-az-rebalance' && action.do !== 'report-breaker');
    },
    ready: (id: string) =>
      store.recordReady(id, { readyAt: new Date(clock.now()).toISOString() }, clock.now()),
  };
}

interface Seen {
  InstanceId: string;
  LifecycleState: string;
}

/** Resolves with the id of an instance in this state, in the group or in its pool, which is not one of those. */
async function inState(one: Fleet, state: string, ...not: string[]): Promise<string> {
  const AutoScalingInstances = async () =>
    (await one.call('autoscaling', 'DescribeAutoScalingInstances', {}))['AutoScalingInstances'] as Seen[];
  const found = await eventually(`an instance that is ${state}`, async () =>
    (await AutoScalingInstances()).find(
      ({ InstanceId, LifecycleState }) => LifecycleState === state && !not.includes(InstanceId),
    ),
  );
  return found.InstanceId;
}

const letIn = (one: Fleet, InstanceId: string) =>
  one.call('autoscaling', 'CompleteLifecycleAction', {
    ...{ AutoScalingGroupName: GROUP, LifecycleHookName: LAUNCH_HOOK, InstanceId },
    LifecycleActionResult: 'CONTINUE',
  });

/** An instance that was ready in the pool two hours ago, and has not reported since, because it is stopped. */
async function openStopped() {
  const pool = await openPool();
  const id = await inState(pool.one, 'Warmed:Pending:Wait');
  await pool.ready(id);
  await letIn(pool.one, id);
  await inState(pool.one, 'Warmed:Stopped');
  await pool.clock.advance(2 * HOUR_MS);
  return { ...pool, id };
}

const draw = (one: Fleet) =>
  one.call('autoscaling', 'SetDesiredCapacity', { AutoScalingGroupName: GROUP, DesiredCapacity: 1 });

test('an instance that is stopped in the pool is neither ended nor gone', async () => {
  const { actions } = await openStopped();
  expect(await actions()).toEqual([]);
});

test('an instance that has just left the pool has the whole time for its boot, but no more', async () => {
  const { one, clock, id, actions } = await openStopped();
  await draw(one);
  await inState(one, 'Pending:Wait');
  await clock.advance(30 * SECOND_MS);
  expect(await actions()).toEqual([]);
  await letIn(one, id);
  await inState(one, 'InService');
  await clock.advance(HOUR_MS);
  expect(await actions()).toEqual([
    { do: 'end-silent-instance', silent: { instance: id, reason: 'agent-crashed', action: 'terminate' } },
  ]);
});

test('failed boots into the pool open the breaker; a boot in progress does not count', async () => {
  const { one, clock, actions } = await openPool();
  const failed: string[] = [];
  for (const pauseSeconds of [30, 30]) {
    const id = await inState(one, 'Warmed:Pending:Wait', ...failed);
    failed.push(id);
    await one.instances.destroy(one.instances.get(id));
    await clock.advance(pauseSeconds * SECOND_MS);
  }
  const third = await inState(one, 'Warmed:Pending:Wait', ...failed);
  expect(await actions()).toEqual([]);
  await one.instances.destroy(one.instances.get(third));
  // As long as the termination hook of an instance that cannot complete it.
  await clock.advance(301 * SECOND_MS);
  expect(await actions()).toContainEqual({ do: 'trip-breaker' });
});
