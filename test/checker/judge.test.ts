import { describe, expect, it } from 'vitest';
import type { Facts, Rule } from '../../checker/facts.ts';
import { judge } from '../../checker/judge.ts';
import {
  call,
  claimsNew,
  enqueues,
  ONE,
  ran,
  removes,
  renews,
  requeues,
  sendsDeadLetter,
  setsDesired,
  soundFacts,
  TWO,
  terminates,
  writes,
} from '../support/checker-facts.ts';

const KEEPER = 'keeper/mayfly-keeper';

interface Case {
  what: string;
  change: (facts: Facts) => Partial<Facts>;
  finds: [Rule, string][];
}

describe('each violation is found', () => {
  it.each<Case>([
    {
      what: 'a job that was never run',
      change: ({ sent, records }) => ({
        sent: [...sent, 'm-3'],
        records: [...(records ?? []), record('m-3', 'x')],
      }),
      finds: [['lost', 'm-3']],
    },
    {
      what: 'a job whose only run failed, and which is not on the queue',
      change: ({ journal }) => ({
        journal: replaceRun(journal, ran('m-1', 1, 100, 1_000, 1)),
        records: undefined,
      }),
      finds: [['lost', 'm-1']],
    },
    {
      what: 'a job whose only run was killed, and which is not on the queue',
      change: ({ journal }) => ({
        journal: replaceRun(journal, ran('m-1', 1, 100, 1_000)),
        records: undefined,
      }),
      finds: [['lost', 'm-1']],
    },
    {
      what: 'a dead letter without a reason',
      change: ({ journal }) => ({
        journal: replaceRun(journal, ran('m-1', 1, 100, 1_000, 65)),
        deadLetters: [{ job: 'm-1' }],
        records: undefined,
      }),
      finds: [['no-reason', 'm-1']],
    },
    {
      what: 'a job that succeeded and is dead-lettered',
      change: () => ({ deadLetters: [{ job: 'm-1', reason: 'limit' }] }),
      finds: [['succeeded-twice', 'm-1']],
    },
    {
      what: 'a job run twice, both with success',
      change: ({ journal }) => ({ journal: [...journal, ...ran('m-1', 2, 300, 3_000, 0)] }),
      finds: [
        ['run-without-cause', 'm-1'],
        ['succeeded-twice', 'm-1'],
      ],
    },
    {
      what: 'a job started again while the first run has no known end',
      change: ({ journal }) => ({
        journal: [...replaceRun(journal, ran('m-1', 1, 100, 1_000)), ...ran('m-1', 2, 300, 3_000, 0)],
      }),
      finds: [['run-without-cause', 'm-1']],
    },
    {
      what: 'a second run within the lease, although the owner renewed it late',
      change: ({ journal, calls }) => ({
        journal: [...replaceRun(journal, ran('m-1', 1, 100, 1_000)), ...ran('m-1', 2, 300, 14_000, 0)],
        calls: [
          ...calls,
          writes('m-1', 'running', `agent/${ONE}`, 900),
          renews('m-1', `agent/${ONE}`, 9_000),
        ],
      }),
      finds: [['run-without-cause', 'm-1']],
    },
    {
      what: 'a second run that was claimed although the job was not requeued',
      change: ({ journal, calls }) => ({
        journal: [...replaceRun(journal, ran('m-1', 1, 100, 1_000)), ...ran('m-1', 2, 300, 3_000, 0)],
        calls: [...calls, writes('m-1', 'running', `agent/${TWO}`, 2_900)],
      }),
      finds: [['run-without-cause', 'm-1']],
    },
    {
      what: 'two runs of a job at the same time, long after the lease ended',
      change: ({ journal }) => ({
        journal: [
          ...replaceRun(journal, ran('m-1', 1, 100, 1_000)),
          { event: 'beat', job: 'm-1', attempt: 1, pid: 100, atMs: 30_500 },
          ...ran('m-1', 2, 300, 30_000, 0),
        ],
      }),
      finds: [['overlap', 'm-1']],
    },
    {
      what: 'a job that was not sent',
      change: ({ journal }) => ({ journal: [...journal, ...ran('m-9', 1, 900, 1_000, 0)] }),
      finds: [['unknown-job', 'm-9']],
    },
    {
      what: 'a worker that still runs',
      change: () => ({ workersAlive: [{ job: 'm-1', pid: 100 }] }),
      finds: [['worker-left', 'm-1']],
    },
    ...(['failed', 'queued', 'running', 'timed_out', 'lost'] as const).map((state) => ({
      what: `a record with '${state}' for a job that succeeded`,
      change: () => ({ records: [record('m-1', state), record('m-2', 'succeeded')] }),
      finds: [['record-disagrees', 'm-1']] as [Rule, string][],
    })),
    {
      what: "a record with 'succeeded' for a job that failed",
      change: ({ journal }) => ({
        journal: replaceRun(journal, ran('m-1', 1, 100, 1_000, 65)),
        deadLetters: [{ job: 'm-1', reason: 'exit status 65' }],
      }),
      finds: [['record-disagrees', 'm-1']],
    },
    {
      what: 'a job without a record',
      change: () => ({ records: [record('m-2', 'succeeded')] }),
      finds: [['record-disagrees', 'm-1']],
    },
    {
      what: 'a job that is cancelled although nobody requested it',
      change: ({ journal }) => ({
        journal: replaceRun(journal, ran('m-1', 1, 100, 1_000, 143)),
        records: [record('m-1', 'cancelled'), record('m-2', 'succeeded')],
      }),
      finds: [['cancelled-unasked', 'm-1']],
    },
    {
      what: 'a cancelled job with a dead letter',
      change: ({ journal }) => ({
        journal: replaceRun(journal, ran('m-1', 1, 100, 1_000, 143)),
        deadLetters: [{ job: 'm-1', reason: 'cancelled' }],
        records: [cancelled('m-1'), record('m-2', 'succeeded')],
      }),
      finds: [['record-disagrees', 'm-1']],
    },
    {
      what: 'a job that is queued again although its cancellation was requested',
      change: ({ journal }) => ({
        journal: replaceRun(journal, ran('m-1', 1, 100, 1_000, 1)),
        queue: { visible: ['m-1'], inFlight: 0 },
        records: [{ ...cancelled('m-1'), state: 'queued' }, record('m-2', 'succeeded')],
      }),
      finds: [['record-disagrees', 'm-1']],
    },
    {
      what: 'a job that is started after it was cancelled',
      change: ({ calls }) => ({
        calls: [writes('m-1', 'cancelled', 'owner', 500), ...calls],
        records: [cancelled('m-1'), record('m-2', 'succeeded')],
      }),
      finds: [['run-after-end', 'm-1']],
    },
    {
      what: 'a job that is claimed as a new job after its end',
      change: ({ calls }) => ({
        calls: [writes('m-1', 'cancelled', 'owner', 500), claimsNew('m-1', `agent/${ONE}`, 600), ...calls],
        records: [cancelled('m-1'), record('m-2', 'succeeded')],
      }),
      finds: [['run-after-end', 'm-1']],
    },
    {
      what: 'a job with two different final states',
      change: ({ calls }) => ({
        calls: [
          ...calls,
          writes('m-1', 'succeeded', `agent/${ONE}`, 2_100),
          writes('m-1', 'lost', KEEPER, 2_200),
        ],
      }),
      finds: [['ended-twice', 'm-1']],
    },
    {
      what: 'a run without a try in its job’s record',
      change: () => ({ records: [{ ...record('m-1', 'succeeded'), tries: [] }, record('m-2', 'succeeded')] }),
      finds: [['record-disagrees', 'm-1']],
    },
    {
      what: 'two runs in one try',
      change: ({ journal, calls }) => ({
        journal: [...replaceRun(journal, ran('m-1', 1, 100, 1_000, 1)), ...ran('m-1', 2, 300, 3_000, 0)],
        records: [{ ...record('m-1', 'succeeded'), tries: [tried('k1', 900)] }, record('m-2', 'succeeded')],
        calls,
      }),
      finds: [['record-disagrees', 'm-1']],
    },
    {
      what: 'an exit status that differs from the worker’s',
      change: ({ journal }) => ({
        journal: replaceRun(journal, ran('m-1', 1, 100, 1_000, 65)),
        deadLetters: [{ job: 'm-1', reason: 'exit status 65' }],
        records: [
          { ...record('m-1', 'failed'), tries: [{ ...tried('k1', 900), exitStatus: 1 }] },
          record('m-2', 'succeeded'),
        ],
      }),
      finds: [['record-disagrees', 'm-1']],
    },
    {
      what: 'a retry of a job that has not ended',
      change: () => ({
        queue: { visible: ['m-1'], inFlight: 0 },
        journal: ran('m-2', 1, 200, 1_000, 0),
        records: [record('m-1', 'queued'), { ...record('m-2', 'succeeded'), retryOf: 'm-1' }],
      }),
      finds: [['record-disagrees', 'm-2']],
    },
    {
      what: 'a failed job whose dead letter is gone, although nobody took it',
      change: ({ journal }) => ({
        journal: replaceRun(journal, ran('m-1', 1, 100, 1_000, 65)),
        records: [record('m-1', 'failed'), record('m-2', 'succeeded')],
      }),
      finds: [
        ['lost', 'm-1'],
        ['record-disagrees', 'm-1'],
      ],
    },
    {
      what: 'an instance that still runs',
      change: () => ({ instances: [instance(ONE, 'running'), instance(TWO, 'terminated')] }),
      finds: [['instance-left', ONE]],
    },
    {
      what: 'an instance that never terminates completely',
      change: () => ({ instances: [instance(ONE, 'shutting-down'), instance(TWO, 'terminated')] }),
      finds: [['instance-left', ONE]],
    },
    {
      what: 'an instance outside the warm pool, but not one in it',
      change: () => ({
        instances: [instance(ONE, 'stopped'), instance(TWO, 'running')],
        group: { name: 'fleet', desired: 0, warmPool: new Set([ONE]) },
      }),
      finds: [['instance-left', TWO]],
    },
    {
      what: 'a desired capacity above 0',
      change: () => ({ group: { name: 'fleet', desired: 1 } }),
      finds: [['capacity-left', 'fleet']],
    },
    {
      what: 'a capacity that the owner set',
      change: ({ calls }) => ({ calls: [...calls, setsDesired('owner', 0)] }),
      finds: [['capacity-lowered', 'fleet']],
    },
    {
      what: 'a capacity that the owner set below the running instances',
      change: ({ calls }) => ({ calls: [...calls, setsDesired('owner', 1)] }),
      finds: [['capacity-lowered', 'fleet']],
    },
    {
      what: 'a keeper that lowers the capacity although every instance did so itself',
      change: ({ calls }) => ({ calls: [...calls, setsDesired(KEEPER, 0)] }),
      finds: [['capacity-lowered', 'fleet']],
    },
    {
      what: 'a keeper that lowers the capacity of a paused group below the running instances',
      change: ({ calls }) => ({
        calls: [...calls, launches('SuspendProcesses', 7_000), setsDesired(KEEPER, 0)],
      }),
      finds: [['capacity-lowered', 'fleet']],
    },
    {
      what: 'an instance that ends another',
      change: () => ({ calls: [terminates(ONE), terminates(TWO, `agent/${ONE}`)] }),
      finds: [['capacity-lowered', TWO]],
    },
  ])('$what', ({ change, finds }) => {
    const facts = soundFacts();
    const verdict = judge({ ...facts, ...change(facts) });
    expect(verdict.violations.map(({ rule, subject }) => [rule, subject])).toEqual(finds);
    expect(verdict.ok).toBe(false);
  });
});

