import { describe, expect, it } from 'vitest';
import type { CallFacts, Facts, RecordFacts, Rule } from '../../checker/facts.ts';
import { judge } from '../../checker/judge.ts';
import {
  accounts,
  buries,
  call,
  cancels,
  entombs,
  leases,
  leaves,
  ONE,
  ran,
  removes,
  requeues,
  setsDesired,
  soundFacts,
  TWO,
  writes,
} from '../support/checker-facts.ts';

const KEEPER = 'keeper/mayfly-keeper';
const AGENT = `agent/${ONE}`;
const DEAD = 'i-0ddddddddddddddd4';
const ALSO_DEAD = 'i-0eeeeeeeeeeeeeee5';

/**
 * The history that the others are made of: ONE and TWO each claim a job, run it, record its end and retire. A third job
 * waits on the queue, with a record, and nobody has touched it.
 */
function history(): Facts {
  const { sent, records = [], calls, ...rest } = soundFacts();
  return {
    ...rest,
    sent: [...sent, 'm-3'],
    queue: { visible: ['m-3'], inFlight: 0 },
    records: [...records, { id: 'm-3', state: 'queued' }],
    deadLetterQueueUrl: 'dead',
    calls: [
      leases('m-1', AGENT, 900, 10_900, 'running'),
      leases('m-2', `agent/${TWO}`, 900, 10_900, 'running'),
      writes('m-1', 'succeeded', AGENT, 2_100),
      writes('m-2', 'succeeded', `agent/${TWO}`, 2_100),
      ...calls,
    ],
  };
}

interface Case {
  what: string;
  change: (facts: Facts) => Partial<Facts>;
}

const changed = ({ change }: Case) => judge({ ...history(), ...change(history()) });

it('the history that nobody has doctored is sound', () => {
  expect(changed({ what: '', change: () => ({}) })).toMatchObject({ ok: true, violations: [], notes: [] });
});

