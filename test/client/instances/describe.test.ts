import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import type { FleetView } from '../../../client/instances/describe.ts';
import {
  createInstanceView,
  createRetiredView,
  type InstanceFacts,
  type InstanceView,
} from '../../../client/instances/instance-view.ts';
import type { Forecast, InstanceRecord, JobRecord, Retirement } from '../../../jobs/record.ts';
import { deployedFleets } from '../../support/deployed.ts';
import { eventually } from '../../support/eventually.ts';

const NOW_MS = Date.parse('2026-01-02T03:04:05.000Z');
const SILENT_MS = 900_000;
const at = (secondsAgo: number) => new Date(NOW_MS - secondsAgo * 1000).toISOString();

const member = { instance: 'i-1', lifecycleState: 'InService', type: 'm6i.large', zone: 'us-east-1a' };
const idle: Forecast = {
  running: 0,
  slots: 2,
  jobsDone: 7,
  idleSince: at(40),
  next: 'retire',
  at: at(-20),
  reason: 'idle',
};
const record: InstanceRecord = {
  pk: 'instance#i-1',
  instance: 'i-1',
  listing: 'instances',
  launchedAt: at(300),
  readyAt: at(240),
  reportedAtMs: NOW_MS - 5000,
  forecast: idle,
};
const retirement: Retirement = {
  reason: 'idle',
  decidedAt: at(3),
  endedAt: at(3),
  idleSeconds: 60,
  jobsDone: 7,
  rung: 'terminate',
  tries: 1,
};
const job = (id: string, secondsAgo: number): JobRecord => ({
  pk: `job#${id}`,
  id,
  state: 'running',
  attempts: 1,
  startedAt: at(secondsAgo),
});
const seen: InstanceFacts = { instance: 'i-1', member, record, jobs: [], launchedAtMs: undefined };
const working: Forecast = { running: 1, slots: 2, jobsDone: 7, next: 'work' };
const without = { ...record, forecast: undefined } as unknown as InstanceRecord;

const cases: { name: string; seen: Partial<InstanceFacts>; expected: Partial<InstanceView> }[] = [
  {
    name: 'idle: since when, and when it goes',
    seen: {},
    expected: {
      status: 'idle',
      idleSince: at(40),
      next: { action: 'retire', at: at(-20), reason: 'idle' },
      slots: 2,
      jobsDone: 7,
      type: 'm6i.large',
      launchedAt: at(300),
      reportedAt: at(5),
      reportAgeSeconds: 5,
    },
  },
  {
    name: 'to be drained: since when',
    seen: { record: { ...record, drainRequestedAt: at(2) } },
    expected: { status: 'idle', drainRequestedAt: at(2) },
  },
  {
    name: 'working: its jobs, the longest first',
    seen: { record: { ...record, forecast: working }, jobs: [job('j-b', 3), job('j-a', 60)] },
    expected: {
      status: 'working',
      next: { action: 'work' },
      jobs: [
        { id: 'j-a', attempt: 1, startedAt: at(60), ranSeconds: 60 },
        { id: 'j-b', attempt: 1, startedAt: at(3), ranSeconds: 3 },
      ],
    },
  },
  {
    name: 'a job has started since its last report, which said that it was idle',
    seen: { jobs: [job('j-a', 1)] },
    expected: { status: 'working', next: { action: 'work' } },
  },
  {
    name: 'working until its maximum age',
    seen: { record: { ...record, forecast: { ...working, at: at(-600), reason: 'max-age' } } },
    expected: { status: 'working', next: { action: 'work', at: at(-600), reason: 'max-age' } },
  },
  {
    name: 'launched, with no report yet: its launch is known from the group’s activities',
    seen: {
      member: { ...member, lifecycleState: 'Pending:Wait' },
      record: undefined,
      launchedAtMs: NOW_MS - 30_000,
    },
    expected: { status: 'booting', lifecycleState: 'Pending:Wait', launchedAt: at(30) },
  },
  {
    name: 'in the warm pool',
    seen: { member: { ...member, lifecycleState: 'Warmed:Stopped' } },
    expected: { status: 'pooled' },
  },
  {
    name: 'taken out of the warm pool, in which it was silent',
    seen: {
      member: { ...member, lifecycleState: 'Pending:Wait' },
      record: { ...record, reportedAtMs: NOW_MS - 8 * SILENT_MS },
      launchedAtMs: NOW_MS - 20_000,
    },
    expected: { status: 'booting', lifecycleState: 'Pending:Wait' },
  },
  {
    name: 'on its way out of the warm pool',
    seen: { member: { ...member, lifecycleState: 'Warmed:Terminating:Wait' } },
    expected: { status: 'leaving' },
  },
  {
    name: 'has reported that it leaves',
    seen: { record: { ...record, retirement } },
    expected: { status: 'leaving', next: { action: 'leave', reason: 'idle' } },
  },
  {
    name: 'Auto Scaling ends it, and it ends its job first',
    seen: {
      member: { ...member, lifecycleState: 'Terminating:Wait' },
      record: { ...record, forecast: { ...working, next: 'leave', reason: 'auto-scaling' } },
      jobs: [job('j-a', 9)],
    },
    expected: {
      status: 'leaving',
      next: { action: 'leave', reason: 'auto-scaling' },
      jobs: [{ id: 'j-a', attempt: 1, startedAt: at(9), ranSeconds: 9 }],
    },
  },
  {
    name: 'not heard of for long',
    seen: { record: { ...record, reportedAtMs: NOW_MS - SILENT_MS } },
    expected: { status: 'silent' },
  },
  { name: 'gone, and not settled yet', seen: { member: undefined }, expected: { status: 'gone' } },
  {
    name: 'a machine outside of the group that works for it',
    seen: { instance: 'host-laptop', member: undefined },
    expected: { status: 'idle', instance: 'host-laptop' },
  },
  {
    name: 'a machine outside of the group that has gone',
    seen: { instance: 'host-laptop', member: undefined, record: { ...record, retirement } },
    expected: { status: 'gone' },
  },
  { name: 'an agent that reports no forecast', seen: { record: without }, expected: { status: 'idle' } },
];

