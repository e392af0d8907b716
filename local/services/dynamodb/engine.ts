import { setTimeout as delay } from 'node:timers/promises';
import dynalite from 'dynalite';
import { text } from '../../front-door/read.ts';
import { AwsError, type Input } from '../../front-door/service.ts';
import { type HttpHandler, requestInProcess } from '../in-process.ts';

/** One DynamoDB call to dynalite. Rejects with `AwsError`. */
export type Dynalite = (action: string, input: Input) => Promise<Record<string, unknown>>;

export interface DynaliteSettings {
  /** How long dynalite takes to create, update or delete a table after its answer, in milliseconds. Default 0. */
  tableMs?: number;
}

/**
 * Starts dynalite, in memory and inside this process. Its server does not listen; requests are passed to its handler.
 * The creation, change or deletion of a table is complete when the call is answered.
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

/** The state of the table that is waited for before a call is answered. */
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

/** dynalite changes a table on a timer, after its answer. A caller that relies on the answer would come too early. */
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
