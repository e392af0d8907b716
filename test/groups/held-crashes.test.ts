import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { systemClock } from '../../aws/clock.ts';
import { createGroups } from '../../client/groups/create.ts';
import { repairGroup } from '../../groups/repair.ts';
import { bundle } from '../../infra/bundle/bundle.ts';
import type { FaultRule } from '../../local/front-door/faults.ts';
import { TargetItems } from '../../store/target-items.ts';
import { eventually } from '../support/eventually.ts';
import { type FleetWithAgent, fleetsWithAgent } from '../support/fleet-with-agent.ts';

const open = fleetsWithAgent();

const SCRIPT = 'echo "$MAYFLY_JOB_ID $(wc -c)" >> $JOURNAL';

interface Names {
  id: string;
  group: string;
  target: string;
  queueUrl: string;
}

const writes = (action: string, key: (names: Names) => string, attribute = '') => ({
  action,
  matches: (names: Names, input: Record<string, unknown>) => {
    const {
      Item,
      Key = Item,
      ExpressionAttributeNames = {},
    } = input as {
      Item?: { pk?: { S?: string } };
      Key?: { pk?: { S?: string } };
      ExpressionAttributeNames?: Record<string, string>;
    };
    return Key?.pk?.S === key(names) && (attribute === '' || `#${attribute}` in ExpressionAttributeNames);
  },
});
const job = ({ id }: Names) => `job#${id}`;
const toQueue = (action: string) => ({
  action,
  matches: ({ queueUrl }: Names, { QueueUrl }: Record<string, unknown>) => QueueUrl === queueUrl,
});

/** All writes of an agent that holds a producer's job and releases it, in their order. */
const STEPS = {
  record: writes('PutItem', job),
  body: {
    action: 'PutObject',
    matches: ({ id }: Names, { Key }: Record<string, unknown>) => Key === `bodies/${id}`,
  },
  'key of the body': writes('UpdateItem', job, 'bodyKey'),
  group: writes('PutItem', ({ group }) => `group#${group}`),
  release: writes('UpdateItem', job, 'releasedAt'),
  target: writes('UpdateItem', ({ target }) => `target#${target}`),
  message: toQueue('SendMessage'),
  'note of the message': writes('UpdateItem', job, 'sentAt'),
  'note of the place': writes('UpdateItem', job, 'placedAt'),
  'deletion of the message': toQueue('DeleteMessageBatch'),
};

/** No worker was started before. */
const BEFORE_MESSAGE: ReadonlySet<string> = new Set(Object.keys(STEPS).slice(0, 6));

/** Runs an agent as a process of its own, which is killed right after one of its writes. */
async function crashAfter({ bench, fleet }: FleetWithAgent, step: keyof typeof STEPS, names: Names) {
  const { action, matches } = STEPS[step];
  const when: FaultRule['when'] = (input) => matches(names, input);
  const fault = bench.cloud.faults.add({ action, when, effect: { kind: 'timeout', applied: true } });
  const tree = join(bench.directory, 'tree');
  await mkdir(join(tree, 'worker'), { recursive: true });
  await mkdir(join(tree, 'agent'));
  const [file, configFile] = [join(tree, 'agent/agent.mjs'), join(bench.directory, 'agent.json')];
  const { queueUrl, table, logBucket } = fleet.facts;
  const config = { version: 1, fleet: 'test', region: bench.cloud.region, queueUrl, table, logBucket };
  const environment = { JOURNAL: join(bench.directory, 'journal') };
  const more = { leaseSeconds: 2, command: ['sh', '-c', SCRIPT], environment };
  await writeFile(file, bundle('agent'));
  await writeFile(configFile, JSON.stringify({ ...config, ...more, retirement: { idleSeconds: 600 } }));
  const env = { AWS_EC2_METADATA_DISABLED: 'true', STATE_DIRECTORY: bench.directory };
  const agent = execa(process.execPath, [file, '--config', configFile], { reject: false, env });
  await eventually(`the write of the ${step}`, () => fault.timesApplied > 0);
  agent.kill('SIGKILL');
  await agent;
  fault.remove();
}

async function playCrash(both: FleetWithAgent, step: keyof typeof STEPS, number: number): Promise<void> {
  const { bench, fleet, startAgent } = both;
  const names = {
    id: `crash-${number}`,
    group: `shop/crash${number}`,
    target: `crash${number}`,
    queueUrl: bench.queueUrl,
  };
  const { id, group, target } = names;
  await bench.send(JSON.stringify({ mayfly: 1, id, group, target, payload: 'x'.repeat(2000) }));
  await crashAfter(both, step, names);
  await startAgent(SCRIPT, { leaseSeconds: 2 });
  // The keeper takes a release that is less than 20 s old for one in progress.
  const clock = { ...systemClock, now: () => systemClock.now() + 60_000 };
  const groups = createGroups({ ...fleet.context, clock });
  await eventually(`the end of the job after the ${step}`, async () => {
    await repairGroup(groups, group, 1_000_000);
    return (await bench.table.get(id))?.state === 'succeeded';
  });
  const next = await fleet.enqueue('y', { group, target });
  await fleet.wait([next.id], { timeoutSeconds: 30 });
  await bench.empty();
  // The agent may have begun the job that it has released before it is killed.
  const { attempts = 0 } = (await bench.table.get(id)) ?? {};
  const runs = (await bench.journal()).filter((line) => line === `${id} 2000`).length;
  expect(runs, step).toBeGreaterThan(0);
  expect(runs, step).toBeLessThanOrEqual(BEFORE_MESSAGE.has(step) ? 1 : attempts);
  await eventually(`a free lane after the ${step}`, async () => {
    const { running, held } = await fleet.groups.show(group);
    return running.length === 0 && held === 0;
  });
  expect(await new TargetItems(bench.clients.dynamodb, 'jobs').read(target), step).toBeUndefined();
  expect(await bench.deadLetters(), step).toEqual([]);
}

test("an agent that is killed after any of its writes neither loses nor repeats a producer's job, nor leaks its lane", async () => {
  const played: Promise<void>[] = [];
  // Side by side, because each waits for a lease to end.
  for (const step of Object.keys(STEPS) as (keyof typeof STEPS)[])
    played.push(playCrash(await open(), step, played.length));
  await Promise.all(played);
});
