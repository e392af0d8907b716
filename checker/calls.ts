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

/** True if a write to a job's item has this string among the values that it sets. */
export function writesState(call: CallFacts, state: string): boolean {
  const values = member(call, 'ExpressionAttributeValues') ?? member(call, 'Item');
  if (typeof values !== 'object' || values === null) return false;
  return Object.values(values).some((value) => (value as { S?: unknown } | null)?.S === state);
}