describe('correct facts have no violation', () => {
  it.each<Omit<Case, 'finds'> & { notes?: string[] }>([
    { what: 'two jobs done by two instances', change: () => ({}) },
    {
      what: 'a keeper that lowers the capacity to the running instances',
      change: ({ calls }) => ({ calls: [...calls, setsDesired(KEEPER, 0, 9_500)] }),
    },
    {
      what: 'a job run again after it failed',
      change: ({ journal }) => ({
        journal: [...replaceRun(journal, ran('m-1', 1, 100, 1_000, 1)), ...ran('m-1', 2, 300, 3_000, 0)],
      }),
      notes: ['job m-1 ran again: attempt 1 ended with status 1'],
    },
    {
      what: 'a job run again after its agent requeued it',
      change: ({ journal, calls }) => ({
        journal: [...replaceRun(journal, ran('m-1', 1, 100, 1_000)), ...ran('m-1', 2, 300, 3_000, 0)],
        calls: [...calls, requeues('m-1', `agent/${ONE}`, 2_500)],
      }),
      notes: ['job m-1 ran again: it was requeued'],
    },
    {
      what: 'a job requeued by a fleet that tracks no jobs',
      change: ({ journal, calls }) => ({
        records: undefined,
        journal: [...replaceRun(journal, ran('m-1', 1, 100, 1_000)), ...ran('m-1', 2, 300, 3_000, 0)],
        calls: [
          ...calls,
          call('sqs', 'ChangeMessageVisibility', `agent/${ONE}`, { VisibilityTimeout: 0 }, 2_500),
        ],
      }),
      notes: ['job m-1 ran again: it was requeued'],
    },
    {
      what: 'a job run again when its lease had ended, even after a success that nobody could record',
      change: ({ journal, calls }) => ({
        journal: [...journal, ...ran('m-1', 2, 300, 12_000, 0)],
        calls: [...calls, writes('m-1', 'running', `agent/${ONE}`, 900)],
      }),
      notes: ['job m-1 ran again: its lease ended without renewal'],
    },
    {
      what: 'a job that its own instance claims again after its agent was killed and restarted',
      change: ({ journal, calls }) => ({
        journal: [...replaceRun(journal, ran('m-1', 1, 100, 1_000)), ...ran('m-1', 2, 300, 12_000, 0)],
        calls: [
          ...calls,
          writes('m-1', 'running', `agent/${ONE}`, 900),
          writes('m-1', 'running', `agent/${ONE}`, 11_900),
          renews('m-1', `agent/${ONE}`, 11_950),
        ],
      }),
      notes: ['job m-1 ran again: its lease ended without renewal'],
    },
    {
      what: 'a job dead-lettered with its reason',
      change: ({ journal }) => ({
        journal: replaceRun(journal, ran('m-1', 1, 100, 1_000, 65)),
        deadLetters: [{ job: 'm-1', reason: 'exit status 65' }],
        records: [record('m-1', 'failed'), record('m-2', 'succeeded')],
      }),
    },
    {
      what: 'a job that still waits',
      change: ({ sent, records }) => ({
        sent: [...sent, 'm-3'],
        queue: { visible: ['m-3'], inFlight: 0 },
        records: [...(records ?? []), record('m-3', 'queued')],
      }),
    },
    {
      what: 'a job that was cancelled before it ran, with its message still on the queue',
      change: ({ sent, records, calls }) => ({
        sent: [...sent, 'm-3'],
        records: [...(records ?? []), cancelled('m-3')],
        calls: [...calls, writes('m-3', 'cancelled', 'owner', 500)],
      }),
    },
    {
      what: 'a job that was stopped by its cancellation',
      change: ({ journal, calls }) => ({
        journal: replaceRun(journal, ran('m-1', 1, 100, 1_000, 143)),
        records: [
          { ...cancelled('m-1'), tries: [{ ...tried('k1', 900), exitStatus: 143 }] },
          record('m-2', 'succeeded'),
        ],
        calls: [...calls, writes('m-1', 'cancelled', `agent/${ONE}`, 2_100)],
      }),
    },
    {
      what: 'a job that was removed',
      change: ({ records = [], calls }) => ({
        records: records.filter(({ id }) => id !== 'm-1'),
        calls: [...calls, writes('m-1', 'succeeded', `agent/${ONE}`, 2_100), removes('m-1', 3_000)],
      }),
    },
    {
      what: 'a job that was removed, and enqueued again under its old id',
      change: ({ calls, queue }) => ({
        records: [record('m-1', 'queued'), record('m-2', 'succeeded')],
        queue: { ...queue, visible: ['m-1'] },
        calls: [...calls, writes('m-1', 'succeeded', `agent/${ONE}`, 900), enqueues('m-1', 950)],
      }),
    },
    {
      what: 'a failed job whose dead letter an operator took',
      change: ({ journal, calls }) => ({
        journal: replaceRun(journal, ran('m-1', 1, 100, 1_000, 65)),
        records: [record('m-1', 'failed'), record('m-2', 'succeeded')],
        deadLetterQueueUrl: 'dead',
        calls: [
          ...calls,
          sendsDeadLetter('m-1', `agent/${ONE}`, 2_100),
          call('sqs', 'PurgeQueue', 'owner', { QueueUrl: 'dead' }, 5_000),
        ],
      }),
    },
    {
      what: 'a job that was retried, and its dead letter is gone',
      change: ({ sent, journal }) => ({
        sent: [...sent, 'm-3'],
        journal: [...replaceRun(journal, ran('m-1', 1, 100, 1_000, 65)), ...ran('m-3', 1, 300, 5_000, 0)],
        deadLetters: [{ job: 'm-1', reason: 'exit status 65' }],
        records: [
          { ...record('m-1', 'failed'), retriedAs: 'm-3' },
          record('m-2', 'succeeded'),
          { ...record('m-3', 'succeeded'), retryOf: 'm-1' },
        ],
      }),
    },
    {
      what: 'a group that is gone with its stack',
      change: () => ({ group: undefined }),
    },
    {
      what: 'a capacity that the owner raised',
      change: ({ calls }) => ({ calls: [setsDesired('owner', 2), ...calls] }),
    },
    {
      what: 'a keeper that corrects the capacity of an instance that powered itself off',
      change: () => ({ calls: [terminates(ONE), setsDesired(KEEPER, 1)] }),
    },
    {
      what: 'a decrease of the capacity that was refused',
      change: ({ calls }) => ({ calls: [...calls, { ...setsDesired('owner', 0), status: 403 }] }),
    },
  ])('$what', ({ change, notes = [] }) => {
    const facts = soundFacts();
    const verdict = judge({ ...facts, ...change(facts) });
    expect(verdict.violations).toEqual([]);
    expect(verdict.notes).toEqual(notes);
    expect(verdict.ok).toBe(true);
  });
});

const record = (id: string, state: string) => ({ id, state });
const cancelled = (id: string) => ({ ...record(id, 'cancelled'), cancelRequested: true });
const tried = (key: string, startedMs: number) => ({ key, startedMs, ended: true });
const instance = (id: string, state: string) => ({ id, state, launchedMs: 0 });

function launches(what: 'SuspendProcesses' | 'ResumeProcesses', atMs: number) {
  const input = { AutoScalingGroupName: 'fleet', ScalingProcesses: ['Launch'] };
  return call('autoscaling', what, 'owner', input, atMs);
}

function replaceRun(journal: Facts['journal'], run: Facts['journal']): Facts['journal'] {
  const job = run[0]?.job;
  return [...journal.filter((line) => line.job !== job), ...run];
}
