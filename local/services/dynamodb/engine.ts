import { EventEmitter } from 'node:events';
import dynalite from 'dynalite';
import { AwsError, type Input } from '../../front-door/service.ts';

/** One DynamoDB call to dynalite. Rejects with `AwsError`. */
export type Dynalite = (action: string, input: Input) => Promise<Record<string, unknown>>;

/**
 * dynalite, in memory and inside this process: its server never listens, but is handed requests as if it did. Tables
 * are there as soon as they are made.
 */
export function startDynalite(): Dynalite {
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  return (action, input) =>
    new Promise((resolve, reject) => {
      const request = Object.assign(new EventEmitter(), {
        method: 'POST',
        url: '/',
        headers: headersFor(action),
      });
      const response = {
        statusCode: 200,
        setHeader: () => {},
        end(body: string) {
          const output = JSON.parse(body) as Record<string, unknown>;
          if (response.statusCode < 400) resolve(output);
          else reject(asAwsError(output, response.statusCode));
        },
      };
      server.emit('request', request, response);
      request.emit('data', Buffer.from(JSON.stringify(input)));
      request.emit('end');
    });
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
