import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Duration } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../aws/clock.ts';
import { LOOK_UP_INTERVAL_MS, WaitReason } from '../../../cli/commands/jobs/wait-reason.ts';
import { AccessDeniedError } from '../../../client/errors.ts';
import { Fleet } from '../../../client/fleet.ts';
import type { FleetView } from '../../../client/instances/describe.ts';
import type { InstanceView } from '../../../client/instances/instance-view.ts';
import type { JobView } from '../../../client/jobs/view.ts';
import { createWaitingView } from '../../../client/jobs/waiting.ts';
import { deployedFleets } from '../../support/deployed.ts';
import { eventually } from '../../support/eventually.ts';
import { ago, fleet as facts, NOW_MS, textAgo, timeAgo } from '../../support/healthy-facts.ts';

const job: JobView = { id: 'j-1', state: 'queued', finished: false, attempts: 0, tries: [] };
const tried = { instance: 'i-0', startedAt: timeAgo(9) };
const idle: InstanceView = { instance: 'i-1', status: 'idle', slots: 2, jobs: [] };
const working: InstanceView = { ...idle, status: 'working', jobs: [{ id: 'j-0', attempt: 1 }] };
const view: FleetView = {
  ...{ fleet: 'Test/test', region: 'us-east-1', at: timeAgo(0), keeper: {}, retired: [], instances: [] },
  queue: { visible: 3, inFlight: 0, delayed: 0 },
  capacity: { desired: 0, min: 0, max: 4 },
  launches: { suspended: false },
};
const launches = (changes: Partial<FleetView['launches']>): Partial<FleetView> => ({
  launches: { suspended: true, ...changes },
});

interface Case {
  name: string;
  job?: Partial<JobView>;
  fleet?: Partial<FleetView> | 'unseen';
  says: object;
}

const cases: Case[] = [
  {
    name: 'its next try',
    job: { notBefore: timeAgo(-5), attempts: 2, tries: [tried] },
    says: {
      what: 'retry',
      until: timeAgo(-5),
      text: `it is tried again at ${textAgo(-5)}; 2 of 3 attempts are used`,
    },
  },
  {
    name: 'its next try, of its own number',
    job: { notBefore: timeAgo(-5), attempts: 1, maxAttempts: 2, tries: [tried] },
    says: { what: 'retry', until: timeAgo(-5), text: expect.stringContaining('1 of 2 attempts are used') },
  },
  {
    name: 'the end of its delay, also if the fleet may not be read',
    job: { notBefore: timeAgo(-5) },
    fleet: 'unseen',
    says: {
      what: 'delay',
      until: timeAgo(-5),
      text: expect.stringContaining(`a delay, until ${textAgo(-5)}`),
    },
  },
  {
    name: 'something that may not be read',
    job: { notBefore: timeAgo(5) },
    fleet: 'unseen',
    says: { what: 'unknown', text: 'it is not known. Not you.' },
  },
  {
    name: 'a fleet that is paused',
    fleet: launches({ reason: 'paused', since: timeAgo(9) }),
    says: { what: 'paused', since: timeAgo(9), text: expect.stringContaining('mayfly fleet resume') },
  },
  {
    name: 'its message',
    fleet: { queue: { visible: 0, inFlight: 1, delayed: 0 } },
    says: { what: 'message', text: expect.stringContaining('not visible now') },
  },
  {
    name: 'nothing: an instance is idle',
    fleet: {
      instances: [
        { ...working, slots: 1 },
        { ...idle, instance: 'i-2' },
      ],
    },
    says: { what: 'nothing', text: expect.stringContaining('i-2 has a free slot') },
  },
  {
    name: 'nothing: one that works has a free slot',
    fleet: { instances: [working] },
    says: { what: 'nothing', text: expect.stringContaining('i-1 has a free slot') },
  },
  {
    name: 'an instance that is launching',
    fleet: { instances: [{ ...idle, status: 'booting', launchedAt: timeAgo(1) }] },
    says: { what: 'launch', since: timeAgo(1), text: `an instance is launching since ${textAgo(1)} (i-1)` },
  },
  {
    name: 'one whose agent has reported, and whose launch hook is not completed',
    fleet: { instances: [{ ...idle, lifecycleState: 'Pending:Wait' }] },
    says: { what: 'launch', text: 'an instance is launching (i-1)' },
  },
  {
    name: 'the boot breaker',
    fleet: launches({ reason: 'breaker', since: timeAgo(9) }),
    says: { what: 'breaker', since: timeAgo(9), text: expect.stringContaining('mayfly doctor') },
  },
  {
    name: 'launches that an operator has suspended',
    fleet: launches({ reason: 'other' }),
    says: { what: 'suspended', text: expect.stringContaining('process Launch is suspended') },
  },
  {
    name: 'a launch that AWS refuses',
    fleet: { launches: { suspended: false, failure: { at: timeAgo(2), message: 'no capacity', times: 3 } } },
    says: {
      what: 'refused',
      since: timeAgo(2),
      text: expect.stringMatching(/refused the last launch, .*: no capacity$/),
    },
  },
  {
    name: 'a slot, as the maximum is reached',
    fleet: { capacity: { desired: 1, min: 0, max: 1 }, instances: [{ ...working, slots: 1 }] },
    says: {
      what: 'maximum',
      text: 'the maximum of 1 instance is reached, none has a free slot, and 3 jobs wait',
    },
  },
  {
    name: 'an instance that was just requested, the last one of the maximum',
    fleet: { capacity: { desired: 1, min: 0, max: 1 } },
    says: { what: 'instance', text: 'no instance is there yet; one more has been asked for' },
  },
  {
    name: 'an instance that was just requested beside a busy one, with others leaving or in the warm pool',
    fleet: {
      capacity: { desired: 2, min: 0, max: 2 },
      instances: [
        { ...working, slots: 1 },
        { ...idle, status: 'leaving', lifecycleState: 'Terminating:Wait' },
        { ...idle, status: 'pooled', lifecycleState: 'Warmed:Stopped' },
      ],
    },
    says: { what: 'instance', text: '1 instance is busy; one more has been asked for' },
  },
  {
    name: 'a slot, while an instance that leaves still counts',
    fleet: {
      capacity: { desired: 1, min: 0, max: 1 },
      instances: [{ ...working, next: { action: 'leave' } }],
    },
    says: { what: 'maximum', text: expect.stringContaining('the maximum of 1 instance is reached') },
  },
  {
    name: 'an instance, because the existing ones take no more jobs',
    fleet: {
      capacity: { desired: 2, min: 0, max: 4 },
      instances: [
        { ...working, next: { action: 'leave' } },
        { ...working, slowed: { since: timeAgo(1), failures: 3, reason: 'exit status 1' } },
        { ...idle, status: 'silent' },
      ],
    },
    says: { what: 'instance', text: '1 instance is busy; one more is asked for within 2 minutes' },
  },
  {
    name: 'an instance, because there is none',
    says: { what: 'instance', text: 'no instance is there yet; one more is asked for within 2 minutes' },
  },
];

