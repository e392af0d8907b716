import { AutoScalingClient, type Instance } from '@aws-sdk/client-auto-scaling';
import { expect, test } from 'vitest';
import { systemClock } from '../../aws/clock.ts';
import { instanceStore } from '../../jobs/instances.ts';
import { readKeeperConfig } from '../../keeper/config.ts';
import { look } from '../../keeper/look.ts';
import { type Action, plan } from '../../keeper/plan.ts';
import { openFleet, TABLE } from '../agent/retire/fleet.ts';
import { keeperOf } from './keeper.ts';

const open = openFleet();
const HOUR_MS = 3_600_000;
const nowMs = Date.now();

interface Scene {
  group?: Instance[];
  pool?: Instance[];
  /** What was launched, how long ago in hours, the newest first. */
  activities?: [string, number][];
}

const instance = (InstanceId: string, LifecycleState: string) => ({ InstanceId, LifecycleState }) as Instance;

/** AWS's answers about a group with a warm pool, which the embedded cloud does not have. */
function autoScaling({ group = [], pool = [], activities = [] }: Scene): AutoScalingClient {
  const client = new AutoScalingClient({ region: 'us-east-1' });
  const answers: Record<string, object> = {
    DescribeAutoScalingGroupsCommand: {
      AutoScalingGroups: [
        { MinSize: 0, MaxSize: 10, DesiredCapacity: group.length, Instances: group, SuspendedProcesses: [] },
      ],
    },
    DescribeWarmPoolCommand: { Instances: pool },
    DescribeScalingActivitiesCommand: {
      Activities: activities.map(([Description, hours]) => {
        return { Description, StartTime: new Date(nowMs - hours * HOUR_MS) };
      }),
    },
  };
  client.middlewareStack.add(
    (_, { commandName = '' }) =>
      async () => ({ output: { $metadata: {}, ...answers[commandName] }, response: {} }),
    { step: 'initialize' },
  );
  return client;
}

/** What the keeper would do, for an instance `i-0a` that was ready in the pool ten hours ago and silent since. */
async function actions(scene: Scene): Promise<Action[]> {
  const one = await open();
  const { sqs, dynamodb } = one.clients;
  const store = instanceStore(dynamodb, TABLE, 86_400);
  await store.ready('i-0a', { readyAt: new Date(nowMs - 10 * HOUR_MS).toISOString() }, nowMs - 10 * HOUR_MS);
  const config = readKeeperConfig(
    JSON.stringify({
      ...{ version: 1, fleet: 'test', groupName: 'fleet', policyArn: 'arn', queueUrl: one.queueUrl },
      ...{ table: TABLE, threshold: 1, durationSeconds: 60, warmPool: true },
    }),
  );
  const clients = { ...one.clients, sqs, dynamodb, autoScaling: autoScaling(scene) };
  const seen = await look(clients, config, store, { ...systemClock, now: () => nowMs });
  const done = seen ? plan(seen, config) : [];
  return done.filter((action) => action.do !== 'suspend-az-rebalance' && action.do !== 'report-breaker');
}

const INTO = 'Launching a new EC2 instance into warm pool: i-0a';
const FROM = 'Launching a new EC2 instance from warm pool: i-0a';

test('an instance that is stopped in the pool is neither dead nor gone', async () => {
  const pool = [instance('i-0a', 'Warmed:Stopped')];
  expect(await actions({ pool, activities: [[INTO, 10]] })).toEqual([]);
});

test('an instance that came out of the pool lately has the whole time for its boot', async () => {
  const group = [instance('i-0a', 'Pending:Wait')];
  const activities: Scene['activities'] = [
    [FROM, 0.01],
    [INTO, 10],
  ];
  expect(await actions({ group, activities })).toEqual([]);
});

test('but no more than that', async () => {
  const group = [instance('i-0a', 'InService')];
  const activities: Scene['activities'] = [
    [FROM, 1],
    [INTO, 10],
  ];
  expect(await actions({ group, activities })).toEqual([
    { do: 'end-zombie', zombie: { instance: 'i-0a', reason: 'agent-crashed', action: 'terminate' } },
  ]);
});

test('boots that fail on the way into the pool trip the breaker; one under way counts for nothing', async () => {
  const failed = (id: string, hours: number): [string, number] => [
    `Launching a new EC2 instance into warm pool: ${id}`,
    hours,
  ];
  const activities = [failed('i-0f1', 0.5), failed('i-0f2', 0.6), failed('i-0f3', 0.7)];
  const pool = [instance('i-0a', 'Warmed:Stopped')];
  expect(await actions({ pool, activities })).toEqual([{ do: 'trip-breaker' }]);
  const booting = [...pool, instance('i-0f1', 'Warmed:Pending:Wait')];
  expect(await actions({ pool: booting, activities })).toEqual([]);
});

test('in a cloud that keeps nobody in the pool, nothing waits in it', async () => {
  const one = await open();
  const keeper = await keeperOf(one, { warmPool: true });
  expect(await keeper.after(0)).toEqual(['suspend-az-rebalance', 'report-breaker']);
});
