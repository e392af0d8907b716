import dynalite from 'dynalite';
import { AwsError, type Input } from '../../front-door/service.ts';
import { type HttpHandler, requestInProcess } from '../in-process.ts';

/** One DynamoDB call to dynalite. Rejects with `AwsError`. */
export type Dynalite = (action: string, input: Input) => Promise<Record<string, unknown>>;

/**
 * dynalite, in memory and inside this process: its server never listens, but is handed requests as if it did. Tables
 * are there as soon as they are made.
 */
export function startDynalite(): Dynalite {
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  const handler: HttpHandler = (request, response) => server.emit('request', request, response);
  return async (action, input) => {
    const headers = headersFor(action);
    const body = JSON.stringify(input);
    const answer = await requestInProcess(handler, { method: 'POST', url: '/', headers, body });
    const output = JSON.parse(answer.body.toString('utf8')) as Record<string, unknown>;
    if (answer.status < 400) return output;
    throw asAwsError(output, answer.status);
  };
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
