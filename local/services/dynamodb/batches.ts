import { isStructure } from '../../front-door/read.ts';
import type { Input } from '../../front-door/service.ts';
import type { Dynalite } from './engine.ts';

/** The requests of a batch by table. */
export function readRequestItems(input: Input): Record<string, unknown> {
  return isStructure(input['RequestItems']) ? input['RequestItems'] : {};
}

/** The keys or items of a batch, each with its table. */
export function batchedItems(input: Input): [table: string, item: Input][] {
  return Object.entries(readRequestItems(input)).flatMap(([table, asked]) => {
    const items = isStructure(asked) ? asked['Keys'] : Array.isArray(asked) ? asked.map(writtenBy) : [];
    return (Array.isArray(items) ? items.filter(isStructure) : []).map((item): [string, Input] => [
      table,
      item,
    ]);
  });
}

function writtenBy(request: unknown): unknown {
  if (!isStructure(request)) return undefined;
  const { PutRequest: put, DeleteRequest: remove } = request;
  return isStructure(put) ? put['Item'] : isStructure(remove) ? remove['Key'] : undefined;
}

/** "BatchGetItem": "can retrieve up to 16 MB of data". */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * BatchGetItem. dynalite returns little more than 1 MB and returns the other keys as unprocessed, without the request's
 * projection. They are requested again, up to DynamoDB's own limit.
 */
export async function batchGet(dynalite: Dynalite, input: Input): Promise<Record<string, unknown>> {
  const asked = readRequestItems(input);
  const first = await dynalite('BatchGetItem', input);
  const responses = first['Responses'] as Record<string, Input[]>;
  let left = leftOf(asked, first);
  let bytes = byteLength(responses);
  while (Object.keys(left).length > 0 && bytes < MOST_BYTES) {
    const next = await dynalite('BatchGetItem', { RequestItems: left });
    const more = next['Responses'] as Record<string, Input[]>;
    for (const [table, items] of Object.entries(more)) responses[table]?.push(...items);
    bytes += byteLength(more);
    left = leftOf(asked, next);
  }
  return { ...first, Responses: responses, UnprocessedKeys: left };
}

/** The unprocessed part of a request, in a form that can be sent again. */
function leftOf(asked: Record<string, unknown>, answer: Input): Record<string, unknown> {
  const left = isStructure(answer['UnprocessedKeys']) ? answer['UnprocessedKeys'] : {};
  const again = (table: string, rest: unknown) => ({
    ...(asked[table] as Input),
    Keys: (rest as Input)['Keys'],
  });
  return Object.fromEntries(Object.entries(left).map(([table, rest]) => [table, again(table, rest)]));
}

const byteLength = (responses: unknown): number => JSON.stringify(responses).length;