describe('each rule finds the one thing that is wrong', () => {
  it.each<Case & { finds: [Rule, string] }>([
    // A busy instance is ended.
    {
      what: 'the keeper ends an instance that works and reports',
      change: ({ calls }) => ({
        calls: [...calls.filter((one) => !isLeaving(one, ONE)), { ...leaves(ONE, KEEPER), atMs: 1_500 }],
      }),
      finds: ['busy-ended', ONE],
    },
    {
      what: 'EC2 ends a busy instance that the keeper has asked for while it reported',
      change: ({ calls }) => ({
        calls: [
          ...calls.filter((one) => !isLeaving(one, ONE)),
          // Before the job, so that this call alone ends nothing that works.
          { ...leaves(ONE, KEEPER), atMs: 950 },
          call('ec2', 'TerminateInstances', 'cloud', { InstanceIds: [ONE] }, 1_500),
        ],
      }),
      finds: ['busy-ended', ONE],
    },
    {
      what: 'an instance ends itself in the middle of a job',
      change: ({ calls }) => ({
        calls: [...calls.filter((one) => !isLeaving(one, ONE)), { ...leaves(ONE), atMs: 1_500 }],
      }),
      finds: ['busy-ended', ONE],
    },
    {
      what: 'an instance calls itself unhealthy in the middle of a job',
      change: ({ calls }) => ({
        calls: [
          ...calls,
          call(
            'autoscaling',
            'SetInstanceHealth',
            AGENT,
            { InstanceId: ONE, HealthStatus: 'Unhealthy' },
            1_500,
          ),
        ],
      }),
      finds: ['busy-ended', ONE],
    },
    {
      what: 'EC2 ends an instance in the middle of a job, for a group that shrinks',
      change: ({ calls }) => ({
        calls: [...calls, call('ec2', 'TerminateInstances', 'cloud', { InstanceIds: [ONE] }, 1_500)],
      }),
      finds: ['busy-ended', ONE],
    },
    // The capacity is lowered.
    {
      what: 'the keeper lowers the capacity for an instance that died long before, a successor running',
      change: died(2_500, ...looks(2_600, 11), setsDesired(KEEPER, 1, 8_000)),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'the keeper lowers the capacity twice for one instance',
      change: died(
        7_000,
        accounts(DEAD, KEEPER, 7_950),
        setsDesired(KEEPER, 1, 8_000),
        setsDesired(KEEPER, 1, 8_500),
      ),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'the keeper lowers the capacity again each minute, for a place that it has taken back',
      change: died(7_000, setsDesired(KEEPER, 2, 8_000), setsDesired(KEEPER, 1, 8_500)),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'the keeper lowers the capacity for an instance that died long before, while jobs are begun all the time',
      change: (facts) => ({
        ...busyUntilTheEnd(facts),
        instances: [...facts.instances, { id: DEAD, state: 'terminated', launchedMs: 0, leftMs: 2_500 }],
        calls: [...busyUntilTheEnd(facts).calls, ...looks(2_600, 11), setsDesired(KEEPER, 1, 8_000)],
      }),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'the keeper lowers the capacity for an instance that it noted in an earlier run',
      change: died(
        7_000,
        ...looks(7_100, 1),
        accounts(DEAD, KEEPER, 7_150),
        ...looks(7_900, 1),
        setsDesired(KEEPER, 1, 8_000),
      ),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'the keeper lowers the capacity twice for one instance, which it noted each time',
      change: died(
        7_000,
        accounts(DEAD, KEEPER, 7_950),
        setsDesired(KEEPER, 1, 8_000),
        accounts(DEAD, KEEPER, 8_450),
        setsDesired(KEEPER, 1, 8_500),
      ),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'the keeper lowers the capacity by two for one instance',
      change: died(7_000, accounts(DEAD, KEEPER, 7_950), setsDesired(KEEPER, 0, 8_000)),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'the keeper lowers the capacity for an instance that lives',
      change: ({ calls }) => ({
        calls: [...calls, accounts(TWO, KEEPER, 7_950), setsDesired(KEEPER, 1, 8_000)],
      }),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'an agent notes an instance, and the keeper lowers the capacity',
      change: died(7_000, accounts(DEAD, AGENT, 7_950), setsDesired(KEEPER, 1, 8_000)),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'an instance lowers the capacity twice',
      change: ({ calls }) => ({ calls: [...calls, { ...leaves(ONE), atMs: 9_100 }] }),
      finds: ['lowered-twice', ONE],
    },
    {
      what: 'the keeper lowers the capacity for an instance that did so itself',
      change: ({ calls }) => ({ calls: [...calls, { ...leaves(ONE, KEEPER), atMs: 9_100 }] }),
      finds: ['lowered-twice', ONE],
    },
    // The record of a job that never ran.
    ...[AGENT, KEEPER].flatMap((by): (Case & { finds: [Rule, string] })[] => [
      {
        what: `${by} deletes the record of a job that waits`,
        change: ({ records, calls }) => ({
          records: records?.filter(({ id }) => id !== 'm-3'),
          calls: [...calls, removes('m-3', 3_000, by)],
        }),
        finds: ['record-removed', 'm-3'],
      },
      {
        what: `${by} leaves a tombstone of a job that waits`,
        change: ({ records, calls }) => ({
          records: replaced(records, { id: 'm-3', state: 'queued', removed: true }),
          calls: [...calls, entombs('m-3', by, 3_000)],
        }),
        finds: ['record-removed', 'm-3'],
      },
      {
        what: `${by} cancels a job that waits, and says that it was asked to`,
        change: ({ records, calls }) => ({
          records: replaced(records, { id: 'm-3', state: 'cancelled', cancelRequested: true }),
          calls: [...calls, cancels('m-3', by, 3_000)],
        }),
        finds: ['cancelled-unasked', 'm-3'],
      },
    ]),
    // Runs without a cause.
    {
      what: 'a job of a fleet without a table runs again after its success, long after',
      change: ({ journal }) => ({
        records: undefined,
        journal: [...journal, ...ran('m-1', 2, 300, 22_000, 1)],
      }),
      finds: ['run-without-cause', 'm-1'],
    },
    {
      what: 'a job of a fleet without a table runs again, though its agent deleted a message at its end',
      change: ({ journal, calls }) => ({
        records: undefined,
        journal: [
          ...without(journal, 'm-1', on(ONE, ran('m-1', 1, 100, 1_000, 0))),
          ...on(ONE, ran('m-1', 2, 300, 22_000, 1)),
        ],
        calls: [
          ...calls,
          call('sqs', 'DeleteMessageBatch', AGENT, {}, 2_050),
          call('sqs', 'ReceiveMessage', AGENT, {}, 21_000),
        ],
      }),
      finds: ['run-without-cause', 'm-1'],
    },
    {
      what: 'a job of a fleet without a table runs again, as its agent lived on and never deleted its message',
      change: ({ journal, calls }) => ({
        records: undefined,
        journal: [
          ...without(journal, 'm-1', on(ONE, ran('m-1', 1, 100, 1_000, 0))),
          ...on(ONE, ran('m-1', 2, 300, 22_000, 1)),
        ],
        calls: [
          ...calls,
          ...[3_000, 5_000, 8_000].map((atMs) => call('sqs', 'ReceiveMessage', AGENT, {}, atMs)),
        ],
      }),
      finds: ['run-without-cause', 'm-1'],
    },
    {
      what: 'a job of a fleet without a table runs again, of two agents one idle and one that deleted a message',
      change: ({ journal, calls }) => ({
        records: undefined,
        journal: [...journal, ...ran('m-1', 2, 300, 22_000, 1)],
        calls: [
          ...calls,
          call('sqs', 'ReceiveMessage', AGENT, {}, 1_500),
          call('sqs', 'ReceiveMessage', `agent/${TWO}`, {}, 1_500),
          call('sqs', 'DeleteMessageBatch', AGENT, {}, 2_050),
        ],
      }),
      finds: ['run-without-cause', 'm-1'],
    },
    {
      what: 'a job of a fleet without a table runs again, and only another was handed back before its worker was gone',
      change: ({ journal }) => ({
        records: undefined,
        journal: [...without(journal, 'm-1', ran('m-1', 1, 100, 1_000)), ...ran('m-1', 2, 300, 3_000, 0)],
        calls: [
          call('sqs', 'ChangeMessageVisibility', AGENT, { VisibilityTimeout: 0 }, 1_500),
          ...history().calls,
        ],
      }),
      finds: ['run-without-cause', 'm-1'],
    },
    {
      what: 'a job is claimed before the end of the lease that its first claim wrote',
      change: ({ journal, calls }) => ({
        journal: [...without(journal, 'm-1', ran('m-1', 1, 100, 1_000)), ...ran('m-1', 2, 300, 8_000, 0)],
        calls: [...withoutEnd(calls), leases('m-1', `agent/${TWO}`, 7_900, 17_900, 'running')],
      }),
      finds: ['run-without-cause', 'm-1'],
    },
  ])('$what', (one) => {
    const { violations, ok } = changed(one);
    expect(violations.map(({ rule, subject }) => [rule, subject])).toEqual([one.finds]);
    expect(ok).toBe(false);
  });

  it('a job that failed without a dead letter is lost, whoever took others before', () => {
    const { violations } = changed({
      what: '',
      change: ({ journal, records, calls }) => ({
        journal: without(journal, 'm-1', ran('m-1', 1, 100, 1_000, 65)),
        records: replaced(records, { id: 'm-1', state: 'failed' }),
        calls: [
          ...withoutEnd(calls),
          buries('m-9', AGENT, 400),
          call('sqs', 'DeleteMessage', 'owner', { QueueUrl: 'dead', ReceiptHandle: 'r' }, 500),
          call('sqs', 'DeleteMessage', 'owner', { QueueUrl: 'dead', ReceiptHandle: 'r' }, 5_000),
        ],
      }),
    });
    // The job is nowhere, and its record says that it is in the dead-letter queue: the two go together.
    expect(violations.map(({ rule, subject }) => [rule, subject])).toEqual([
      ['lost', 'm-1'],
      ['record-disagrees', 'm-1'],
    ]);
  });
});

