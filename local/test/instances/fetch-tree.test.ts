import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { fetchTree } from '../../instances/fetch-tree.ts';

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const CREDENTIALS = JSON.stringify({ AccessKeyId: 'KEY', SecretAccessKey: 'SECRET', Token: 'TOKEN' });
const metadata: RequestListener = (request, response) =>
  response.end(request.url?.endsWith('/role') ? CREDENTIALS : 'role');
const TREE = JSON.stringify({ bucket: 'assets', key: 'tree.zip' });

test.each<[string, RequestListener]>([
  ['whose request is never answered', () => {}],
  [
    'whose transfer stops in the middle',
    (_, response) => void response.writeHead(200, { 'content-length': 10 }).write('half'),
  ],
])('a tree %s fails with an error that says so', async (_, bucket) => {
  const spec = {
    awsEndpoint: await listen(bucket),
    metadataEndpoint: await listen(metadata),
    region: 'us-east-1',
  };
  const fetched = fetchTree(spec, TREE, '/nonexistent', new AbortController().signal, 300);
  await expect(fetched).rejects.toThrow('the tree was not fetched within 0.3 s');
});

test('a tree fails if the metadata service does not answer', async () => {
  const silent = await listen(() => {});
  const spec = { awsEndpoint: silent, metadataEndpoint: silent, region: 'us-east-1' };
  const fetched = fetchTree(spec, TREE, '/nonexistent', new AbortController().signal, 300);
  await expect(fetched).rejects.toThrow('the tree was not fetched within 0.3 s');
});
