import { DescribeInstancesCommand, EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { InstanceSpec } from '../../instances/launcher.ts';
import { createProcessLauncher } from '../../instances/process-launcher.ts';
import type { Ec2Instance } from '../../services/ec2/ec2-instance.ts';
import { startTestCloud, type TestCloud } from '../support/cloud.ts';
import { send } from '../support/http.ts';

let cloud: TestCloud;
let ec2: EC2Client;
let specs: InstanceSpec[];
beforeEach(async () => {
  specs = [];
  const launcher = createProcessLauncher();
  cloud = await startTestCloud({
    launcher: {
      launch: (spec) => {
        specs.push(spec);
        return launcher.launch(spec);
      },
    },
  });
  ec2 = new EC2Client(cloud.client);
});
afterEach(async () => {
  ec2.destroy();
  await cloud.close();
});

interface Options {
  HttpTokens?: 'optional' | 'required';
  InstanceMetadataTags?: 'enabled' | 'disabled';
  HttpEndpoint?: 'enabled' | 'disabled';
}

async function launch(MetadataOptions: Options = { HttpTokens: 'required' }, profile?: string) {
  const { Instances } = await ec2.send(
    new RunInstancesCommand({
      ...{ ImageId: 'ami-1', MinCount: 1, MaxCount: 1, InstanceType: 'c7g.large', MetadataOptions },
      UserData: Buffer.from('#!/bin/sh\n').toString('base64'),
      ...(profile ? { IamInstanceProfile: { Name: profile } } : {}),
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'Name', Value: 'one' }] }],
    }),
  );
  const machine = cloud.instances.get(Instances?.[0]?.InstanceId ?? '');
  const endpoint = () => specs.find((spec) => spec.instanceId === machine.id)?.metadataEndpoint;
  await expect.poll(endpoint).toBeDefined();
  return { machine, endpoint: endpoint() ?? '' };
}

const put = (endpoint: string, ttl: string, headers = {}) =>
  fetch(`${endpoint}/latest/api/token`, {
    method: 'PUT',
    headers: { 'x-aws-ec2-metadata-token-ttl-seconds': ttl, ...headers },
  });

/** Reads with version 2 of the service. */
async function read(endpoint: string, path: string): Promise<string> {
  const token = await (await put(endpoint, '60')).text();
  const headers = { 'x-aws-ec2-metadata-token': token };
  const response = await fetch(`${endpoint}/latest/${path}`, { headers });
  return response.ok ? response.text() : String(response.status);
}

describe('tokens', () => {
  test.each(['0', '21601', 'soon', ''])('a time to live of %j is refused', async (ttl) => {
    const { endpoint } = await launch();
    expect((await put(endpoint, ttl)).status).toBe(400);
  });

  test('are not given to a proxy', async () => {
    const { endpoint } = await launch();
    expect((await put(endpoint, '60', { 'x-forwarded-for': '10.0.0.1' })).status).toBe(403);
  });

  test('are not given to a web page, whatever its host name', async () => {
    const { endpoint } = await launch();
    expect((await put(endpoint, '60', { origin: 'http://127.0.0.1:3000' })).status).toBe(403);
    const rebound = await send(
      endpoint,
      { path: '/latest/api/token', method: 'PUT' },
      { host: 'example.com' },
    );
    expect(rebound.status).toBe(403);
  });

  test.each([
    ['required', undefined, 401],
    ['required', 'made-up', 401],
    ['optional', undefined, 200],
    ['optional', 'made-up', 401],
  ] as const)('if they are %s, a GET with %s answers %d', async (HttpTokens, token, status) => {
    const { endpoint } = await launch({ HttpTokens });
    const headers: Record<string, string> = token ? { 'x-aws-ec2-metadata-token': token } : {};
    expect((await fetch(`${endpoint}/latest/meta-data/instance-id`, { headers })).status).toBe(status);
  });

  test('nothing is served if the endpoint is disabled', async () => {
    const { endpoint } = await launch({ HttpEndpoint: 'disabled' });
    expect((await put(endpoint, '60')).status).toBe(403);
  });
});

test('an instance reads its identity', async () => {
  const { machine, endpoint } = await launch();
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [machine.id] }));
  const described = Reservations?.[0]?.Instances?.[0];
  expect(await read(endpoint, 'meta-data/instance-id')).toBe(machine.id);
  expect(await read(endpoint, 'meta-data/instance-type')).toBe('c7g.large');
  expect(await read(endpoint, 'meta-data/ami-id')).toBe('ami-1');
  expect(await read(endpoint, 'meta-data/local-ipv4')).toBe(described?.PrivateIpAddress);
  expect(await read(endpoint, 'meta-data/hostname')).toBe(described?.PrivateDnsName);
  expect(await read(endpoint, 'meta-data/placement/')).toBe(
    'availability-zone\navailability-zone-id\nregion',
  );
  expect(await read(endpoint, 'meta-data/placement/region')).toBe('us-east-1');
  expect(await read(endpoint, 'user-data')).toBe('#!/bin/sh\n');
  expect(JSON.parse(await read(endpoint, 'dynamic/instance-identity/document'))).toMatchObject({
    instanceId: machine.id,
    accountId: '000000000000',
    architecture: 'arm64',
    region: 'us-east-1',
    pendingTime: described?.LaunchTime?.toISOString().replace('.000Z', 'Z') ?? '',
  });
});