describe('what looks like it and is right is let pass', () => {
  it.each<Case>([
    {
      what: 'the keeper ends an instance that has been silent for longer than a lease, whatever goes on there',
      change: ({ calls, journal }) => ({
        calls: [
          ...calls.filter((one) => !isLeaving(one, ONE)),
          { ...leaves(ONE, KEEPER), atMs: 30_000 },
          call('ec2', 'TerminateInstances', 'cloud', { InstanceIds: [ONE] }, 30_200),
        ],
        journal: [...journal, { event: 'beat', job: 'm-1', attempt: 1, pid: 100, atMs: 30_500 }],
      }),
    },
    {
      what: 'a person ends a busy instance, and EC2 with it',
      change: ({ calls }) => ({
        calls: [
          ...calls,
          call('ec2', 'TerminateInstances', 'owner', { InstanceIds: [ONE] }, 1_400),
          call('ec2', 'TerminateInstances', 'cloud', { InstanceIds: [ONE] }, 1_500),
        ],
      }),
    },
    {
      what: 'a stack is deleted with its instances',
      change: ({ calls }) => ({
        calls: [
          ...calls,
          call('cloudformation', 'DeleteStack', 'owner', { StackName: 's' }, 1_400),
          call('ec2', 'TerminateInstances', 'cloud', { InstanceIds: [ONE] }, 1_500),
        ],
      }),
    },
    {
      what: 'the keeper lowers the capacity for an instance that has just died, its successor running',
      change: died(7_000, ...looks(7_100, 3), accounts(DEAD, KEEPER, 7_950), setsDesired(KEEPER, 1, 8_000)),
    },
    {
      what: 'the keeper lowers the capacity for an instance that died long before, as jobs waited all the time, launches suspended',
      change: died(2_500, ...looks(2_600, 50), accounts(DEAD, KEEPER, 7_950), setsDesired(KEEPER, 1, 8_000)),
    },
    {
      what: 'the keeper lowers the capacity for two that died, one after the other, the successors of both running',
      change: ({ calls, instances }) => ({
        instances: [
          ...instances,
          { id: DEAD, state: 'terminated', launchedMs: 0, leftMs: 7_000 },
          { id: ALSO_DEAD, state: 'terminated', launchedMs: 0, leftMs: 7_200 },
        ],
        calls: [
          ...calls,
          ...looks(7_900, 1),
          accounts(DEAD, KEEPER, 7_950),
          setsDesired(KEEPER, 1, 8_000),
          ...looks(8_400, 1),
          accounts(ALSO_DEAD, KEEPER, 8_450),
          setsDesired(KEEPER, 0, 8_500),
        ],
      }),
    },
    {
      what: 'the keeper takes back what nobody needs, and an instance is launched between its look and its call',
      change: ({ calls, instances }) => ({
        instances: [...instances, { id: DEAD, state: 'terminated', launchedMs: 7_950 }],
        calls: [
          ...calls,
          ...looks(7_900, 1),
          setsDesired(KEEPER, 2, 8_000),
          { ...leaves(DEAD), atMs: 9_500 },
        ],
      }),
    },
    {
      what: 'an operator asks for one instance and lifts a breaker, and the alarm asks for another at once',
      change: ({ calls, instances }) => ({
        // Those that broke are gone by then; those that do the jobs are launched a moment after the call.
        instances: [
          ...instances.map((one) => ({ ...one, launchedMs: 500 })),
          ...[DEAD, ALSO_DEAD].map((id) => ({ id, state: 'terminated', launchedMs: 0, leftMs: 300 })),
        ],
        calls: [
          ...[DEAD, ALSO_DEAD].map((id) => ({ ...leaves(id), atMs: 300 })),
          setsDesired('owner', 1, 400),
          ...calls,
        ],
      }),
    },
    {
      what: 'the keeper ends an instance that never spoke, with its place',
      change: ({ calls, instances }) => ({
        instances: [...instances, { id: DEAD, state: 'terminated', launchedMs: 0 }],
        calls: [...calls, leaves(DEAD, KEEPER)],
      }),
    },
    {
      what: 'a job that a person cancelled, carried out by its agent',
      change: ({ records, calls }) => ({
        records: replaced(records, { id: 'm-3', state: 'cancelled', cancelRequested: true }),
        calls: [...calls, cancels('m-3', 'owner', 3_000), writes('m-3', 'cancelled', AGENT, 3_100)],
      }),
    },
    {
      what: 'a failed job whose dead letter somebody looks at just now',
      change: ({ journal, records, calls }) => ({
        journal: without(journal, 'm-1', ran('m-1', 1, 100, 1_000, 65)),
        records: replaced(records, { id: 'm-1', state: 'failed' }),
        calls: withoutEnd(calls),
        deadLettersHidden: 1,
      }),
    },
    {
      what: 'a failed job of a fleet without a table whose dead letter somebody looks at just now',
      change: ({ journal }) => ({
        journal: without(journal, 'm-1', ran('m-1', 1, 100, 1_000, 65)),
        records: undefined,
        deadLettersHidden: 1,
      }),
    },
    {
      what: 'a failed job whose dead letter, which had no room for its name, a person took',
      change: ({ journal, records, calls }) => ({
        journal: without(journal, 'm-1', ran('m-1', 1, 100, 1_000, 65)),
        records: replaced(records, { id: 'm-1', state: 'failed' }),
        calls: [
          ...withoutEnd(calls),
          call('sqs', 'SendMessage', AGENT, { QueueUrl: 'dead' }, 2_200),
          call('sqs', 'DeleteMessageBatch', 'owner', { QueueUrl: 'dead' }, 5_000),
        ],
      }),
    },
  ])('$what', (one) => {
    expect(changed(one).violations).toEqual([]);
  });
});

