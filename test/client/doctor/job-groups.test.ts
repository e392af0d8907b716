import { PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it, test } from 'vitest';
import { systemClock } from '../../../aws/clock.ts';
import type { JobGroups } from '../../../client/doctor/check-input.ts';
import type { Finding } from '../../../client/doctor/finding.ts';
import { checkJobGroups } from '../../../client/doctor/job-groups.ts';
import { Fleet } from '../../../client/fleet.ts';
import { createGroups } from '../../../client/groups/create.ts';
import type { JobRecord } from '../../../jobs/record.ts';
import { emptyGroup, type GroupState, type OpenRequest, type OutJob } from '../../../policy/groups/state.ts';
import { JobTable } from '../../../store/job-table.ts';
import type { RequestRecord } from '../../../store/request-items.ts';
import { type BareFleet, bareFleets } from '../../support/bare-fleet.ts';
import { ago, healthy, NOW_MS, textAgo, timeAgo } from '../../support/healthy-facts.ts';

const NOTHING: JobGroups = { groups: [], requests: [], records: new Map(), unplaced: [], isPartial: false };

const check = (seen: Partial<JobGroups>): Finding[] =>
  checkJobGroups({ ...healthy, jobGroups: { value: { ...NOTHING, ...seen } } });

const group = (changes: Partial<GroupState>): GroupState => ({ ...emptyGroup('shop/web'), ...changes });
const out = (changes: Partial<OutJob> = {}): OutJob => ({
  ...{ number: 0, stage: 'job', release: 7 },
  ...{ sinceMs: ago(30), releasedAtMs: ago(30) },
  ...changes,
});
const record = (id: string, changes: Partial<JobRecord>): [string, JobRecord] => [
  id,
  { pk: `job#${id}`, id, state: 'held', attempts: 0, release: 7, sentAt: timeAgo(30), ...changes },
];
const request = (changes: Partial<RequestRecord>): RequestRecord => ({
  ...{ id: 'req-1', state: 'open', generation: 1, digest: 'd', count: 4 },
  groups: [{ name: 'shop/web', count: 4, size: 4 }],
  policy: {},
  submittedAt: timeAgo(90),
  ...changes,
});
const open: OpenRequest = {
  ...{ id: 'req-1', index: 0, count: 4, policy: {}, submittedAtMs: ago(90), next: 3, waiting: {} },
  ...{ state: 'open', generation: 1, batch: 0, batchStart: 1, batchFailed: 0 },
  ...{ succeeded: 0, failed: 0, cancelled: 0, lastRelease: 0 },
};
const DAY_MINUTES = 1440;

describe('nothing is wrong', () => {
  it.each<[string, Partial<JobGroups>, string]>([
    ['nothing is held', {}, 'no job is held'],
    [
      'jobs are held for days',
      {
        groups: [
          group({ requests: [{ ...open, submittedAtMs: ago(2 * DAY_MINUTES) }] }),
          group({ plain: { ...emptyGroup('').plain, jobs: [{ id: 'j-1', sinceMs: ago(5) }] } }),
        ],
      },
      'held in turn: 3 jobs, the oldest for 2 d',
    ],
    [
      'lanes are used as they should',
      {
        groups: [
          group({
            out: {
              sent: out(),
              running: out(),
              released: out({ releasedAtMs: ago(1) }),
              ended: out(),
              new: out({ releasedAtMs: ago(1) }),
              main: out({ stage: 'check', job: 'check' }),
            },
          }),
        ],
        records: new Map([
          record('sent', {}),
          record('running', { state: 'running' }),
          record('released', { release: 7, sentAt: undefined as never }),
          record('ended', { state: 'failed', endedAt: timeAgo(1) }),
          record('check', {}),
        ]),
      },
      'no job is held',
    ],
    ['some were not read', { isPartial: true }, 'none of those that were read holds a job'],
    [
      'a request is open or being submitted',
      { requests: [request({}), request({ state: 'preparing', submittedAt: timeAgo(59) })] },
      'no job is held',
    ],
  ])('when %s', (_, seen, text) => {
    expect(check(seen)).toEqual([{ check: 'job groups', status: 'ok', text }]);
  });

  it('when the fleet has no groups', () => {
    const none = { jobGroups: { value: undefined } };
    expect(checkJobGroups({ ...healthy, ...none })).toMatchObject([
      { status: 'ok', text: 'none: an earlier version deployed the fleet' },
    ]);
    const untracked = { ...healthy.fleet, trackJobs: false };
    expect(checkJobGroups({ ...healthy, ...none, fleet: untracked })).toMatchObject([
      { status: 'ok', text: 'none: the fleet keeps no records of jobs' },
    ]);
  });
});