/** "Instance metadata categories": those that every instance has, however it was launched. */
const ALWAYS = [
  ...[
    'ami-id',
    'ami-launch-index',
    'ami-manifest-path',
    'block-device-mapping/ami',
    'block-device-mapping/root',
  ],
  ...[
    'events/maintenance/history',
    'events/maintenance/scheduled',
    'hostname',
    'instance-action',
    'instance-id',
  ],
  ...[
    'instance-life-cycle',
    'instance-type',
    'local-hostname',
    'local-ipv4',
    'mac',
    'placement/availability-zone',
  ],
  ...['placement/availability-zone-id', 'placement/region', 'profile', 'reservation-id', 'security-groups'],
  ...['services/domain', 'services/partition', 'system'],
];
const ALWAYS_OF_AN_INTERFACE = [
  ...[
    'device-number',
    'interface-id',
    'local-hostname',
    'local-ipv4s',
    'mac',
    'owner-id',
    'security-group-ids',
  ],
  ...['security-groups', 'subnet-id', 'subnet-ipv4-cidr-block', 'vpc-id', 'vpc-ipv4-cidr-block'],
  'vpc-ipv4-cidr-blocks',
];

test('an instance finds every category that instances always have', async () => {
  const { machine, endpoint } = await launch();
  const mac = await read(endpoint, 'meta-data/mac');
  const below = (folder: string, names: string[]) => names.map((name) => `meta-data/${folder}${name}`);
  const folder = `network/interfaces/macs/${mac}/`;
  for (const path of [...below('', ALWAYS), ...below(folder, ALWAYS_OF_AN_INTERFACE)]) {
    expect(await read(endpoint, path), path).not.toMatch(/^(404|undefined)?$/);
  }
  expect(await read(endpoint, 'meta-data/placement/availability-zone-id')).toBe('use1-az1');
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [machine.id] }));
  expect(await read(endpoint, 'meta-data/reservation-id')).toBe(Reservations?.[0]?.ReservationId);
  expect(await read(endpoint, 'meta-data/public-ipv4')).toBe('404');
});

test.each([
  'meta-data/nothing',
  'nothing',
  'meta-data/iam/info',
  'meta-data/%zz',
  'meta-data/tags/instance/Name',
])('%s is not found', async (path) => {
  const { endpoint } = await launch();
  expect(await read(endpoint, path)).toBe('404');
});

test('tags exist if the launch asks for them', async () => {
  const { endpoint } = await launch({ InstanceMetadataTags: 'enabled' });
  expect(await read(endpoint, 'meta-data/tags/instance/')).toBe('Name');
  expect(await read(endpoint, 'meta-data/tags/instance/Name')).toBe('one');
});

test('the role’s credentials belong to a session with the instance’s name', async () => {
  await cloud.call('iam', 'CreateRole', {
    RoleName: 'workers',
    AssumeRolePolicyDocument: '{"Statement":[]}',
  });
  const Statement = { Effect: 'Allow', Action: 'sts:GetCallerIdentity', Resource: '*' };
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await cloud.call('iam', 'PutRolePolicy', { RoleName: 'workers', PolicyName: 'ask', PolicyDocument });
  await cloud.call('iam', 'CreateInstanceProfile', { InstanceProfileName: 'profile' });
  const both = { InstanceProfileName: 'profile', RoleName: 'workers' };
  await cloud.call('iam', 'AddRoleToInstanceProfile', both);
  const { machine, endpoint } = await launch({ HttpTokens: 'required' }, 'profile');
  expect(await read(endpoint, 'meta-data/iam/security-credentials/')).toBe('workers');
  const keys = JSON.parse(await read(endpoint, 'meta-data/iam/security-credentials/workers'));
  expect(keys).toMatchObject({ Code: 'Success', Type: 'AWS-HMAC' });
  const credentials = {
    accessKeyId: keys.AccessKeyId,
    secretAccessKey: keys.SecretAccessKey,
    sessionToken: keys.Token,
  };
  const sts = new STSClient({ ...cloud.client, credentials });
  const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
  expect(Arn).toBe(`arn:aws:sts::000000000000:assumed-role/workers/${machine.id}`);
  sts.destroy();
});

describe('notices', () => {
  const ABSENT = '404';
  const ask = (endpoint: string) =>
    Promise.all([
      read(endpoint, 'meta-data/spot/instance-action'),
      read(endpoint, 'meta-data/events/recommendations/rebalance'),
      read(endpoint, 'meta-data/autoscaling/target-lifecycle-state'),
    ]);

  test('are absent until AWS sends them', async () => {
    const { endpoint } = await launch();
    expect(await ask(endpoint)).toEqual([ABSENT, ABSENT, ABSENT]);
  });

  test('of a Spot interruption come two minutes before it', async () => {
    const { machine, endpoint } = await launch();
    cloud.instances.recommendRebalance(machine);
    cloud.instances.interruptSpot(machine);
    const [action = '', rebalance = ''] = await ask(endpoint);
    const ahead = Date.parse(JSON.parse(action).time) - Date.now();
    expect(JSON.parse(action).action).toBe('terminate');
    expect(ahead).toBeGreaterThan(110_000);
    expect(ahead).toBeLessThanOrEqual(120_000);
    expect(Date.parse(JSON.parse(rebalance).noticeTime)).toBeLessThanOrEqual(Date.now());
  });
});

test('the service ends with its instance', async () => {
  const { machine, endpoint } = await launch();
  await end(machine);
  await expect(put(endpoint, '60')).rejects.toThrow('fetch failed');
});

const end = (machine: Ec2Instance) => cloud.instances.destroy(machine);
