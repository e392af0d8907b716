import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-files.ts';
import { checkSignature, type Received } from '../../local/test/support/sigv4.ts';
import { FakeMachine } from '../support/fake-machine.ts';

const CURL = '/usr/bin/curl';
const missing = spawnSync(CURL, ['--version']).error !== undefined;

const SECRET = 'SE/CRET+';
const TOKEN = 'T/O+KEN==';
const METADATA: Record<string, string> = {
  'placement/region': 'eu-central-1',
  'services/domain': 'amazonaws.com',
  'instance-id': 'i-1',
  'tags/instance/aws:autoscaling:groupName': 'group',
  'iam/security-credentials/': 'role',
  'iam/security-credentials/role': JSON.stringify({
    AccessKeyId: 'KEY',
    SecretAccessKey: SECRET,
    Token: TOKEN,
  }),
};

/** The requests to AWS, in order. */
let received: Received[];
let machine: FakeMachine;
const server = createServer(async (request, response) => {
  const { url = '' } = request;
  const body = await bodyOf(request);
  if (url.startsWith('/latest/'))
    return void response.end(METADATA[url.replace('/latest/meta-data/', '')] ?? 'token');
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  );
  received.push({ method: request.method ?? '', url, headers, body });
  response.end();
});

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});
beforeEach(() => {
  received = [];
  machine = new FakeMachine();
});
afterEach(() => machine.remove());

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Runs shell commands with the curl of this machine. AWS and the instance metadata are the test's server. */
async function run(lines: string) {
  const here = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  machine.put(
    '/lines',
    `AWS_ENDPOINT_URL=${here}\nAWS_EC2_METADATA_SERVICE_ENDPOINT=${here}\n${lines.replaceAll('ROOT', '$MAYFLY_ROOT')}\n`,
  );
  const agent = { ActiveState: 'failed', Result: 'exit-code', ExecMainStatus: 1, NRestarts: 5 };
  return machine.run('/lines', { agent, programs: { curl: `exec ${CURL} "$@"` } });
}

test.for([
  [
    'of an instance that ends itself',
    '. ROOT/usr/local/sbin/mayfly-retire',
    ['s3', 'dynamodb', 'autoscaling', 'autoscaling', 'dynamodb', 'autoscaling'],
  ],
  [
    'of a boot that fetches its tree',
    '. ROOT/usr/local/lib/mayfly/aws.sh; locate; s3 assets/1a2b.zip --max-time 5 -o ROOT/tree.zip',
    ['s3'],
  ],
  [
    'of a boot that fetches the password of a vault',
    `. ROOT/usr/local/lib/mayfly/aws.sh; locate; . ${packageRoot}/ansible/prepare-setup.sh
parameter=/pictures/vault; fetch_vault_password`,
    ['ssm'],
  ],
] as const)(
  'the calls %s are signed as AWS wants it, the session token as well',
  async ([, lines, services], { skip }) => {
    if (missing) skip('needs curl (Debian: the package curl)');
    const { output } = await run(lines);
    const judged = received.map((request) => checkSignature(request, SECRET));
    expect(
      judged.map(({ service }) => service),
      output,
    ).toEqual(services);
    for (const [at, { given, right, region, signed }] of judged.entries()) {
      expect(given, `${received[at]?.method} ${received[at]?.url}`).toBe(right);
      expect(region).toBe('eu-central-1');
      expect(received[at]?.headers['x-amz-security-token']).toBe(TOKEN);
      const amazons = Object.keys(received[at]?.headers ?? {}).filter((name) => name.startsWith('x-amz-'));
      expect(signed).toEqual(expect.arrayContaining(['host', ...amazons]));
    }
  },
);
