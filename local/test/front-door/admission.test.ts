import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { DescribeInstancesCommand, EC2Client } from '@aws-sdk/client-ec2';
import { LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClientConfig, startTestCloud, type TestCloud } from '../support/cloud.ts';
import { send } from '../support/http.ts';
import { presigned, signedFetch } from '../support/sigv4.ts';

const ROLE = 'arn:aws:iam::000000000000:role/worker';
const MINUTE_MS = 60_000;
const HEALTH = { path: '/_mayfly/health', method: 'GET' };
let cloud: TestCloud;

beforeAll(async () => {
  cloud = await startTestCloud();
  await cloud.call('s3', 'CreateBucket', { Bucket: 'bucket' });
  await cloud.call('s3', 'PutObject', { Bucket: 'bucket', Key: 'a b/ü+1', Body: 'content' });
});
afterAll(() => cloud.close());

describe('a request of a web page is refused first', () => {
  const pages: [what: string, headers: Record<string, string>][] = [
    ['Origin of another site', { origin: 'https://example.com' }],
    ['Origin of a page that has none', { origin: 'null' }],
    ['Origin of another server of this machine', { origin: 'http://127.0.0.1:3000' }],
    ['Sec-Fetch-Site cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['Sec-Fetch-Site same-site', { 'sec-fetch-site': 'same-site' }],
    ['Host that resolves to this server', { host: 'rebound.example.com' }],
    ['Host that resolves to this server, with a port', { host: 'rebound.example.com:4566' }],
    ['Host of AWS', { host: 'sqs.us-east-1.amazonaws.com' }],
  ];

  test.each(pages)('%s', async (_, headers) => {
    const calls = (await cloud.calls()).length;
    const create = JSON.stringify({ FunctionName: 'evil', Runtime: 'nodejs24.x' });
    const simple = { 'content-type': 'text/plain', ...headers };
    for (const path of ['/2015-03-31/functions', '/_mayfly/faults', '/_mayfly/health', '/bucket/key']) {
      const answer = await send(cloud.endpoint, { path, body: create }, simple);
      expect(answer).toMatchObject({ status: 403, text: expect.stringContaining('The request came from') });
    }
    const made = (await cloud.calls()).slice(calls);
    expect(made.map(({ caller, error }) => ({ caller, error }))).toEqual(
      Array.from({ length: 4 }, () => ({ caller: 'unknown', error: 'AccessDenied' })),
    );
  });

  test('is refused also when it is signed', async () => {
    const answer = await signedFetch(cloud.endpoint, 'sqs', cloud.owner, {
      headers: { origin: 'https://example.com', 'x-amz-target': 'AmazonSQS.ListQueues' },
    });
    expect(answer.status).toBe(403);
  });

  test('is logged with its path only, as a presigned URL is a secret', async () => {
    const path = presigned(`${cloud.endpoint}/bucket/a%20b`, cloud.owner, 60);
    await send(cloud.endpoint, { path, method: 'GET' }, { origin: 'https://example.com' });
    expect((await cloud.calls()).at(-1)).toMatchObject({
      action: 'GET /bucket/a%20b',
      error: 'AccessDenied',
    });
  });

  test('a URL typed into the address bar is answered', async () => {
    const headers = { 'sec-fetch-site': 'none' };
    expect((await send(cloud.endpoint, HEALTH, headers)).status).toBe(200);
  });
});

/** The error codes of each protocol, for a client of the SDK. */
const CLIENTS: [service: string, call: (config: ClientConfig) => Promise<unknown>, names: string[]][] = [
  [
    'sqs',
    (config) => new SQSClient(config).send(new ListQueuesCommand({})),
    ['InvalidClientTokenId', 'SignatureDoesNotMatch'],
  ],
  [
    'dynamodb',
    (config) => new DynamoDBClient(config).send(new ListTablesCommand({})),
    ['UnrecognizedClientException', 'InvalidSignatureException'],
  ],
  [
    'sts',
    (config) => new STSClient(config).send(new GetCallerIdentityCommand({})),
    ['InvalidClientTokenId', 'SignatureDoesNotMatch'],
  ],
  [
    'ec2',
    (config) => new EC2Client(config).send(new DescribeInstancesCommand({})),
    ['AuthFailure', 'AuthFailure'],
  ],
  [
    'lambda',
    (config) => new LambdaClient(config).send(new ListFunctionsCommand({})),
    ['UnrecognizedClientException', 'InvalidSignatureException'],
  ],
  [
    's3',
    (config) => new S3Client(config).send(new ListBucketsCommand({})),
    ['InvalidAccessKeyId', 'SignatureDoesNotMatch'],
  ],
];

describe.each(CLIENTS)('a caller of %s', (_, call, [unknown, mismatch]) => {
  const as = (keys: Partial<ClientConfig['credentials']>, config = cloud.client) =>
    call({ ...config, credentials: { ...config.credentials, ...keys } });

  test("is the owner if it signs with the cloud's secret", async () => {
    await as({});
  });

  test('is unknown with another key, and refused with another secret', async () => {
    await expect(as({ accessKeyId: 'AKIATEST' })).rejects.toMatchObject({ name: unknown });
    await expect(as({ secretAccessKey: 'any' })).rejects.toMatchObject({ name: mismatch });
    expect((await cloud.calls()).at(-1)).toMatchObject({ caller: 'unknown' });
  });

  test("is refused with a session's key and token without its secret", async () => {
    const session = cloud.clientAs(ROLE, 'i-1');
    await expect(as({ secretAccessKey: 'any' }, session)).rejects.toMatchObject({ name: mismatch });
  });
});

describe('a request', () => {
  const target = { 'x-amz-target': 'AmazonSQS.ListQueues' };
  const sign = (request: object) => signedFetch(cloud.endpoint, 'sqs', cloud.owner, request);

  test.each([
    ['/', target, 'MissingAuthenticationToken'],
    ['/bucket/key', {}, '<Code>AccessDenied</Code>'],
    ['/?Action=ListQueues', {}, '<Code>MissingAuthenticationToken</Code>'],
  ])('without a signature is refused: %s', async (path, headers, code) => {
    const answer = await fetch(cloud.endpoint + path, { headers });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await answer.text()).toContain(code);
  });

  test.each([
    ['AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sqs/aws4_request', "no 'SignedHeaders'"],
    ['AWS4-HMAC-SHA256 SignedHeaders=host, Signature=0', "no 'Credential'"],
    ['AWS4-ECDSA-P256-SHA256 Credential=local/20260101/sqs/aws4_request', 'AWS4-ECDSA-P256-SHA256'],
    ['AWS local:c2lnbmVk', "'AWS'"],
  ])('with an invalid signature is refused with what is missing: %s', async (authorization, words) => {
    const headers = { ...target, authorization, 'x-amz-date': '20260101T000000Z' };
    const answer = await send(cloud.endpoint, {}, headers);
    expect(answer).toMatchObject({ status: 400, text: expect.stringContaining(words) });
  });

  test('whose body was not the signed one is refused', async () => {
    const body = '{"QueueNamePrefix":"a"}';
    const headers: Record<string, string> = {};
    const capture = createServer((socket) => {
      socket.once('data', (bytes) => {
        for (const line of bytes.toString('latin1').split('\r\n').slice(1)) {
          const at = line.indexOf(': ');
          if (at > 0) headers[line.slice(0, at).toLowerCase()] = line.slice(at + 2);
        }
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      });
    }).listen(0, '127.0.0.1');
    await once(capture, 'listening');
    const { port: at } = capture.address() as AddressInfo;
    await signedFetch(`http://127.0.0.1:${at}`, 'sqs', cloud.owner, { headers: target, body });
    capture.close();
    const same = await send(cloud.endpoint, { body }, headers);
    expect(same.status).toBe(200);
    const other = await send(cloud.endpoint, { body: body.replace('a', 'b') }, headers);
    expect(other).toMatchObject({ status: 403, text: expect.stringContaining('does not match') });
  });

  test.each([
    [-6, 403],
    [6, 403],
    [-4, 200],
    [4, 200],
  ])('signed %i minutes from now is answered with %i', async (minutes, status) => {
    const answer = await sign({ headers: target, atMs: Date.now() + minutes * MINUTE_MS });
    expect(answer.status).toBe(status);
  });
});

