/**
 * Serves queues and buckets (fauxqs) and tables (dynalite) on one port, in a process of its own, so that the load does not
 * affect the contender's core. Counts calls by name. `stage.ts` forks it. Its first message is its port.
 */
import { createServer, type IncomingMessage } from 'node:http';
import dynalite from 'dynalite';
import { buildApp } from 'fauxqs';

export type Counts = Record<string, number>;

let counts: Counts = {};
const queues = buildApp({ logger: false, host: 'localhost' });
await queues.ready();
const tables = dynalite({ createTableMs: 0 });

const server = createServer((request, response) => {
  if (request.url === '/counts') {
    response.end(JSON.stringify(counts));
    if (request.method === 'DELETE') counts = {};
    return;
  }
  const action = actionOf(request);
  counts[action] = (counts[action] ?? 0) + 1;
  if (action.startsWith('DynamoDB')) tables.emit('request', request, response);
  else queues.routing(request, response);
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(typeof address === 'object' ? address?.port : undefined);
});
process.once('disconnect', () => process.exit());

/** `AmazonSQS.ReceiveMessage`, `DynamoDB_20120810.UpdateItem`, `S3.PUT` */
function actionOf(request: IncomingMessage): string {
  const target = request.headers['x-amz-target'];
  return typeof target === 'string' ? target : `S3.${request.method}`;
}
