import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../aws/clock.ts';
import { findIdentity } from '../../aws/identity.ts';
import { createMetadata, MetadataError } from '../../aws/metadata.ts';
import { startMetadataService } from '../../local/instances/imds.ts';
import type { MetadataView } from '../../local/instances/metadata.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const view: MetadataView = {
  instanceId: 'i-0123456789abcdef0',
  instanceType: 't3.micro',
  imageId: 'ami-0123456789abcdef0',
  privateIp: '10.0.0.1',
  availabilityZone: 'eu-west-1b',
  region: 'eu-west-1',
  accountId: '000000000000',
  launchTime: new Date('2026-01-01T12:00:00Z'),
  lifecycle: 'spot',
  userData: undefined,
  reservationId: 'r-0123456789abcdef0',
  subnetId: undefined,
  instanceProfileArn: undefined,
  roleName: undefined,
  options: { httpEndpoint: 'enabled', httpTokens: 'required', instanceMetadataTags: 'enabled' },
  tags: () => new Map([['aws:autoscaling:groupName', 'fleet']]),
  credentials: () => {
    throw new Error('not asked for');
  },
  targetLifecycleState: () => 'InService',
  spotAction: () => undefined,
  rebalanceNotice: () => undefined,
};

async function serve(changes: Partial<MetadataView> = {}): Promise<NodeJS.ProcessEnv> {
  const service = await startMetadataService({ ...view, ...changes });
  closing.push(service.close);
  return { AWS_EC2_METADATA_SERVICE_ENDPOINT: service.endpoint };
}

/** A clock on which waiting takes no time. */
const hasty: Clock = { ...systemClock, sleep: async () => {} };

describe('identity', () => {
  test('of an instance in a group has all that its metadata says, read with version 2 only', async () => {
    expect(await findIdentity(await serve(), systemClock, false)).toEqual({
      instanceId: 'i-0123456789abcdef0',
      region: 'eu-west-1',
      availabilityZone: 'eu-west-1b',
      launchedAtMs: Date.parse('2026-01-01T12:00:00Z'),
      spot: true,
      groupName: 'fleet',
      metadata: expect.anything(),
    });
  });

  test('without tags in the metadata there is no group name', async () => {
    const options = { ...view.options, instanceMetadataTags: 'disabled' } as const;
    const identity = await findIdentity(await serve({ options, lifecycle: 'on-demand' }), systemClock, false);
    expect(identity).not.toHaveProperty('groupName');
    expect(identity.spot).toBe(false);
  });

  test.each([
    { name: 'switched off', env: { AWS_EC2_METADATA_DISABLED: 'TRUE' } },
    { name: 'nobody there', env: { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1' } },
  ])('$name: anonymous, each time by another name', async ({ env }) => {
    const [one, other] = [await findIdentity(env, hasty, false), await findIdentity(env, hasty, false)];
    expect(one.metadata).toBeUndefined();
    expect(one.instanceId).toMatch(/^host-.+-[0-9a-f]{8}$/);
    expect(one.instanceId).not.toBe(other.instanceId);
  });

  test('a member of a group is never anonymous: two minutes without an answer are an error', async () => {
    const waits: number[] = [];
    const clock: Clock = { ...systemClock, sleep: async (ms) => void waits.push(ms) };
    const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1' };
    await expect(findIdentity(env, clock, true)).rejects.toThrow(MetadataError);
    expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(100_000);
  });

  test('a service that refuses at first is asked again', async () => {
    const options = { ...view.options, httpEndpoint: 'disabled' as 'disabled' | 'enabled' };
    const env = await serve({ options });
    const clock = {
      ...systemClock,
      sleep: async () => {
        options.httpEndpoint = 'enabled';
      },
    };
    expect((await findIdentity(env, clock, false)).instanceId).toBe(view.instanceId);
  });
});

describe('metadata', () => {
  test('a missing value is undefined, and any other status is an error', async () => {
    const metadata = createMetadata(await serve(), systemClock);
    expect(await metadata?.get('meta-data/spot/instance-action')).toBeUndefined();
    const dead = createMetadata({ AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1' }, systemClock);
    await expect(dead?.get('meta-data/instance-id')).rejects.toThrow(/ECONNREFUSED/);
  });

  test('a token is kept until shortly before it expires, and renewed when it is refused', async () => {
    let tokens = 0;
    let revoked = 'token-0';
    const server = createServer((request, response) => {
      if (request.method === 'PUT') return response.end(`token-${++tokens}`);
      const refused = request.headers['x-aws-ec2-metadata-token'] === revoked;
      response.writeHead(refused ? 401 : 200).end('value');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(async () => server.close());
    let nowMs = 0;
    const clock = { ...systemClock, monotonic: () => nowMs };
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ignored`;
    const metadata = createMetadata({ AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint }, clock);
    await metadata?.get('a');
    await metadata?.get('b');
    expect(tokens).toBe(1);
    nowMs = 6 * 3600 * 1000;
    await metadata?.get('c');
    expect(tokens).toBe(2);
    revoked = 'token-2';
    expect(await metadata?.get('d')).toBe('value');
    expect(tokens).toBe(3);
  });
});
