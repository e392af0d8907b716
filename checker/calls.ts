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
  return calls.filter(
    (call) =>
      call.service === 'dynamodb' &&
      (call.action === 'UpdateItem' || call.action === 'PutItem') &&
      succeeded(call) &&
      (member(call, 'Key', 'pk', 'S') === `job#${job}` || member(call, 'Item', 'pk', 'S') === `job#${job}`),
  );
}

/**
 * The state that a write to a job's item sets; undefined if it sets none. Values alone do not tell: a condition
 * compares with states too.
 */
export function stateWritten(call: CallFacts): string | undefined {
  const whole = member(call, 'Item', 'state', 'S');
  if (typeof whole === 'string') return whole;
  const expression = String(member(call, 'UpdateExpression') ?? '');
  for (const [, name = '', value = ''] of expression.matchAll(/(#?\w+) = (:\w+)/g)) {
    if ((member(call, 'ExpressionAttributeNames', name) ?? name) !== 'state') continue;
    const state = member(call, 'ExpressionAttributeValues', value, 'S');
    return typeof state === 'string' ? state : undefined;
  }
  return undefined;
}

/** Whether somebody took the job's record away. */
export function removedAtMs(job: string, calls: readonly CallFacts[]): number | undefined {
  const removal = calls.find(
    (call) =>
      call.service === 'dynamodb' &&
      call.action === 'DeleteItem' &&
      succeeded(call) &&
      member(call, 'Key', 'pk', 'S') === `job#${job}`,
  );
  return removal?.atMs;
}