describe('a second run has its cause, which the log tells', () => {
  const again = (journal: Facts['journal'], atMs: number) => [
    ...without(journal, 'm-1', ran('m-1', 1, 100, 1_000)),
    ...ran('m-1', 2, 300, atMs, 0),
  ];
  const rest = (calls: readonly CallFacts[]) =>
    calls.filter((one) => JSON.stringify(one.input).includes('job#m-1') === false);

  it.each<Case & { note: string }>([
    {
      what: 'its message had waited for a slot, so that its lease was short from its claim on',
      change: ({ journal, calls }) => ({
        journal: again(journal, 5_000),
        calls: [
          ...rest(calls),
          leases('m-1', AGENT, 900, 4_800, 'running'),
          leases('m-1', `agent/${TWO}`, 4_900, 14_900, 'running'),
        ],
      }),
      note: 'its lease ended without renewal',
    },
    {
      what: 'its worker was started long after its claim, on a busy machine',
      change: ({ journal, calls }) => ({
        journal: again(journal, 3_000),
        calls: [
          ...rest(calls),
          leases('m-1', AGENT, -7_200, 2_800, 'running'),
          leases('m-1', `agent/${TWO}`, 2_900, 12_900, 'running'),
        ],
      }),
      note: 'its lease ended without renewal',
    },
    {
      what: 'it was handed back by a call that its agent gave up, and that was carried out',
      change: ({ journal, calls }) => ({
        journal: again(journal, 3_000),
        calls: [
          ...rest(calls),
          leases('m-1', AGENT, 900, 10_900, 'running'),
          { ...requeues('m-1', AGENT, 2_500), status: 0, error: 'aborted' },
          leases('m-1', `agent/${TWO}`, 2_900, 12_900, 'running'),
        ],
      }),
      note: 'it was requeued',
    },
    {
      what: 'a third agent had it in between, and handed it back',
      change: ({ journal, calls }) => ({
        journal: [...journal, ...ran('m-1', 2, 300, 12_000, 0)],
        calls: [
          ...rest(calls),
          leases('m-1', AGENT, 900, 10_900, 'running'),
          leases('m-1', `agent/${TWO}`, 11_000, 21_000, 'running'),
          requeues('m-1', `agent/${TWO}`, 11_500),
          leases('m-1', `agent/${TWO}`, 11_900, 21_900, 'running'),
        ],
      }),
      note: 'its lease ended without renewal',
    },
    {
      what: 'a fleet without a table could not delete its message',
      change: ({ journal, calls }) => ({
        records: undefined,
        journal: [...journal, ...ran('m-1', 2, 300, 12_000, 0)],
        calls: [...calls, { ...call('sqs', 'DeleteMessageBatch', AGENT, {}, 2_100), ...failed }],
      }),
      note: 'a call that changes the visibility of a message or deletes it had failed',
    },
    {
      what: 'the agent of a fleet without a table was gone before it could delete its message',
      change: ({ journal, instances }) => ({
        records: undefined,
        journal: [...journal, ...ran('m-1', 2, 300, 12_000, 0)],
        instances: instances.map((one) => (one.id === ONE ? { ...one, leftMs: 2_050 } : one)),
        calls: [call('sqs', 'ReceiveMessage', AGENT, {}, 1_500), leaves(TWO)],
      }),
      note: 'an agent ended before it could delete a message',
    },
    {
      what: 'the agent of a fleet without a table was killed before it could delete its message, and started again',
      change: ({ journal, calls }) => ({
        records: undefined,
        journal: [
          ...without(journal, 'm-1', on(ONE, ran('m-1', 1, 100, 1_000, 0))),
          ...on(ONE, ran('m-1', 2, 300, 12_000, 0)),
        ],
        calls: [
          ...calls,
          call('sqs', 'ReceiveMessage', AGENT, {}, 1_500),
          call('sqs', 'ReceiveMessage', AGENT, {}, 8_000),
          call('sqs', 'DeleteMessage', AGENT, {}, 13_100),
        ],
      }),
      note: 'an agent ended before it could delete a message',
    },
    {
      what: 'the same, where the runs do not say whose they were',
      change: ({ journal, calls }) => ({
        records: undefined,
        journal: [...journal, ...ran('m-1', 2, 300, 12_000, 0)],
        calls: [
          ...calls,
          call('sqs', 'ReceiveMessage', AGENT, {}, 1_500),
          call('sqs', 'ReceiveMessage', AGENT, {}, 8_000),
        ],
      }),
      note: 'an agent ended before it could delete a message',
    },
    {
      what: 'a fleet without a table handed it back by a call whose answer was lost',
      change: ({ journal, calls }) => ({
        records: undefined,
        journal: again(journal, 3_000),
        calls: [
          ...calls,
          {
            ...call('sqs', 'ChangeMessageVisibility', AGENT, { VisibilityTimeout: 0 }, 2_500),
            status: 0,
            error: 'aborted',
          },
        ],
      }),
      note: 'it was requeued',
    },
  ])('$what', (one) => {
    const { violations, notes } = changed(one);
    expect(violations).toEqual([]);
    expect(notes).toEqual([`job m-1 ran again: ${one.note}`]);
  });

  it('one without a cause is told with its claim and the lease before', () => {
    const { violations } = changed({
      what: '',
      change: ({ journal, calls }) => ({
        journal: again(journal, 8_000),
        calls: [...withoutEnd(calls), leases('m-1', `agent/${TWO}`, 7_900, 17_900, 'running')],
      }),
    });
    expect(violations.map(({ message }) => message)).toEqual([
      'was started again (attempt 2, pid 300), although no end of attempt 1 is known and the claim by ' +
        `agent/${TWO} came 3000 ms before the end of the lease`,
    ]);
  });
});

