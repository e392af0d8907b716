import type { CallFacts } from './facts.ts';

/** Reads the front door's log; a last line that is half written is left out. */
export function parseCalls(text: string): CallFacts[] {
  const lines = text.split('\n');
  lines.pop();
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as CallFacts);
}

/** The instance that made a call: sessions of an instance's role carry its id. */
export function instanceOf(call: CallFacts): string | undefined {
  const session = call.caller.split('/').at(-1) ?? '';
  return /^i-[0-9a-f]{8,17}$/.test(session) ? session : undefined;
}

export function succeeded(call: CallFacts): boolean {
  return call.status >= 200 && call.status < 300;
}

/** The caller got no answer: what it asked for may be done all the same. */
export function mayHaveSucceeded(call: CallFacts): boolean {
  return succeeded(call) || call.status === 0;
}

/** A role that is not an instance's: the keeper's. */
export function isServiceRole(call: CallFacts): boolean {
  return call.caller.includes('/') && instanceOf(call) === undefined;
}

/** An agent or the keeper, not a person. */
export function isRole(call: CallFacts): boolean {
  return call.caller.includes('/');
}

/** A member of a call's input, by path; undefined where it is not there. */
export function member(call: CallFacts, ...path: string[]): unknown {
  let value = call.input;
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** Writes to one job's item of the table that took effect. */
export function writesTo(job: string, calls: readonly CallFacts[]): CallFacts[] {
  return writesThatMay(job, calls).filter(succeeded);
}

/** The same, and those of which nobody knows whether they did. */
export function writesThatMay(job: string, calls: readonly CallFacts[]): CallFacts[] {
  return calls.filter(
    (call) =>
      call.service === 'dynamodb' &&
      (call.action === 'UpdateItem' || call.action === 'PutItem') &&
      mayHaveSucceeded(call) &&
      (member(call, 'Key', 'pk', 'S') === `job#${job}` || member(call, 'Item', 'pk', 'S') === `job#${job}`),
  );
}

/** The state that a write to a job's item sets; undefined if it sets none. */
export function stateWritten(call: CallFacts): string | undefined {
  return written(call, 'state', 'S');
}

/** Until when the job is the writer's, in epoch milliseconds; undefined if the write says nothing of it. */
export function leaseWritten(call: CallFacts): number | undefined {
  const ms = written(call, 'leaseUntilMs', 'N');
  return ms === undefined ? undefined : Number(ms);
}

/** Whether a write asks for the job's end. */
export function asksForEnd(call: CallFacts): boolean {
  return written(call, 'cancelRequestedAt', 'S') !== undefined;
}

/** The instance for which a write to its item says that the desired capacity is lowered for it; undefined: none. */
export function accountedFor(call: CallFacts): string | undefined {
  if (call.service !== 'dynamodb' || written(call, 'accountedAtMs', 'N') === undefined) return undefined;
  const key = member(call, 'Key', 'pk', 'S');
  return typeof key === 'string' && key.startsWith('instance#') ? key.slice('instance#'.length) : undefined;
}

/**
 * What a write sets an attribute of the item to. Values alone do not tell: a condition compares with attributes too, so
 * the expression says which value is whose.
 */
function written(call: CallFacts, attribute: string, type: 'S' | 'N'): string | undefined {
  const whole = member(call, 'Item', attribute, type);
  if (typeof whole === 'string') return whole;
  const expression = String(member(call, 'UpdateExpression') ?? '');
  for (const [, name = '', value = ''] of expression.matchAll(SETS)) {
    if ((member(call, 'ExpressionAttributeNames', name) ?? name) !== attribute) continue;
    const set = member(call, 'ExpressionAttributeValues', value, type);
    return typeof set === 'string' ? set : undefined;
  }
  return undefined;
}

/** `name = :value`, or the same where there is none yet. */
const SETS = /(#?\w+) = (?:if_not_exists\(#?\w+, )?(:\w+)/g;

/** The calls that took a job's record away, or left no more of it than a tombstone. */
export function removalsOf(job: string, calls: readonly CallFacts[]): CallFacts[] {
  return calls.filter((call) => {
    if (call.service !== 'dynamodb' || !succeeded(call)) return false;
    if (call.action === 'DeleteItem') return member(call, 'Key', 'pk', 'S') === `job#${job}`;
    const buries = call.action === 'PutItem' && member(call, 'Item', 'removedAt') !== undefined;
    return buries && member(call, 'Item', 'pk', 'S') === `job#${job}`;
  });
}
