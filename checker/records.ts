import { createHash } from 'node:crypto';
import { type AttributeValue, type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import type { RecordFacts, StreamFacts, TryFacts } from './facts.ts';

type Plain = string | number | boolean | null | Plain[] | { [name: string]: Plain };
type Map = { [name: string]: Plain };

/** Reads the job items of a table. */
export async function readRecords(client: DynamoDBClient, table: string): Promise<RecordFacts[]> {
  const records: RecordFacts[] = [];
  for await (const { Items = [] } of paginateScan({ client }, { TableName: table, ConsistentRead: true })) {
    for (const item of Items) {
      if (item['pk']?.S?.startsWith('job#')) records.push(parseRecord(plain({ M: item }) as Map));
    }
  }
  return records;
}

function parseRecord(item: Map): RecordFacts {
  const { pk, state, reason, cancelRequestedAt, removedAt, retryOf, retriedAs, tries } = item;
  return {
    id: String(pk).slice('job#'.length),
    state: String(state ?? ''),
    ...(reason ? { reason: String(reason) } : {}),
    ...(cancelRequestedAt ? { cancelRequested: true } : {}),
    ...(removedAt ? { removed: true } : {}),
    ...(retryOf ? { retryOf: String(retryOf) } : {}),
    ...(retriedAs ? { retriedAs: String(retriedAs) } : {}),
    ...(Array.isArray(tries) ? { tries: tries.map((one) => parseTry(one as Map)) } : {}),
  };
}

function parseTry({ key, startedAt, endedAt, exitStatus, log }: Map): TryFacts {
  const streams = log as Record<'stdout' | 'stderr', Map> | undefined;
  return {
    key: String(key),
    startedMs: Date.parse(String(startedAt)),
    ended: endedAt !== undefined,
    ...(exitStatus === undefined ? {} : { exitStatus: Number(exitStatus) }),
    ...(streams ? { log: { stdout: parseStream(streams.stdout), stderr: parseStream(streams.stderr) } } : {}),
  };
}

function parseStream({ bytes, lost = 0, chunks = 0, text, base64 }: Map): StreamFacts {
  const inline = text === undefined ? Buffer.from(String(base64 ?? ''), 'base64') : Buffer.from(String(text));
  return {
    bytes: Number(bytes),
    lost: Number(lost),
    chunks: Number(chunks),
    inline: { bytes: inline.length, sha256: sha256(inline) },
  };
}

export function sha256(...parts: Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** Converts a value of DynamoDB to a JSON value. Sets and bytes are not supported. */
function plain(value: AttributeValue): Plain {
  if (value.M) return Object.fromEntries(Object.entries(value.M).map(([name, one]) => [name, plain(one)]));
  if (value.L) return value.L.map(plain);
  if (value.N !== undefined) return Number(value.N);
  return value.S ?? value.BOOL ?? null;
}