describe('the view of an instance', () => {
  test.each(cases)('$name', ({ seen: changes, expected }) => {
    expect(createInstanceView({ ...seen, ...changes }, NOW_MS, SILENT_MS)).toMatchObject(expected);
  });

  test('has no next action if none is known', () => {
    expect(createInstanceView({ ...seen, record: without }, NOW_MS, SILENT_MS)).not.toHaveProperty('next');
    const silent = { ...record, reportedAtMs: NOW_MS - SILENT_MS };
    expect(createInstanceView({ ...seen, record: silent }, NOW_MS, SILENT_MS)).not.toHaveProperty('next');
  });
});

describe('the view of a terminated instance', () => {
  const end = { instance: 'i-1', startedAtMs: NOW_MS, cause: 'At ... user-initiated.' };

  test('has the reason in its record', () => {
    const { reason, rung, jobsDone, idleSeconds } = retirement;
    expect(createRetiredView(end, { ...record, retirement })).toEqual({
      instance: 'i-1',
      endedAt: at(0),
      ...{ reason, rung, jobsDone, idleSeconds },
    });
  });

  test('has the fatal error of its agent', () => {
    const fatalError = 'TypeError: no such thing';
    const lost: Retirement = { ...retirement, reason: 'lost' };
    const view = createRetiredView(end, { ...record, retirement: lost, fatalError });
    expect(view).toMatchObject({ reason: 'lost', problem: fatalError });
    expect(view).not.toHaveProperty('cause');
    const crashed: Retirement = { ...retirement, reason: 'agent-crashed', problem: 'it was silent' };
    expect(createRetiredView(end, { ...record, retirement: crashed, fatalError }).problem).toBe(
      `it was silent; fatal error of its agent: ${fatalError}`,
    );
    const told = { ...crashed, problem: `the agent failed: status 1: ${fatalError}` };
    expect(createRetiredView(end, { ...record, retirement: told, fatalError }).problem).toBe(told.problem);
  });

  test('has the cause of Auto Scaling if nothing else is known', () => {
    const lost: Retirement = { ...retirement, reason: 'lost' };
    expect(createRetiredView(end, { ...record, retirement: lost })).toMatchObject({
      reason: 'lost',
      cause: end.cause,
    });
    expect(createRetiredView(end, undefined)).toMatchObject({ reason: 'unknown', cause: end.cause });
  });
});

describe('the view of a fleet', () => {
  const open = deployedFleets();

  test('shows an instance that runs a job, is idle, and has terminated', async () => {
    const fleet = await open({ concurrency: 2, idleTimeout: Duration.seconds(10) });
    const { library } = fleet;
    const first = await library.describe();
    expect(first).toMatchObject({
      fleet: 'Test/test',
      queue: { visible: 0, inFlight: 0, delayed: 0 },
      deadLetters: 0,
      capacity: { desired: 0, min: 0, max: 3 },
      launches: { suspended: false },
      instances: [],
      retired: [],
    });
    const see = (what: string, is: (view: FleetView) => boolean) =>
      eventually(what, async () => {
        const view = await library.describe();
        return is(view) && view;
      });
    const gate = join(fleet.directory, 'gate');
    const [job = ''] = await fleet.send({ untilFile: gate });
    const booting = await see(
      'an instance that boots',
      ({ instances }) => instances[0]?.status === 'booting',
    );
    expect(booting.instances[0]).toMatchObject({ jobs: [], launchedAt: expect.any(String) });
    const busy = await see('it at work', ({ instances }) => instances[0]?.next?.action === 'work');
    await writeFile(gate, '');
    const [worker] = busy.instances;
    expect(worker).toMatchObject({
      status: 'working',
      lifecycleState: 'InService',
      slots: 2,
      jobs: [{ id: job, attempt: 1, ranSeconds: expect.any(Number) }],
      next: { action: 'work' },
    });
    // The record is from the last report, before the job. The next report updates it.
    const idle = await see('it idle', ({ instances }) => {
      const [instance] = instances;
      return instance?.jobsDone === 1 && instance.next?.action === 'retire';
    });
    expect(idle.instances[0]).toMatchObject({
      instance: worker?.instance,
      status: 'idle',
      jobsDone: 1,
      next: { action: 'retire', reason: 'idle', at: expect.any(String) },
    });
    const gone = await see('it gone', ({ retired }) => retired.length > 0);
    expect(gone).toMatchObject({
      instances: [],
      retired: [{ instance: worker?.instance, reason: 'idle', jobsDone: 1, rung: 'terminate' }],
      keeper: { ranAt: expect.any(String) },
    });
    expect((await library.describe({ retired: 0 })).retired).toEqual([]);
  }, 180_000);
});
