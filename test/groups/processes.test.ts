import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { judge } from '../../checker/judge.ts';
import { formatVerdict } from '../../checker/report.ts';
import { parseWitness } from '../../checker/witness.ts';
import type { Fleet } from '../../client/fleet.ts';
import { requestJobId, stageJobId } from '../../jobs/released.ts';
import { GroupItems } from '../../store/group-items.ts';
import { RequestItems } from '../../store/request-items.ts';
import { TargetItems } from '../../store/target-items.ts';
import { eventually } from '../support/eventually.ts';
import { fleetsWithAgent } from '../support/fleet-with-agent.ts';
import type { TestQueue } from '../support/test-queue.ts';
import { createGroupedFacts, type Items, type Lanes } from './played/facts.ts';
import { createRandom } from './played/random.ts';

const open = fleetsWithAgent();

const GROUPS = ['witness/a', 'witness/b', 'witness/c', 'witness/d', 'witness/e'];
const WORK = ['sh', join(import.meta.dirname, '../fixtures/witness/work.sh')];
const BODIES = ['sleep 0.2', 'sleep 0.05', 'sleep 0.1', 'exit 1', 'notnow', 'die'];

const serversOf = (group: string) => [1, 2, 3, 4, 5, 6].map((number) => `${group.slice(-1)}${number}`);

/** A request of 30 jobs. All requests have the same targets. */
async function submit(fleet: Fleet, id: string, pickBody: () => string): Promise<void> {
  let index = 0;
  const groups = GROUPS.map((name) => ({
    ...{ name, size: 6 },
    targets: serversOf(name).map((target) => ({ target, body: pickBody(), index: ++index })),
  }));
  await fleet.request(groups, {
    ...{ id, keepGoing: true, serial: [2], healthy: 'healthy', onFailure: 'rollBack', checkSeconds: 60 },
  });
}

/** Reads the items of the fleet. All tests share a table, and only these jobs and groups count. */
async function readItems({ clients, table }: TestQueue, requests: string[], plain: string[]): Promise<Items> {
  const numbers = [1, 2, 3, 4, 5, 6];
  const own = requests.flatMap((id) =>
    GROUPS.flatMap((group) => numbers.map((number) => requestJobId(id, group, number))),
  );
  const staged = own.flatMap((id) => [stageJobId(id, 'rollBack'), stageJobId(id, 'check')]);
  const groups = await new GroupItems(clients.dynamodb, 'jobs').readMany(GROUPS);
  const found = await new RequestItems(clients.dynamodb, 'jobs').readMany(requests);
  return {
    jobs: await table.held.getMany([...own, ...staged, ...plain]),
    groups: new Map(groups.map((group) => [group.name, group])),
    targets: await new TargetItems(clients.dynamodb, 'jobs').readAll(),
    requests: new Map(found.map((request) => [request.id, request])),
  };
}

test('worker processes of three agents witness no violation', async () => {
  const { fleet, bench, startAgent } = await open();
  const random = createRandom(1);
  const lanes = new Map<string, Lanes[number][]>();
  const setLanes = async (group: string, number: number) => {
    const atMs = Date.now();
    await fleet.groups.set(group, { lanes: number });
    const noted = lanes.get(group) ?? [];
    const isMore = number > (noted.at(-1)?.lanes ?? 1);
    lanes.set(group, [...noted, { fromMs: isMore ? atMs : Date.now(), lanes: number }]);
  };
  for (const [index, group] of GROUPS.entries()) await setLanes(group, 1 + (index % 3));
  const requests = ['one', 'two', 'three'];
  for (const id of requests) await submit(fleet, id, () => random.pick(BODIES));
  const jobs = Array.from({ length: 20 }, () => {
    const group = random.pick(GROUPS);
    // Another group's servers, too.
    return {
      body: random.pick(BODIES.slice(0, 5)),
      group,
      target: random.pick(serversOf(random.pick(GROUPS))),
    };
  });
  const { ids } = await fleet.enqueueMany(jobs);

  const commands = { healthy: WORK, rollBack: WORK };
  const script = `exec sh ${WORK[1]}`;
  const agents = await Promise.all([1, 2, 3].map(() => startAgent(script, { commands, concurrency: 3 })));
  await agents[0]?.done(5);
  for (const group of GROUPS) await setLanes(group, 1);
  await fleet.requests.pause('two');
  await agents[1]?.done(15);
  await fleet.requests.resume('two');
  for (const group of GROUPS) await setLanes(group, 3);
  await eventually('the requests to end', async () => {
    const views = await Promise.all(requests.map((id) => fleet.requests.show(id)));
    return views.every(({ state }) => state === 'ended');
  });
  await fleet.wait(ids, { timeoutSeconds: 60 });
  await bench.empty();

  const witness = parseWitness(await readFile(join(bench.directory, 'journal'), 'utf8'));
  const verdict = judge(createGroupedFacts(await readItems(bench, requests, ids), lanes, witness));
  expect(formatVerdict(verdict)).toContain('The checker found no violation');
  expect(new Set(witness.map(({ stage }) => stage))).toEqual(new Set(['job', 'rollBack', 'check', 'remote']));
  expect(witness.filter(({ event, stage }) => event === 'start' && stage === 'job').length).toBeGreaterThan(
    100,
  );
});