describe('finds', () => {
  it('a stopped group: job, target, reason, and how it goes on', () => {
    const stop = { atMs: ago(20), job: 'r-1', reason: 'job r-1: the check of its target failed' };
    const unhealthy = { 'r-1': out({ stage: 'unhealthy', job: 'c-1' }), 'r-2': out({ stage: 'unhealthy' }) };
    const records = new Map([record('c-1', { state: 'timed_out', target: 's2', endedAt: timeAgo(20) })]);
    expect(check({ groups: [group({ stopped: stop, out: unhealthy })], records })).toEqual([
      {
        check: 'job groups',
        status: 'bad',
        text: `Group shop/web is stopped since ${textAgo(20)}: job r-1: the check of its target failed (target s2). None of its jobs is released.`,
        details: ['The target of job r-2 is unhealthy too.'],
        advice:
          'When the target is healthy: mayfly group free r-1; for all targets of the group: mayfly group resume shop/web',
      },
    ]);
  });

  it.each<[string, OutJob, [string, JobRecord] | undefined, string]>([
    [
      'has ended',
      out(),
      record('j-1', { state: 'failed', endedAt: timeAgo(3) }),
      `job j-1 is failed since ${textAgo(3)}.`,
    ],
    ['has no record', out({ releasedAtMs: ago(3) }), undefined, 'job j-1 has no record.'],
    [
      'was released without a message',
      out({ releasedAtMs: ago(3) }),
      record('j-1', { sentAt: undefined as never }),
      `job j-1 was released at ${textAgo(3)}, and its message was not sent.`,
    ],
    [
      'was released anew without a message',
      out({ release: 8, releasedAtMs: ago(3) }),
      record('j-1', {}),
      `job j-1 was released at ${textAgo(3)}, and its message was not sent.`,
    ],
    [
      'is a check that has ended',
      out({ stage: 'check', job: 'c-1' }),
      record('c-1', { state: 'succeeded', endedAt: timeAgo(4) }),
      `job c-1 is succeeded since ${textAgo(4)}.`,
    ],
  ])('a lane whose job %s', (_, job, one, detail) => {
    const seen = { groups: [group({ out: { 'j-1': job } })], records: new Map(one ? [one] : []) };
    expect(check(seen)).toMatchObject([
      {
        status: 'bad',
        text: expect.stringContaining('A lane is held for jobs that nobody runs'),
        details: [`shop/web: ${detail}`],
        advice: expect.stringContaining('deploy the stack with this version'),
      },
    ]);
  });

  it('many such lanes, in one finding', () => {
    const jobs = Object.fromEntries(Array.from({ length: 14 }, (_, index) => [`j-${index}`, out()]));
    const [finding, ...more] = check({ groups: [group({ out: jobs })] });
    expect(more).toEqual([]);
    expect(finding?.text).toContain('14 lanes are held');
    expect(finding?.details).toHaveLength(11);
    expect(finding?.details?.at(-1)).toBe('4 more.');
  });

  it('a request that waits for a person, since when, and when it is cancelled', () => {
    const stopped = request({
      ...{ state: 'stopped', reason: 'shop/web: 1 of the 4 jobs of batch 1 failed' },
      ...{ stoppedAt: timeAgo(30), cancelAt: timeAgo(-DAY_MINUTES) },
    });
    expect(check({ requests: [stopped] })).toEqual([
      {
        check: 'job groups',
        status: 'warn',
        text: `Request req-1 is stopped since ${textAgo(30)}: shop/web: 1 of the 4 jobs of batch 1 failed. It is cancelled at ${textAgo(-DAY_MINUTES)} unless somebody resumes it.`,
        advice: 'mayfly request resume req-1, or mayfly request cancel req-1',
      },
    ]);
  });

  it('a request that waits in some of its groups', () => {
    const halted = { state: 'paused', reason: 'it was to pause after batch 1' } as const;
    const groups = [
      group({ requests: [{ ...open, ...halted, haltedAtMs: ago(10) }] }),
      { ...group({ requests: [{ ...open, ...halted, haltedAtMs: ago(20) }] }), name: 'shop/db' },
      { ...group({ requests: [open] }), name: 'shop/api' },
    ];
    expect(check({ groups, requests: [request({})] })).toMatchObject([
      {
        status: 'warn',
        text: `Request req-1 is paused in group shop/db since ${textAgo(20)}: it was to pause after batch 1. It is cancelled at ${textAgo(20 - 14 * DAY_MINUTES)} unless somebody resumes it.`,
        details: ['It is paused in group shop/web too.'],
      },
    ]);
  });

  it('a request that was not submitted whole', () => {
    expect(check({ requests: [request({ state: 'preparing' })] })).toMatchObject([
      {
        status: 'warn',
        text: expect.stringContaining('was not submitted whole'),
        advice: 'Run its command again with the same id.',
      },
    ]);
  });

  it('jobs that are held for so long that their bodies may be gone soon', () => {
    const requests = [{ ...open, submittedAtMs: ago(50 * DAY_MINUTES) }];
    expect(check({ groups: [group({ requests })] })).toMatchObject([
      {
        status: 'warn',
        text: expect.stringContaining(`Jobs of group shop/web are held since ${textAgo(50 * DAY_MINUTES)}`),
      },
    ]);
    const released = [{ ...requests[0], next: 5 } as OpenRequest];
    expect(check({ groups: [group({ requests: released })] })).toMatchObject([{ status: 'ok' }]);
  });

  it('a paused group', () => {
    expect(check({ groups: [group({ pausedAtMs: ago(9), requests: [open] })] })).toEqual([
      {
        check: 'job groups',
        status: 'warn',
        text: `Group shop/web is paused since ${textAgo(9)}: 2 jobs are held.`,
        advice: 'mayfly group resume shop/web',
      },
    ]);
  });
});

