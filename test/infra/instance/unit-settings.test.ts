import { Size } from 'aws-cdk-lib';
import { expect, test } from 'vitest';
import { makeSlotDropIn } from '../../../infra/instance/unit-settings.ts';
import type { WorkerFleetProps } from '../../../infra/props/props.ts';
import { resolveSettings } from '../../../infra/props/settings.ts';
import { MAX_BODY_BYTES } from '../../../store/body-store.ts';

const of = (props: WorkerFleetProps) => makeSlotDropIn(resolveSettings('WorkerFleet', 'Fleet', props));

test('what a fleet says of its workers becomes settings of the unit of a slot', () => {
  const props = { workerMemory: Size.gibibytes(2), workerCpu: 1.5, workerTasks: 100 };
  expect(of(props)).toEqual([
    '[Service]',
    'MemoryMax=2048M',
    'MemorySwapMax=0',
    'CPUQuota=150%',
    'TasksMax=100',
  ]);
  expect(of({ workerCpu: 0.05 })).toEqual(['[Service]', 'CPUQuota=5%']);
});

test('directories of a limited size are in memory, and no file may be larger', () => {
  expect(of({ workerDisk: Size.gibibytes(1) })).toEqual([
    '[Service]',
    'PrivateTmp=no',
    'TemporaryFileSystem=/tmp:mode=1777,size=1024M,nodev,nosuid',
    'TemporaryFileSystem=/var/tmp:mode=1777,size=1024M,nodev,nosuid',
    'LimitFSIZE=1024M',
  ]);
});

test('a body is a file of its slot: the longest fits, however little a worker may write', () => {
  expect(of({ workerDisk: Size.mebibytes(16) })).toContain(`LimitFSIZE=${MAX_BODY_BYTES / 1024 ** 2}M`);
});

test('a directory for caches is the slot’s own, in the place that the fleet names', () => {
  expect(of({ workerCacheDirectory: '/srv/cache' })).toEqual([
    '[Service]',
    'CacheDirectory=mayfly-slot/%i',
    'CacheDirectoryMode=0700',
    'BindPaths=/var/cache/mayfly-slot/%i:/srv/cache',
  ]);
});

test('a fleet that says nothing leaves the unit as it is', () => {
  expect(of({})).toEqual([]);
});