describe('a presigned URL', () => {
  const url = () => `${cloud.endpoint}/bucket/a%20b/%C3%BC%2B1`;

  test('gives access to its object without keys', async () => {
    const answer = await fetch(presigned(url(), cloud.owner, 60));
    expect(await answer.text()).toBe('content');
  });

  test('gives no access to other objects, nor after it has expired', async () => {
    const good = presigned(url(), cloud.owner, 60);
    expect((await fetch(good.replace('/a%20b/', '/c/'))).status).toBe(403);
    expect((await fetch(good.replace('X-Amz-Expires=60', 'X-Amz-Expires=600'))).status).toBe(403);
    const old = await fetch(presigned(url(), cloud.owner, 60, Date.now() - 2 * MINUTE_MS));
    expect(old.status).toBe(403);
    expect(await old.text()).toContain('Request has expired');
  });
});

describe('a connection from a network of instances', () => {
  let proxy: ReturnType<typeof createServer>;
  let port: number;

  beforeAll(async () => {
    proxy = createServer((socket) => cloud.context.acceptFromInstance(socket)).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    ({ port } = proxy.address() as AddressInfo);
  });
  afterAll(() => proxy.close());

  const throughProxy = ({ credentials }: ClientConfig) => {
    const client = new STSClient({ ...cloud.client, endpoint: `http://127.0.0.1:${port}`, credentials });
    return client.send(new GetCallerIdentityCommand({})).finally(() => client.destroy());
  };

  test('acts as the role that signed, never as the owner', async () => {
    const { Arn } = await throughProxy(cloud.clientAs(ROLE, 'i-1'));
    expect(Arn).toMatch(/:assumed-role\/worker\/i-1$/);
    await expect(throughProxy(cloud.client)).rejects.toMatchObject({ name: 'InvalidClientTokenId' });
  });

  test('cannot set faults, and can read the health', async () => {
    const faults = await signedFetch(`http://127.0.0.1:${port}/_mayfly/faults`, 'mayfly', cloud.owner, {
      body: '{"effect":{"kind":"throttle"}}',
    });
    expect(faults.status).toBe(403);
    expect(cloud.faults.list()).toEqual([]);
    const names = { host: '198.18.0.1:4566' };
    expect((await send(`http://127.0.0.1:${port}`, HEALTH, names)).status).toBe(200);
    expect((await send(cloud.endpoint, HEALTH, names)).status).toBe(403);
  });

  test('cannot set faults with a role either', async () => {
    const { credentials } = cloud.clientAs(ROLE, 'i-1');
    const answer = await signedFetch(`http://127.0.0.1:${port}/_mayfly/faults`, 'mayfly', credentials, {
      body: '{"effect":{"kind":"throttle"}}',
      ...(credentials.sessionToken && { token: credentials.sessionToken }),
    });
    expect(await answer.json()).toEqual({ error: 'Only the owner may set faults.' });
  });
});
