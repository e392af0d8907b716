import type { CallFacts, Facts } from '../../checker/facts.ts';
import type { JournalLine } from '../../checker/journal.ts';

export const ONE = 'i-0aaaaaaaaaaaaaaa1';
export const TWO = 'i-0bbbbbbbbbbbbbbb2';

/** Two jobs on two instances that both retired, without violations. */
export function soundFacts(): Facts {
  return {
    sent: ['m-1', 'm-2'],
    journal: [...ran('m-1', 1, 100, 1_000, 0), ...ran('m-2', 1, 200, 1_000, 0)],
    workersAlive: [],
    queue: { visible: [], inFlight: 0 },
    deadLetters: [],
    records: [
      { id: 'm-1', state: 'succeeded' },
      { id: 'm-2', state: 'succeeded' },
    ],
    instances: [
      { id: ONE, state: 'terminated', launchedMs: 0 },
      { id: TWO, state: 'terminated', launchedMs: 0 },
    ],
    group: { name: 'fleet', desired: 0 },
    calls: [terminates(ONE), terminates(TWO)],
    leaseMs: 10_000,
  };
}

/** The journal lines of a run of one second. Without `status` it was killed. */
export function ran(job: string, attempt: number, pid: number, atMs: number, status?: number): JournalLine[] {
  const run = { job, attempt, pid };
  const start: JournalLine = { event: 'start', ...run, atMs };
  const last = atMs + 1_000;
  if (status === undefined) return [start, { event: 'beat', ...run, atMs: last }];
  return [start, { event: 'end', ...run, atMs: last, status }];
}

export function call(
  service: string,
  action: string,
  caller: string,
  input: unknown,
  atMs: number,
): CallFacts {
  return { atMs, service, action, caller, input, status: 200 };
}

export function terminates(instance: string, caller = `agent/${instance}`): CallFacts {
  const input = { InstanceId: instance, ShouldDecrementDesiredCapacity: true };
  return call('autoscaling', 'TerminateInstanceInAutoScalingGroup', caller, input, 9_000);
}

/** The write with which an agent or the keeper requeues a job. */
export function requeues(job: string, caller: string, atMs: number): CallFacts {
  return writes(job, 'queued', caller, atMs);
}

export function writes(job: string, state: string, caller: string, atMs: number): CallFacts {
  const input = {
    TableName: 'jobs',
    Key: { pk: { S: `job#${job}` } },
    UpdateExpression: 'SET #id = :set_id, #state = :set_state REMOVE #listing',
    ExpressionAttributeNames: { '#id': 'id', '#state': 'state' },
    // The condition has a state too, which is not written.
    ExpressionAttributeValues: { ':queued': { S: 'queued' }, ':set_state': { S: state } },
  };
  return call('dynamodb', 'UpdateItem', caller, input, atMs);
}

/** The write with which an agent renews the lease of a running job. */
export function renews(job: string, caller: string, atMs: number): CallFacts {
  const input = {
    Key: { pk: { S: `job#${job}` } },
    UpdateExpression: 'SET #leaseUntilMs = :set_leaseUntilMs',
    ExpressionAttributeNames: { '#leaseUntilMs': 'leaseUntilMs' },
  };
  return call('dynamodb', 'UpdateItem', caller, input, atMs);
}

export function removes(job: string, atMs: number, caller = 'owner'): CallFacts {
  return call('dynamodb', 'DeleteItem', caller, { Key: { pk: { S: `job#${job}` } } }, atMs);
}

export function enqueues(job: string, atMs: number): CallFacts {
  return puts(job, 'queued', 'owner', atMs);
}

/** The write with which an agent claims a job without a record. */
export function claimsNew(job: string, caller: string, atMs: number): CallFacts {
  return puts(job, 'running', caller, atMs);
}

function puts(job: string, state: string, caller: string, atMs: number): CallFacts {
  const input = { Item: { pk: { S: `job#${job}` }, state: { S: state } } };
  return call('dynamodb', 'PutItem', caller, input, atMs);
}

/** The write of a claim, or without `state` of a renewal, with its lease. */
export function leases(
  job: string,
  caller: string,
  atMs: number,
  untilMs: number,
  state?: string,
): CallFacts {
  const input = {
    Key: { pk: { S: `job#${job}` } },
    UpdateExpression: `SET #leaseUntilMs = :set_leaseUntilMs${state ? ', #state = :set_state' : ''}`,
    ConditionExpression: '#state = :running AND #leaseUntilMs < :now',
    ExpressionAttributeNames: { '#leaseUntilMs': 'leaseUntilMs', '#state': 'state' },
    ExpressionAttributeValues: {
      ':set_leaseUntilMs': { N: `${untilMs}` },
      ':running': { S: 'running' },
      ':now': { N: `${atMs}` },
      ...(state && { ':set_state': { S: state } }),
    },
  };
  return call('dynamodb', 'UpdateItem', caller, input, atMs);
}

/** The write with which a queued job is cancelled. */
export function cancels(job: string, caller: string, atMs: number): CallFacts {
  const input = {
    Key: { pk: { S: `job#${job}` } },
    UpdateExpression: 'SET #state = :set_state, #cancelRequestedAt = :set_cancelRequestedAt',
    ExpressionAttributeNames: { '#state': 'state', '#cancelRequestedAt': 'cancelRequestedAt' },
    ExpressionAttributeValues: {
      ':set_state': { S: 'cancelled' },
      ':set_cancelRequestedAt': { S: new Date(atMs).toISOString() },
    },
  };
  return call('dynamodb', 'UpdateItem', caller, input, atMs);
}

/** The write that replaces a record by a tombstone. */
export function putsTombstone(job: string, caller: string, atMs: number): CallFacts {
  const input = { Item: { pk: { S: `job#${job}` }, state: { S: 'queued' }, removedAt: { S: '2026' } } };
  return call('dynamodb', 'PutItem', caller, input, atMs);
}

/** Sends a job to the dead-letter queue `dead`. */
export function sendsDeadLetter(job: string, caller: string, atMs: number): CallFacts {
  const MessageAttributes = { MayflyJobId: { DataType: 'String', StringValue: job } };
  return call('sqs', 'SendMessage', caller, { QueueUrl: 'dead', MessageAttributes }, atMs);
}

export function setsDesired(caller: string, desired: number, atMs = 8_000): CallFacts {
  const input = { AutoScalingGroupName: 'fleet', DesiredCapacity: desired };
  return call('autoscaling', 'SetDesiredCapacity', caller, input, atMs);
}

/** The note of the keeper that it lowers the capacity for an instance. */
export function notesCapacity(instance: string, caller: string, atMs: number): CallFacts {
  const input = {
    Key: { pk: { S: `instance#${instance}` } },
    UpdateExpression: 'SET #instance = :set_instance, #accountedAtMs = :set_accountedAtMs',
    ExpressionAttributeNames: { '#instance': 'instance', '#accountedAtMs': 'accountedAtMs' },
    ExpressionAttributeValues: { ':set_instance': { S: instance }, ':set_accountedAtMs': { N: `${atMs}` } },
  };
  return call('dynamodb', 'UpdateItem', caller, input, atMs);
}
