import { setTimeout as delay } from 'node:timers/promises';
import dynalite from 'dynalite';
import { text } from '../../front-door/read.ts';
import { AwsError, type Input } from '../../front-door/service.ts';
import { type HttpHandler, requestInProcess } from '../in-process.ts';

/** One DynamoDB call to dynalite. Rejects with `AwsError`. */
export type Dynalite = (action: string, input: Input) => Promise<Record<string, unknown>>;

export interface DynaliteSettings {
  /** Milliseconds that dynalite takes to create, update or delete a table, after it has answered. Default 0. */
  tableMs?: number;
}

/**
 * dynalite, in memory and inside this process: its server never listens, but is handed requests as if it did. A
 * table is active, changed or gone when the call that asks for it is answered.
 */
export function startDynalite({ tableMs = 0 }: DynaliteSettings = {}): Dynalite {
  const server = dynalite({ createTableMs: tableMs, deleteTableMs: tableMs, updateTableMs: tableMs });
  const handler: HttpHandler = (request, response) => server.emit('request', request, response);
  const call: Dynalite = async (action, input) => {
    const headers = headersFor(action);
    const body = JSON.stringify(input);
    const answer = await requestInProcess(handler, { method: 'POST', url: '/', headers, body });
    const output = JSON.parse(answer.body.toString('utf8')) as Record<string, unknown>;
    if (answer.status < 400) return output;
    throw asAwsError(output, answer.status);
  };
  return async (action, input) => {
    const output = await call(action, input);
    const isReached = REACHED[action];
    if (isReached) await waitForTable(call, text(input, 'TableName'), isReached);
    return output;
  };
}

/** What a table, or none, has to look like before the answer to a call is given. */
const REACHED: Record<string, (table: Input | undefined) => boolean> = {
  CreateTable: isActive,
  UpdateTable: isActive,
  DeleteTable: (table) => table === undefined,
};

function isActive(table: Input | undefined): boolean {
  if (!table) return false;
  const indexes = (table['GlobalSecondaryIndexes'] ?? []) as Input[];
  return table['TableStatus'] === 'ACTIVE' && indexes.every(({ IndexStatus }) => IndexStatus === 'ACTIVE');
}

/** A timer of dynalite's takes a table to its new state, after the answer; whoever goes by the answer comes too early. */
async function waitForTable(
  call: Dynalite,
  TableName: string,
  isReached: (table: Input | undefined) => boolean,
): Promise<void> {
  const end = performance.now() + LONGEST_WAIT_MS;
  while (!isReached(await describeTable(call, TableName))) {
    if (performance.now() > end) {
      throw new AwsError('InternalServerError', `The table ${TableName} did not change in time.`, 500);
    }
    await delay(1);
  }
}

const LONGEST_WAIT_MS = 30_000;

async function describeTable(call: Dynalite, TableName: string): Promise<Input | undefined> {
  try {
    return (await call('DescribeTable', { TableName }))['Table'] as Input;
  } catch (error) {
    if (error instanceof AwsError && error.code === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

function headersFor(action: string): Record<string, string> {
  return {
    'content-type': 'application/x-amz-json-1.0',
    'x-amz-target': `DynamoDB_20120810.${action}`,
    'x-amz-date': '20260101T000000Z',
    authorization: 'AWS4-HMAC-SHA256 Credential=local, SignedHeaders=host, Signature=none',
  };
}

function asAwsError(output: Record<string, unknown>, status: number): AwsError {
  const code = String(output['__type'] ?? 'InternalServerError').replace(/^.*#/, '');
  return new AwsError(code, String(output['message'] ?? output['Message'] ?? code), status);
}
