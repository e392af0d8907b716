import type { CallFacts, Facts } from '../../checker/facts.ts';
import type { JournalLine } from '../../checker/journal.ts';

export const ONE = 'i-0aaaaaaaaaaaaaaa1';
export const TWO = 'i-0bbbbbbbbbbbbbbb2';

/** Two jobs on two instances that both retired: nothing is wrong. */
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
    calls: [leaves(ONE), leaves(TWO)],
    leaseMs: 10_000,
  };
}

/** The lines of a run of one second; `status` undefined: it was killed. */
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

export function leaves(instance: string, caller = `agent/${instance}`): CallFacts {
  const input = { InstanceId: instance, ShouldDecrementDesiredCapacity: true };
  return call('autoscaling', 'TerminateInstanceInAutoScalingGroup', caller, input, 9_000);
}

/** What an agent (or the keeper) does when it gives a job back. */
export function requeues(job: string, caller: string, atMs: number): CallFacts {
  return writes(job, 'queued', caller, atMs);
}

export function writes(job: string, state: string, caller: string, atMs: number): CallFacts {
  const input = {
    TableName: 'jobs',
    Key: { pk: { S: `job#${job}` } },
    UpdateExpression: 'SET #id = :set_id, #state = :set_state REMOVE #listing',
    ExpressionAttributeNames: { '#id': 'id', '#state': 'state' },
    // A condition has states too, which say nothing of what is written.
    ExpressionAttributeValues: { ':queued': { S: 'queued' }, ':set_state': { S: state } },
  };
  return call('dynamodb', 'UpdateItem', caller, input, atMs);
}

/** What an agent does while a job runs: its lease goes on, its state stays. */
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

/** How an agent takes a job that nobody has recorded. */
export function claimsNew(job: string, caller: string, atMs: number): CallFacts {
  return puts(job, 'running', caller, atMs);
}

function puts(job: string, state: string, caller: string, atMs: number): CallFacts {
  const input = { Item: { pk: { S: `job#${job}` }, state: { S: state } } };
  return call('dynamodb', 'PutItem', caller, input, atMs);
}

/** A claim, or a renewal where the state stays, with the lease that it asks for. */
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

/** What `mayfly cancel` writes to a job that waits; or somebody else. */
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

/** A tombstone in the place of a record. */
export function entombs(job: string, caller: string, atMs: number): CallFacts {
  const input = { Item: { pk: { S: `job#${job}` }, state: { S: 'queued' }, removedAt: { S: '2026' } } };
  return call('dynamodb', 'PutItem', caller, input, atMs);
}

/** A job's copy in the dead-letter queue `dead`. */
export function buries(job: string, caller: string, atMs: number): CallFacts {
  const MessageAttributes = { MayflyJobId: { DataType: 'String', StringValue: job } };
  return call('sqs', 'SendMessage', caller, { QueueUrl: 'dead', MessageAttributes }, atMs);
}

export function setsDesired(caller: string, desired: number, atMs = 8_000): CallFacts {
  const input = { AutoScalingGroupName: 'fleet', DesiredCapacity: desired };
  return call('autoscaling', 'SetDesiredCapacity', caller, input, atMs);
}

/** How the keeper notes for which instance it is about to lower the capacity. */
export function accounts(instance: string, caller: string, atMs: number): CallFacts {
  const input = {
    Key: { pk: { S: `instance#${instance}` } },
    UpdateExpression: 'SET #instance = :set_instance, #accountedAtMs = :set_accountedAtMs',
    ExpressionAttributeNames: { '#instance': 'instance', '#accountedAtMs': 'accountedAtMs' },
    ExpressionAttributeValues: { ':set_instance': { S: instance }, ':set_accountedAtMs': { N: `${atMs}` } },
  };
  return call('dynamodb', 'UpdateItem', caller, input, atMs);
}
