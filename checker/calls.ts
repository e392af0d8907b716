import type { CallFacts } from './facts.ts';

/** Parses the front door's log. An incomplete last line is left out. */
export function parseCalls(text: string): CallFacts[] {
  const lines = text.split('\n');
  lines.pop();
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as CallFacts);
}

/** The instance that made a call. The sessions of an instance's role are named by its id. */
export function callerInstance(call: CallFacts): string | undefined {
  const session = call.caller.split('/').at(-1) ?? '';
  return /^i-[0-9a-f]{8,17}$/.test(session) ? session : undefined;
}

export function succeeded(call: CallFacts): boolean {
  return call.status >= 200 && call.status < 300;
}

/** A call without an answer may have been carried out. */
export function mayHaveSucceeded(call: CallFacts): boolean {
  return succeeded(call) || call.status === 0;
}

/** Whether the caller is a role other than an instance's: the keeper. */
export function isServiceRole(call: CallFacts): boolean {
  return call.caller.includes('/') && callerInstance(call) === undefined;
}

/** Whether the caller is an agent or the keeper, not a person. */
export function isRole(call: CallFacts): boolean {
  return call.caller.includes('/');
}

/** A member of a call's input, by path. Undefined: it is absent. */
export function readInput(call: CallFacts, ...path: string[]): unknown {
  let value = call.input;
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** The successful writes to one job's item of the table. */
export function findWrites(job: string, calls: readonly CallFacts[]): CallFacts[] {
  return findPossibleWrites(job, calls).filter(succeeded);
}

/** The same, and the writes without an answer. */
export function findPossibleWrites(job: string, calls: readonly CallFacts[]): CallFacts[] {
  return calls.filter(
    (call) =>
      call.service === 'dynamodb' &&
      (call.action === 'UpdateItem' || call.action === 'PutItem') &&
      mayHaveSucceeded(call) &&
      (readInput(call, 'Key', 'pk', 'S') === `job#${job}` ||
        readInput(call, 'Item', 'pk', 'S') === `job#${job}`),
  );
}

/** The state that a write to a job's item sets. Undefined: it sets none. */
export function writtenState(call: CallFacts): string | undefined {
  return written(call, 'state', 'S');
}

/** The end of the lease that a write sets, in epoch milliseconds. Undefined: it sets none. */
export function writtenLeaseMs(call: CallFacts): number | undefined {
  const ms = written(call, 'leaseUntilMs', 'N');
  return ms === undefined ? undefined : Number(ms);
}

/** Whether a write requests the job's cancellation. */
export function requestsCancellation(call: CallFacts): boolean {
  return written(call, 'cancelRequestedAt', 'S') !== undefined;
}

/** The instance whose item a write marks as accounted for in the desired capacity. Undefined: none. */
export function accountedInstance(call: CallFacts): string | undefined {
  if (call.service !== 'dynamodb' || written(call, 'accountedAtMs', 'N') === undefined) return undefined;
  const key = readInput(call, 'Key', 'pk', 'S');
  return typeof key === 'string' && key.startsWith('instance#') ? key.slice('instance#'.length) : undefined;
}

/**
 * The value that a write sets an attribute to. It is read from the update expression, because conditions have values
 * too.
 */
function written(call: CallFacts, attribute: string, type: 'S' | 'N'): string | undefined {
  const whole = readInput(call, 'Item', attribute, type);
  if (typeof whole === 'string') return whole;
  const expression = String(readInput(call, 'UpdateExpression') ?? '');
  for (const [, name = '', value = ''] of expression.matchAll(SETS)) {
    if ((readInput(call, 'ExpressionAttributeNames', name) ?? name) !== attribute) continue;
    const set = readInput(call, 'ExpressionAttributeValues', value, type);
    return typeof set === 'string' ? set : undefined;
  }
  return undefined;
}

/** `name = :value` or `name = if_not_exists(name, :value)`. */
const SETS = /(#?\w+) = (?:if_not_exists\(#?\w+, )?(:\w+)/g;

/** The calls that deleted a job's record or replaced it by a tombstone. */
export function findRemovals(job: string, calls: readonly CallFacts[]): CallFacts[] {
  return calls.filter((call) => {
    if (call.service !== 'dynamodb' || !succeeded(call)) return false;
    if (call.action === 'DeleteItem') return readInput(call, 'Key', 'pk', 'S') === `job#${job}`;
    const isTombstone = call.action === 'PutItem' && readInput(call, 'Item', 'removedAt') !== undefined;
    return isTombstone && readInput(call, 'Item', 'pk', 'S') === `job#${job}`;
  });
}