describe('a queued job waits for', () => {
  test.each(cases)('$name', ({ job: changes, fleet = {}, says }) => {
    const seen = fleet === 'unseen' ? new AccessDeniedError('Not you.') : { ...view, ...fleet };
    expect(createWaitingView({ ...job, ...changes }, seen, facts, NOW_MS)).toEqual(says);
  });

  test('more jobs, if instances are launched only for many', () => {
    const scaleOut = { threshold: 10, durationSeconds: 300, jobsPerInstance: 1, warmUpSeconds: 60 };
    const queue = { visible: 1, inFlight: 0, delayed: 0 };
    expect(createWaitingView(job, { ...view, queue }, { ...facts, scaleOut }, ago(0))).toEqual({
      what: 'backlog',
      text: 'instances are launched from 10 jobs on, and 1 job waits',
    });
  });
});

/** What `wait` says after its progress once no job has run for half a minute. */
async function saidByWait(library: Fleet, id: string): Promise<void> {
  let aheadMs = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + aheadMs };
  const waiting = new WaitReason(new Fleet({ ...library.context, clock }));
  const [queued] = await library.status([id]);
  const progress = { running: [], retrying: [], waiting: queued ? [queued] : [] };
  await waiting.update(progress);
  expect(waiting.text).toBeUndefined();
  aheadMs = LOOK_UP_INTERVAL_MS;
  await waiting.update(progress);
  expect(waiting.text).toMatch(/^the fleet is paused since /);
  await waiting.update({ ...progress, running: progress.waiting });
  expect(waiting.text).toBeUndefined();
}

test('wait goes on if the state of the fleet cannot be read, whatever the error is', async () => {
  let nowMs = 0;
  const clock = { ...systemClock, monotonic: () => nowMs };
  const failing = { context: { clock }, status: () => Promise.reject(new Error('socket hang up')) };
  const waiting = new WaitReason(failing as unknown as Fleet);
  const progress = { running: [], retrying: [], waiting: [job] };
  await waiting.update(progress);
  nowMs = LOOK_UP_INTERVAL_MS;
  await waiting.update(progress);
  expect(waiting.text).toBeUndefined();
});

describe('a deployed fleet', () => {
  const open = deployedFleets();

  test('says what its queued jobs wait for, until they run', async () => {
    const fleet = await open({ maxCapacity: 1, retryBackoff: { first: Duration.hours(1) } });
    const { library } = fleet;
    const why = async (id: string) => (await library.status(id, { waitsFor: true })).waitsFor?.what;
    await library.pause();
    const gate = join(fleet.directory, 'gate');
    const first = await library.enqueue({ untilFile: gate });
    expect(await why(first.id)).toBe('paused');
    await saidByWait(library, first.id);
    await library.resume();
    await fleet.event('start', first.id);
    expect(await library.status(first.id, { waitsFor: true })).not.toHaveProperty('waitsFor');

    const second = await library.enqueue({ failAttempts: 1 });
    const later = await library.enqueue({}, { delaySeconds: 600 });
    expect(await why(later.id)).toBe('delay');
    await eventually('the maximum', async () => (await why(second.id)) === 'maximum');
    const { stdout } = await fleet.mayfly('status', second.id);
    expect(stdout).toContain('why it waits: the maximum of 1 instance is reached');
    await writeFile(gate, '');
    await eventually('the second try', async () => (await why(second.id)) === 'retry');
    const { waitsFor, notBefore } = JSON.parse((await fleet.mayfly('status', '--json', second.id)).stdout);
    expect(waitsFor).toEqual({
      what: 'retry',
      text: expect.stringContaining('1 of 3 attempts are used'),
      until: notBefore,
    });
  }, 240_000);
});
