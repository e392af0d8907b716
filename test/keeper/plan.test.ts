import { describe, expect, test } from 'vitest';
import type { InstanceRecord } from '../../jobs/record.ts';
import { readKeeperConfig } from '../../keeper/config.ts';
import { plan } from '../../keeper/plan.ts';
import type { Snapshot } from '../../keeper/snapshot.ts';

const NOW_MS = Date.parse('2026-01-01T12:00:00Z');
const MINUTE_MS = 60_000;
const config = readKeeperConfig(
  JSON.stringify({
    ...{ version: 1, fleet: 'test', groupName: 'fleet', policyArn: 'arn', queueUrl: 'https://sqs/q' },
    ...{ table: 'jobs', threshold: 1, durationSeconds: 60, bootBudgetSeconds: 60, silentSeconds: 60 },
  }),
);

const record = (instance: string, more: Partial<InstanceRecord> = {}): InstanceRecord => ({
  ...{ pk: `instance#${instance}`, instance, listing: 'instances' },
  ...{ readyAt: new Date(NOW_MS - 60 * MINUTE_MS).toISOString(), reportedAtMs: NOW_MS - MINUTE_MS / 2 },
  ...more,
});

/** A group with a desired capacity of five that has two instances. */
function createSnapshot({
  group,
  ...more
}: Omit<Partial<Snapshot>, 'group'> & { group?: Partial<Snapshot['group']> }): Snapshot {
  const instances = ['i-a', 'i-b'].map((instance) => ({ instance, lifecycleState: 'InService' }));
  return {
    nowMs: NOW_MS,
    group: {
      ...{ minSize: 0, maxSize: 5, desired: 5, instances, pool: new Set() },
      suspended: new Set(['AZRebalance', 'Launch']),
      ...group,
    },
    launches: [],
    judged: [],
    terminations: new Map(),
    launchesMs: [],
    launchingSinceMs: undefined,
    lastLaunchMs: undefined,
    backlog: 0,
    records: new Map(['i-a', 'i-b'].map((id) => [id, record(id)])),
    fleetState: {},
    ...more,
  };
}

const loweredCapacities = (snapshot: Snapshot) =>
  plan(snapshot, config).flatMap((action) => (action.do === 'lower-desired' ? [action.desired] : []));

describe('the missing capacity of a paused group', () => {
  const minutesAgo = (minutes: number) => NOW_MS - minutes * MINUTE_MS;
  test.each<[string, Parameters<typeof createSnapshot>[0], number[]]>([
    ['is given up long after the pause began', { fleetState: { pausedAtMs: minutesAgo(10) } }, [2]],
    [
      'is kept just after the pause began, as it may be launching',
      { fleetState: { pausedAtMs: minutesAgo(1) } },
      [],
    ],
    [
      'just after a launch, of whoever resumed for a moment, as well',
      { fleetState: { pausedAtMs: minutesAgo(10) }, lastLaunchMs: minutesAgo(1) },
      [],
    ],
    [
      'is on its way while somebody has resumed launches',
      { fleetState: { pausedAtMs: minutesAgo(10) }, group: { suspended: new Set(['AZRebalance']) } },
      [],
    ],
    ['without a pause it is looked at again', {}, []],
    [
      'is kept as far as it is the minimum',
      { fleetState: { pausedAtMs: minutesAgo(10) }, group: { minSize: 3 } },
      [3],
    ],
  ])('%s', (_, snapshot, expected) => {
    expect(loweredCapacities(createSnapshot(snapshot))).toEqual(expected);
  });
});

describe('missing capacity that no job needs', () => {
  const unneededSinceMs = NOW_MS - MINUTE_MS;
  const instances = ['InService', 'InService', 'Standby', 'Terminating:Wait'].map(
    (lifecycleState, index) => ({
      ...{ instance: `i-${index}`, lifecycleState },
    }),
  );
  test.each<[string, Parameters<typeof createSnapshot>[0], number[]]>([
    ['is given up at the second run', {}, [2]],
    ['of instances that do not count nothing is left', { group: { instances } }, [2]],
    [
      'may be on its way',
      { group: { instances: [{ instance: 'i-a', lifecycleState: 'Pending:Wait' }] } },
      [],
    ],
    ['may be asked for, and not show yet', { launchingSinceMs: NOW_MS - 9 * MINUTE_MS }, []],
    ['was asked for long ago, and does not show', { launchingSinceMs: NOW_MS - 10 * MINUTE_MS }, [2]],
    [
      'is kept just after the policy was executed',
      { fleetState: { unneededSinceMs, wokenAtMs: NOW_MS - MINUTE_MS } },
      [],
    ],
    [
      'is kept just after the capacity was lowered',
      { fleetState: { unneededSinceMs, loweredAtMs: NOW_MS - MINUTE_MS } },
      [],
    ],
  ])('%s', (_, snapshot, expected) => {
    expect(loweredCapacities(createSnapshot({ fleetState: { unneededSinceMs }, ...snapshot }))).toEqual(
      expected,
    );
  });

  test('is needed again when jobs wait', () => {
    const actions = plan(createSnapshot({ fleetState: { unneededSinceMs }, backlog: 1 }), config);
    expect(actions).toContainEqual({ do: 'record-unneeded', sinceMs: undefined });
  });
});

test('the capacity is set before the instances that it counts are ended', () => {
  const silent = record('i-b', { reportedAtMs: NOW_MS - 30 * MINUTE_MS });
  const at = new Date(NOW_MS - MINUTE_MS).toISOString();
  const gone = record('i-c', {
    retirement: {
      ...{ reason: 'idle', rung: 'power-off', decidedAt: at, endedAt: at },
      ...{ idleSeconds: 60, jobsDone: 1, tries: 1 },
    },
  });
  const launches = [{ instance: 'i-b', startedAtMs: NOW_MS - 60 * MINUTE_MS }];
  const snapshot = createSnapshot({
    group: { desired: 3, suspended: new Set(['AZRebalance']) },
    launches,
    records: new Map([record('i-a'), silent, gone].map((one) => [one.instance, one])),
  });
  const kinds = plan(snapshot, config).map((action) => action.do);
  expect(kinds.filter((kind) => kind === 'lower-desired' || kind === 'end-silent-instance')).toEqual([
    'lower-desired',
    'end-silent-instance',
  ]);
});
