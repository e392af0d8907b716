import { expect, test } from 'vitest';
import type { InstanceRecord } from '../../jobs/record.ts';
import { stateIndexChanges, stateIndexChangesAfterFailure } from '../../keeper/state-index.ts';
import type { FleetState } from '../../store/fleet-state.ts';

const NOW_MS = 1_000_000;
const KEPT = { keptAtMs: 1, keptWithIndexAtMs: 1 };
const instance = (more: Partial<InstanceRecord>): InstanceRecord => ({
  ...{ pk: 'instance#i-1', instance: 'i-1', listing: 'instances' },
  ...more,
});
const old = instance({});
const newer = instance({ listed: 'instances', listedAt: 'i-1' });
const retired = instance({ listing: 'retired' });

test.each<[string, FleetState, InstanceRecord[], number | 'as it is' | undefined]>([
  ['a new fleet', {}, [], 0],
  ['a new fleet that is paused already', { pausedAtMs: 1 }, [newer], 0],
  ['one of an earlier version', { keptAtMs: 1 }, [], NOW_MS],
  ['one whose agents of the earlier version are gone', { keptAtMs: 1 }, [newer, retired], NOW_MS],
  ['one in which such an agent lives', { keptAtMs: 1 }, [newer, old], undefined],
  ['one of which it is noted', { ...KEPT, listedSinceMs: 5 }, [newer], 'as it is'],
  ['one with a record that all jobs are in the index', { ...KEPT, listedSinceMs: 0 }, [newer], 'as it is'],
  ['one that was rolled back for a while', { ...KEPT, keptAtMs: 2, listedSinceMs: 0 }, [], NOW_MS],
  [
    'one that was rolled back, and has such an agent',
    { ...KEPT, keptAtMs: 2, listedSinceMs: 0 },
    [old],
    undefined,
  ],
])('since when the index by state has all jobs: %s', (_, fleetState, records, sinceMs) => {
  const snapshot = {
    fleetState,
    records: new Map(records.map((one, index) => [`${index}`, one])),
    nowMs: NOW_MS,
  };
  expect(stateIndexChanges(snapshot)).toStrictEqual(sinceMs === 'as it is' ? {} : { listedSinceMs: sinceMs });
});

test.each<[string, FleetState, number | 'as it is' | undefined]>([
  ['a new fleet', {}, 0],
  ['one of an earlier version', { keptAtMs: 1 }, 'as it is'],
  ['one with a record that all jobs are in the index', { ...KEPT, listedSinceMs: 0 }, 'as it is'],
  ['one that was rolled back for a while', { ...KEPT, keptAtMs: 2, listedSinceMs: 0 }, undefined],
])('a failed run records nothing that it has not read: of %s', (_, fleetState, sinceMs) => {
  const note = sinceMs === 'as it is' ? {} : { listedSinceMs: sinceMs };
  expect(stateIndexChangesAfterFailure(fleetState)).toStrictEqual(note);
});