const failed = { status: 500, error: 'InternalFailure' };

const isLeaving = ({ action, input }: CallFacts, id: string) =>
  action === 'TerminateInstanceInAutoScalingGroup' && (input as { InstanceId: string }).InstanceId === id;

/** Also there was DEAD, whose place a successor has; and these calls were made. */
function died(leftMs: number, ...more: CallFacts[]): Case['change'] {
  return ({ calls, instances }) => ({
    instances: [...instances, { id: DEAD, state: 'terminated', launchedMs: 0, leftMs }],
    calls: [...calls, ...more],
  });
}

/** TWO does another job, until just before it retires. */
function busyUntilTheEnd({ sent, journal, records = [], calls }: Facts) {
  const agent = `agent/${TWO}`;
  return {
    sent: [...sent, 'm-4'],
    journal: [...journal, ...ran('m-4', 1, 400, 7_900, 0)],
    records: [...records, { id: 'm-4', state: 'succeeded' }],
    calls: [
      leases('m-4', agent, 7_850, 17_850, 'running'),
      writes('m-4', 'succeeded', agent, 8_950),
      ...calls,
    ],
  };
}

/** The write of its success is left out. */
function withoutEnd(calls: readonly CallFacts[]): CallFacts[] {
  return calls.filter(({ atMs, caller }) => atMs !== 2_100 || caller !== AGENT);
}

/** The keeper's looks at the group, 100 ms apart. */
function looks(fromMs: number, count: number): CallFacts[] {
  return Array.from({ length: count }, (_, index) =>
    call('autoscaling', 'DescribeAutoScalingGroups', KEEPER, {}, fromMs + index * 100),
  );
}

/** Lines of workers that know their instance. */
function on(instance: string, lines: Facts['journal']): Facts['journal'] {
  return lines.map((line) => ({ ...line, instance }));
}

function without(journal: Facts['journal'], job: string, run: Facts['journal']): Facts['journal'] {
  return [...journal.filter((line) => line.job !== job), ...run];
}

function replaced(records: Facts['records'], record: RecordFacts): RecordFacts[] {
  return [...(records ?? []).filter(({ id }) => id !== record.id), record];
}
