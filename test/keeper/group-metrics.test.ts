import { expect, test } from 'vitest';
import { type GroupCounts, reportGroups } from '../../keeper/group-metrics.ts';
import { readFleetState } from '../../store/fleet-state.ts';
import { callsOf, type Fleet, openFleet, TABLE } from '../support/agent-fleet.ts';
import { createKeeper } from '../support/keeper.ts';

const open = openFleet();
const NONE: GroupCounts = { held: 0, oldestHeldSeconds: 0, stopped: 0 };
const HELD: GroupCounts = { held: 7, oldestHeldSeconds: 90, stopped: 0 };
const STOPPED: GroupCounts = { held: 0, oldestHeldSeconds: 0, stopped: 2 };
const REFUSED = { kind: 'error', code: 'AccessDenied', status: 403 } as const;

async function start() {
  const fleet = await open({ desired: 0 });
  const keeper = await createKeeper(fleet);
  const report = async (counts: GroupCounts) => {
    const state = await readFleetState(fleet.clients.dynamodb, TABLE);
    await reportGroups({ clients: fleet.clients, config: keeper.config }, counts, state);
  };
  return { fleet, keeper, report };
}

/** What was published of groups so far: held jobs, the oldest one's seconds, what is stopped. A refused call has no part in it. */
function published(fleet: Fleet): number[][] {
  const calls = callsOf(fleet, 'PutMetricData').filter(({ status }) => status === 200);
  return calls.flatMap(({ input }) => {
    const { Namespace, MetricData } = input as { Namespace: string; MetricData: MetricDatum[] };
    const names = MetricData.map(({ MetricName }) => MetricName);
    if (names.includes('BootBreaker')) return [];
    expect(Namespace).toBe('Mayfly');
    expect(names).toEqual(['HeldJobs', 'OldestHeldJob', 'StoppedGroups']);
    expect(MetricData.map(({ Unit }) => Unit)).toEqual(['Count', 'Seconds', 'Count']);
    for (const { Dimensions } of MetricData) expect(Dimensions).toEqual([{ Name: 'Fleet', Value: 'test' }]);
    return [MetricData.map(({ Value }) => Value)];
  });
}

interface MetricDatum {
  MetricName: string;
  Value: number;
  Unit: string;
  Dimensions: object[];
}

test('a fleet that does not use groups publishes and writes nothing', async () => {
  const { fleet, report } = await start();
  await report(NONE);
  await report(NONE);
  expect(published(fleet)).toEqual([]);
  expect(callsOf(fleet, 'UpdateItem')).toEqual([]);
});

test('held jobs and stopped groups are published in each run, and 0 once after them', async () => {
  const { fleet, report } = await start();
  await report(HELD);
  await report(STOPPED);
  await report({ ...HELD, stopped: 1 });
  expect(callsOf(fleet, 'UpdateItem')).toHaveLength(1);
  for (let run = 0; run < 3; run++) await report(NONE);
  expect(published(fleet)).toEqual([
    [7, 90, 0],
    [0, 0, 2],
    [7, 90, 1],
    [0, 0, 0],
  ]);
  expect(await readFleetState(fleet.clients.dynamodb, TABLE)).not.toHaveProperty('groupsReported');
  await report(HELD);
  expect(published(fleet).at(-1)).toEqual([7, 90, 0]);
});

test('the zeros follow numbers whose publication has failed: CloudWatch may have them all the same', async () => {
  const { fleet, report } = await start();
  fleet.faults.add({ action: 'PutMetricData', effect: REFUSED, times: 1 });
  await expect(report(STOPPED)).rejects.toThrow('AccessDenied');
  await report(NONE);
  await report(NONE);
  expect(published(fleet)).toEqual([[0, 0, 0]]);
});

test('numbers are not published while the table refuses the note of them', async () => {
  const { fleet, report } = await start();
  fleet.faults.add({ action: 'UpdateItem', effect: REFUSED, times: 1 });
  await expect(report(STOPPED)).rejects.toThrow('AccessDenied');
  expect(published(fleet)).toEqual([]);
  await report(STOPPED);
  expect(published(fleet)).toEqual([[0, 0, 2]]);
});

test.each(['PutMetricData', 'UpdateItem'])(
  'zeros whose %s has failed are published again',
  async (action) => {
    const { fleet, report } = await start();
    await report(STOPPED);
    fleet.faults.add({ action, effect: REFUSED, times: 1 });
    await expect(report(NONE)).rejects.toThrow('AccessDenied');
    await report(NONE);
    expect(published(fleet).at(-1)).toEqual([0, 0, 0]);
    const before = published(fleet).length;
    await report(NONE);
    expect(published(fleet)).toHaveLength(before);
  },
);

test('runs of the keeper keep the note, also those that fail', async () => {
  const { fleet, keeper, report } = await start();
  await report(STOPPED);
  fleet.faults.add({ action: 'SuspendProcesses', effect: REFUSED, times: 1 });
  await expect(keeper.after(0)).rejects.toThrow('AccessDenied');
  await keeper.after(1);
  await report(NONE);
  expect(published(fleet)).toEqual([
    [0, 0, 2],
    [0, 0, 0],
  ]);
});