const openFleet = bareFleets();

/** The findings that name one of these. */
async function findingsOf(fleet: Fleet, ...names: string[]): Promise<Finding[]> {
  const { findings } = await fleet.diagnose();
  return findings.filter((one) => names.some((name) => JSON.stringify(one).includes(name)));
}

const later = ({ fleet }: BareFleet, minutes: number) =>
  new Fleet({ ...fleet.context, clock: { ...systemClock, now: () => Date.now() + minutes * 60_000 } });

describe('of a deployed fleet it reads', () => {
  it('groups, requests and the records of the jobs that have lanes', async () => {
    const bare = await openFleet();
    const { fleet } = bare;
    await fleet.groups.pause('read/paused');
    const targets = ['a', 'b'].map((target, index) => ({
      target: `read-${target}`,
      body: 'x',
      index: index + 1,
    }));
    const { id } = await fleet.request([{ name: 'read/web', size: 2, targets }]);
    await fleet.requests.pause(id);
    const { id: lost } = await fleet.enqueue('x', { group: 'read/lost' });
    const { dynamodb } = fleet.context.clients;
    await new JobTable(dynamodb, 'jobs').held.endHeld(lost, 'lost', 'gone', Date.now());
    const found = await findingsOf(later(bare, 3), 'read/', id);
    expect(found.map(({ check: what, status }) => [what, status])).toEqual([
      ['job groups', 'bad'],
      ['job groups', 'warn'],
      ['job groups', 'warn'],
    ]);
    expect(found[0]?.details).toEqual([expect.stringContaining(`read/lost: job ${lost} is lost since`)]);
    expect(found[1]?.text).toContain(`Request ${id} is paused`);
    expect(found[2]?.text).toContain('Group read/paused is paused');
    await createGroups(fleet.context).endJob('read/lost', { id: lost, state: 'lost' });
    await fleet.groups.resume('read/paused');
    await fleet.requests.cancel(id);
    expect(await findingsOf(later(bare, 3), 'read/', id)).toEqual([]);
  });

  it('held jobs that are in no group, and no others', async () => {
    const bare = await openFleet();
    const { fleet, cloud } = bare;
    await fleet.enqueueMany([1, 2, 3].map(() => ({ body: 'x', group: 'place/good' })));
    const targets = ['a', 'b'].map((target, index) => ({
      target: `place-${target}`,
      body: 'x',
      index: index + 1,
    }));
    await fleet.request([{ name: 'place/web', size: 2, targets }]);
    const effect = { kind: 'error', code: 'AccessDeniedException', status: 400 } as const;
    const when = ({ Item }: { Item?: { pk?: { S?: string } } }) => Item?.pk?.S === 'group#place/bad';
    const fault = cloud.faults.add({ action: 'PutItem', when, effect });
    await expect(fleet.enqueue('x', { group: 'place/bad', dedupe: 'unplaced' })).rejects.toThrow();
    fault.remove();
    expect(await findingsOf(later(bare, 10), 'are in no group')).toEqual([]);
    const [{ id = '' } = {}] = await fleet.list({ label: 'place/bad' });
    const [found, ...more] = await findingsOf(later(bare, 20), 'are in no group');
    expect(more).toEqual([]);
    expect(found).toMatchObject({ check: 'job groups', status: 'warn', advice: expect.stringContaining(id) });
    expect(found?.text).toContain(`cut off: ${id}. Nobody`);
    await fleet.enqueue('x', { group: 'place/bad', dedupe: 'unplaced' });
    expect(await findingsOf(later(bare, 20), 'are in no group')).toEqual([]);
  });

  it('released jobs whose messages were purged', async () => {
    const bare = await openFleet();
    const { fleet } = bare;
    const { id } = await fleet.enqueue('x', { group: 'purged/web' });
    await fleet.context.clients.sqs.send(new PurgeQueueCommand({ QueueUrl: fleet.facts.queueUrl }));
    expect(await findingsOf(later(bare, 14), 'wait for a message')).toEqual([]);
    const [found] = await findingsOf(later(bare, 16), 'wait for a message');
    expect(found).toMatchObject({ check: 'jobs', status: 'warn', text: expect.stringContaining(id) });
  });

  it('nothing if the rights are those of an earlier version, and names the update of the stack', async () => {
    const bare = await openFleet();
    await bare.fleet.groups.pause('denied/web');
    bare.cloud.faults.add({
      ...{ service: 'dynamodb', action: 'BatchGetItem' },
      when: ({ RequestItems }) => JSON.stringify(RequestItems).includes('group#'),
      effect: { kind: 'error', code: 'AccessDeniedException', status: 400, message: 'Not you.' },
    });
    const { findings } = await bare.fleet.diagnose();
    const found = findings.filter((one) => one.check === 'job groups');
    expect(found).toMatchObject([
      {
        status: 'warn',
        text: expect.stringContaining('Not you'),
        advice: expect.stringContaining('Deploy the stack with this version'),
      },
    ]);
  });
});

test('a stopped request of a group is told once, whatever its groups say', () => {
  const stopped = request({ state: 'stopped', stoppedAt: new Date(NOW_MS).toISOString() });
  const groups = [group({ requests: [{ ...open, state: 'stopped', haltedAtMs: ago(1) }] })];
  expect(check({ groups, requests: [stopped] })).toHaveLength(1);
});
