import { describe, expect, it } from 'vitest';
import type { CallFacts, Facts, RecordFacts, Rule } from '../../checker/facts.ts';
import { judge } from '../../checker/judge.ts';
import {
  call,
  cancels,
  leases,
  notesCapacity,
  ONE,
  putsTombstone,
  ran,
  removes,
  requeues,
  sendsDeadLetter,
  setsDesired,
  soundFacts,
  TWO,
  terminates,
  writes,
} from '../support/checker-facts.ts';

const KEEPER = 'keeper/mayfly-keeper';
const AGENT = `agent/${ONE}`;
const DEAD = 'i-0ddddddddddddddd4';
const ALSO_DEAD = 'i-0eeeeeeeeeeeeeee5';

/**
 * The correct facts that each case changes: ONE and TWO each claim a job, run it, record its end and retire. A third
 * job waits on the queue, with a record, and no agent has received it.
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

it('the unchanged facts have no violation', () => {
  expect(changed({ what: '', change: () => ({}) })).toMatchObject({ ok: true, violations: [], notes: [] });
});

describe('each rule finds the one change that is wrong', () => {
  it.each<Case & { finds: [Rule, string] }>([
    // A busy instance is ended.
    {
      what: 'the keeper ends an instance that works and reports',
      change: ({ calls }) => ({
        calls: [...calls.filter((one) => !isLeaving(one, ONE)), { ...terminates(ONE, KEEPER), atMs: 1_500 }],
      }),
      finds: ['busy-ended', ONE],
    },
    {
      what: 'EC2 ends a busy instance that the keeper has asked for while it reported',
      change: ({ calls }) => ({
        calls: [
          ...calls.filter((one) => !isLeaving(one, ONE)),
          // Before the job, so that this call alone does not end a busy instance.
          { ...terminates(ONE, KEEPER), atMs: 950 },
          call('ec2', 'TerminateInstances', 'cloud', { InstanceIds: [ONE] }, 1_500),
        ],
      }),
      finds: ['busy-ended', ONE],
    },
    {
      what: 'an instance ends itself while a job runs',
      change: ({ calls }) => ({
        calls: [...calls.filter((one) => !isLeaving(one, ONE)), { ...terminates(ONE), atMs: 1_500 }],
      }),
      finds: ['busy-ended', ONE],
    },
    {
      what: 'an instance sets its health to Unhealthy while a job runs',
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
      what: 'EC2 ends an instance while a job runs, because the group shrinks',
      change: ({ calls }) => ({
        calls: [...calls, call('ec2', 'TerminateInstances', 'cloud', { InstanceIds: [ONE] }, 1_500)],
      }),
      finds: ['busy-ended', ONE],
    },
    // The capacity is lowered.
    {
      what: 'the keeper lowers the capacity for an instance that ended long before, and its successor runs',
      change: died(2_500, ...looks(2_600, 11), setsDesired(KEEPER, 1, 8_000)),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'the keeper lowers the capacity twice for one instance',
      change: died(
        7_000,
        notesCapacity(DEAD, KEEPER, 7_950),
        setsDesired(KEEPER, 1, 8_000),
        setsDesired(KEEPER, 1, 8_500),
      ),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'the keeper lowers the capacity again each minute, for an instance that is accounted for',
      change: died(7_000, setsDesired(KEEPER, 2, 8_000), setsDesired(KEEPER, 1, 8_500)),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'the keeper lowers the capacity for an instance that ended long before, while jobs start all the time',
      change: (facts) => ({
        ...busyUntilTheEnd(facts),
        instances: [...facts.instances, { id: DEAD, state: 'terminated', launchedMs: 0, leftMs: 2_500 }],
        calls: [...busyUntilTheEnd(facts).calls, ...looks(2_600, 11), setsDesired(KEEPER, 1, 8_000)],
      }),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'the keeper lowers the capacity for an instance that it recorded in an earlier run',
      change: died(
        7_000,
        ...looks(7_100, 1),
        notesCapacity(DEAD, KEEPER, 7_150),
        ...looks(7_900, 1),
        setsDesired(KEEPER, 1, 8_000),
      ),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'the keeper lowers the capacity twice for one instance, which it recorded each time',
      change: died(
        7_000,
        notesCapacity(DEAD, KEEPER, 7_950),
        setsDesired(KEEPER, 1, 8_000),
        notesCapacity(DEAD, KEEPER, 8_450),
        setsDesired(KEEPER, 1, 8_500),
      ),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'the keeper lowers the capacity by two for one instance',
      change: died(7_000, notesCapacity(DEAD, KEEPER, 7_950), setsDesired(KEEPER, 0, 8_000)),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'the keeper lowers the capacity for a running instance',
      change: ({ calls }) => ({
        calls: [...calls, notesCapacity(TWO, KEEPER, 7_950), setsDesired(KEEPER, 1, 8_000)],
      }),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'an agent records an instance, and the keeper lowers the capacity',
      change: died(7_000, notesCapacity(DEAD, AGENT, 7_950), setsDesired(KEEPER, 1, 8_000)),
      finds: ['capacity-lowered', 'fleet'],
    },
    {
      what: 'an instance lowers the capacity twice',
      change: ({ calls }) => ({ calls: [...calls, { ...terminates(ONE), atMs: 9_100 }] }),
      finds: ['lowered-twice', ONE],
    },
    {
      what: 'the keeper lowers the capacity for an instance that did so itself',
      change: ({ calls }) => ({ calls: [...calls, { ...terminates(ONE, KEEPER), atMs: 9_100 }] }),
      finds: ['lowered-twice', ONE],
    },
    // The record of a job that never ran.
    ...[AGENT, KEEPER].flatMap((by): (Case & { finds: [Rule, string] })[] => [
      {
        what: `${by} deletes the record of a queued job`,
        change: ({ records, calls }) => ({
          records: records?.filter(({ id }) => id !== 'm-3'),
          calls: [...calls, removes('m-3', 3_000, by)],
        }),
        finds: ['record-removed', 'm-3'],
      },
      {
        what: `${by} replaces the record of a queued job by a tombstone`,
        change: ({ records, calls }) => ({
          records: replaced(records, { id: 'm-3', state: 'queued', removed: true }),
          calls: [...calls, putsTombstone('m-3', by, 3_000)],
        }),
        finds: ['record-removed', 'm-3'],
      },
      {
        what: `${by} cancels a queued job, and writes that this was requested`,
        change: ({ records, calls }) => ({
          records: replaced(records, { id: 'm-3', state: 'cancelled', cancelRequested: true }),
          calls: [...calls, cancels('m-3', by, 3_000)],
        }),
        finds: ['cancelled-unasked', 'm-3'],
      },
    ]),
    // Runs without a cause.
    {
      what: 'a job of a fleet without a table runs again long after its success',
      change: ({ journal }) => ({
        records: undefined,
        journal: [...journal, ...ran('m-1', 2, 300, 22_000, 1)],
      }),
      finds: ['run-without-cause', 'm-1'],
    },
    {
      what: 'a job of a fleet without a table runs again, although its agent deleted a message at its end',
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
      what: 'a job of a fleet without a table runs again, because its agent went on and never deleted its message',
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
      what: 'a job of a fleet without a table runs again; of two agents one is idle and one deleted a message',
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
      what: 'a job of a fleet without a table runs again, and only another job was requeued before its worker ended',
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

  it('a job that failed without a dead letter is lost, even if somebody took other dead letters before', () => {
    const { violations } = changed({
      what: '',
      change: ({ journal, records, calls }) => ({
        journal: without(journal, 'm-1', ran('m-1', 1, 100, 1_000, 65)),
        records: replaced(records, { id: 'm-1', state: 'failed' }),
        calls: [
          ...withoutEnd(calls),
          sendsDeadLetter('m-9', AGENT, 400),
          call('sqs', 'DeleteMessage', 'owner', { QueueUrl: 'dead', ReceiptHandle: 'r' }, 500),
          call('sqs', 'DeleteMessage', 'owner', { QueueUrl: 'dead', ReceiptHandle: 'r' }, 5_000),
        ],
      }),
    });
    // The job is nowhere, and its record says that it is in the dead-letter queue. So there are two violations.
    expect(violations.map(({ rule, subject }) => [rule, subject])).toEqual([
      ['lost', 'm-1'],
      ['record-disagrees', 'm-1'],
    ]);
  });
});

describe('similar changes that are correct have no violation', () => {
  it.each<Case>([
    {
      what: 'the keeper ends an instance that has been silent for longer than a lease, even if a worker runs there',
      change: ({ calls, journal }) => ({
        calls: [
          ...calls.filter((one) => !isLeaving(one, ONE)),
          { ...terminates(ONE, KEEPER), atMs: 30_000 },
          call('ec2', 'TerminateInstances', 'cloud', { InstanceIds: [ONE] }, 30_200),
        ],
        journal: [...journal, { event: 'beat', job: 'm-1', attempt: 1, pid: 100, atMs: 30_500 }],
      }),
    },
    {
      what: 'a person ends a busy instance, and EC2 terminates it',
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
      what: 'the keeper lowers the capacity for an instance that has just ended, and its successor runs',
      change: died(
        7_000,
        ...looks(7_100, 3),
        notesCapacity(DEAD, KEEPER, 7_950),
        setsDesired(KEEPER, 1, 8_000),
      ),
    },
    {
      what: 'the keeper lowers the capacity for an instance that ended long before, because jobs waited all the time, with launches suspended',
      change: died(
        2_500,
        ...looks(2_600, 50),
        notesCapacity(DEAD, KEEPER, 7_950),
        setsDesired(KEEPER, 1, 8_000),
      ),
    },
    {
      what: 'the keeper lowers the capacity for two instances that ended one after the other, and both successors run',
      change: ({ calls, instances }) => ({
        instances: [
          ...instances,
          { id: DEAD, state: 'terminated', launchedMs: 0, leftMs: 7_000 },
          { id: ALSO_DEAD, state: 'terminated', launchedMs: 0, leftMs: 7_200 },
        ],
        calls: [
          ...calls,
          ...looks(7_900, 1),
          notesCapacity(DEAD, KEEPER, 7_950),
          setsDesired(KEEPER, 1, 8_000),
          ...looks(8_400, 1),
          notesCapacity(ALSO_DEAD, KEEPER, 8_450),
          setsDesired(KEEPER, 0, 8_500),
        ],
      }),
    },
    {
      what: 'the keeper removes unneeded capacity, and an instance is launched between its snapshot and its call',
      change: ({ calls, instances }) => ({
        instances: [...instances, { id: DEAD, state: 'terminated', launchedMs: 7_950 }],
        calls: [
          ...calls,
          ...looks(7_900, 1),
          setsDesired(KEEPER, 2, 8_000),
          { ...terminates(DEAD), atMs: 9_500 },
        ],
      }),
    },
    {
      what: 'an operator requests one instance and resets the breaker, and the alarm requests another at once',
      change: ({ calls, instances }) => ({
        // The broken instances are gone by then. The instances that run the jobs are launched just after the call.
        instances: [
          ...instances.map((one) => ({ ...one, launchedMs: 500 })),
          ...[DEAD, ALSO_DEAD].map((id) => ({ id, state: 'terminated', launchedMs: 0, leftMs: 300 })),
        ],
        calls: [
          ...[DEAD, ALSO_DEAD].map((id) => ({ ...terminates(id), atMs: 300 })),
          setsDesired('owner', 1, 400),
          ...calls,
        ],
      }),
    },
    {
      what: 'the keeper ends an instance that never reported, with decrement',
      change: ({ calls, instances }) => ({
        instances: [...instances, { id: DEAD, state: 'terminated', launchedMs: 0 }],
        calls: [...calls, terminates(DEAD, KEEPER)],
      }),
    },
    {
      what: 'a job that a person cancelled, and its agent carries it out',
      change: ({ records, calls }) => ({
        records: replaced(records, { id: 'm-3', state: 'cancelled', cancelRequested: true }),
        calls: [...calls, cancels('m-3', 'owner', 3_000), writes('m-3', 'cancelled', AGENT, 3_100)],
      }),
    },
    {
      what: 'a failed job whose dead letter is in flight',
      change: ({ journal, records, calls }) => ({
        journal: without(journal, 'm-1', ran('m-1', 1, 100, 1_000, 65)),
        records: replaced(records, { id: 'm-1', state: 'failed' }),
        calls: withoutEnd(calls),
        deadLettersHidden: 1,
      }),
    },
    {
      what: 'a failed job of a fleet without a table whose dead letter is in flight',
      change: ({ journal }) => ({
        journal: without(journal, 'm-1', ran('m-1', 1, 100, 1_000, 65)),
        records: undefined,
        deadLettersHidden: 1,
      }),
    },
    {
      what: 'a failed job whose dead letter had no room for its id, and a person took it',
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

describe('the call log shows the cause of a second run', () => {
  const again = (journal: Facts['journal'], atMs: number) => [
    ...without(journal, 'm-1', ran('m-1', 1, 100, 1_000)),
    ...ran('m-1', 2, 300, atMs, 0),
  ];
  const rest = (calls: readonly CallFacts[]) =>
    calls.filter((one) => JSON.stringify(one.input).includes('job#m-1') === false);

  it.each<Case & { note: string }>([
    {
      what: 'its message had waited for a slot, so its lease was short after the claim',
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
      what: 'it was requeued by a call that timed out and was carried out',
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
      what: 'a third agent had it in between, and requeued it',
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
      what: 'the agent of a fleet without a table ended before it could delete its message',
      change: ({ journal, instances }) => ({
        records: undefined,
        journal: [...journal, ...ran('m-1', 2, 300, 12_000, 0)],
        instances: instances.map((one) => (one.id === ONE ? { ...one, leftMs: 2_050 } : one)),
        calls: [call('sqs', 'ReceiveMessage', AGENT, {}, 1_500), terminates(TWO)],
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
      what: 'the same, if the runs do not name their instance',
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
      what: 'a fleet without a table requeued it by a call whose answer was lost',
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

  it('the violation of a run without cause has its claim and the lease before it', () => {
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

/** In addition DEAD has ended and has a successor, and these calls were made. */
function died(leftMs: number, ...more: CallFacts[]): Case['change'] {
  return ({ calls, instances }) => ({
    instances: [...instances, { id: DEAD, state: 'terminated', launchedMs: 0, leftMs }],
    calls: [...calls, ...more],
  });
}

/** TWO runs another job until just before it retires. */
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

/** All calls except the write of the job's success. */
function withoutEnd(calls: readonly CallFacts[]): CallFacts[] {
  return calls.filter(({ atMs, caller }) => atMs !== 2_100 || caller !== AGENT);
}

/** Calls of the keeper that describe the group, 100 ms apart. */
function looks(fromMs: number, count: number): CallFacts[] {
  return Array.from({ length: count }, (_, index) =>
    call('autoscaling', 'DescribeAutoScalingGroups', KEEPER, {}, fromMs + index * 100),
  );
}

/** The lines with the instance of their worker. */
function on(instance: string, lines: Facts['journal']): Facts['journal'] {
  return lines.map((line) => ({ ...line, instance }));
}

function without(journal: Facts['journal'], job: string, run: Facts['journal']): Facts['journal'] {
  return [...journal.filter((line) => line.job !== job), ...run];
}

function replaced(records: Facts['records'], record: RecordFacts): RecordFacts[] {
  return [...(records ?? []).filter(({ id }) => id !== record.id), record];
}
