import { describe, expect, onTestFinished, test } from 'vitest';
import { AwsClock } from '../../../aws/aws-clock.ts';
import type { NetworkState, SubnetState } from '../../../client/doctor/check-input.ts';
import { runChecks } from '../../../client/doctor/diagnose.ts';
import { readNetwork } from '../../../client/doctor/read-network.ts';
import { AccessDeniedError } from '../../../client/errors.ts';
import { startTestCloud } from '../../../local/test/support/cloud.ts';
import { fleet, healthy, network, subnet } from '../../support/healthy-facts.ts';

const ALL = ['sqs', 'dynamodb', 's3', 'autoscaling', 'sts'];
const ownOf = (changes: Partial<SubnetState>, endpoints: string[] = []): NetworkState => ({
  subnets: [{ ...subnet, endpoints: new Set(endpoints), ...changes }],
});
const findingsOf = (value: NetworkState) =>
  runChecks({ ...healthy, network: { value } }).findings.filter(({ check }) => check === 'network');

describe('subnets from which instances reach AWS', () => {
  test.each<[string, NetworkState, string]>([
    ['public ones that give addresses', network, '2 subnets, each of which reaches AWS'],
    ['a private one', ownOf({ defaultRoute: 'nat-1', givesAddress: false }), 'one subnet that reaches AWS'],
    ['one with all endpoints', ownOf({ defaultRoute: undefined }, ALL), 'one subnet that reaches AWS'],
  ])('%s are ok', (_, seen, text) => {
    expect(findingsOf(seen)).toEqual([{ check: 'network', status: 'ok', text }]);
  });
});

describe('a subnet from which no instance reaches AWS', () => {
  test.each<[string, NetworkState, string | RegExp, string | RegExp]>([
    [
      'has no route, and no endpoint for some services',
      ownOf({ defaultRoute: undefined }, ['s3', 'dynamodb']),
      'The subnet subnet-1 has no route to the Internet (0.0.0.0/0), and no endpoint for sqs, autoscaling: instances there cannot work.',
      /NAT gateway/,
    ],
    [
      'gives no address',
      ownOf({ givesAddress: false }),
      /^The subnet subnet-1 has an Internet gateway but gives instances no public address/,
      'aws ec2 modify-subnet-attribute --subnet-id subnet-1 --map-public-ip-on-launch --region us-east-1',
    ],
    [
      'has a route to a gateway that is gone',
      ownOf({ defaultRoute: 'nat-1', isBlackhole: true }),
      /^The default route of the subnet subnet-1 leads to nat-1, which is gone/,
      /existing NAT gateway/,
    ],
  ])('%s', (_, seen, text, advice) => {
    const [finding, ...others] = findingsOf(seen);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ status: 'bad' });
    expect(finding?.text).toEqual(typeof text === 'string' ? text : expect.stringMatching(text));
    expect(finding?.advice).toEqual(typeof advice === 'string' ? advice : expect.stringMatching(advice));
  });
});

test('warns if only the endpoint for STS is missing: workers get no credentials, which they may not need', () => {
  const endpoints = ALL.filter((service) => service !== 'sts');
  const [finding] = findingsOf(ownOf({ defaultRoute: undefined }, endpoints));
  expect(finding).toMatchObject({
    status: 'warn',
    text: expect.stringContaining('no endpoint for sts: workers'),
  });
});

test('for the secrets of workers their services are needed too, and STS', () => {
  const withSecrets = { ...healthy, fleet: { ...fleet, secretServices: ['secretsmanager', 'ssm'] } };
  const findings = (...endpoints: string[]) => {
    const value = ownOf({ defaultRoute: undefined }, endpoints);
    const all = runChecks({ ...withSecrets, network: { value } }).findings;
    return all.filter(({ check }) => check === 'network');
  };
  const [missing] = findings('sqs', 'dynamodb', 's3', 'autoscaling', 'ssm');
  expect(missing).toMatchObject({
    status: 'bad',
    text: expect.stringContaining('no endpoint for sts, secretsmanager: instances'),
  });
  expect(findings(...ALL, 'ssm', 'secretsmanager')).toMatchObject([{ status: 'ok' }]);
});

test('reports a network that may not be read', () => {
  const error = new AccessDeniedError('AWS does not let these credentials use it.');
  const { findings } = runChecks({ ...healthy, network: { error } });
  expect(findings.filter(({ check }) => check === 'network')).toEqual([
    { check: 'network', status: 'warn', text: `Could not be read. ${error.message}` },
  ]);
});

test('a gateway endpoint serves the subnets of its route tables, and an interface endpoint all', async () => {
  const cloud = await startTestCloud();
  onTestFinished(() => cloud.close());
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_ACCESS_KEY_ID: cloud.owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: cloud.owner.secretAccessKey,
  });
  const made = async (what: string, input: Record<string, unknown>) =>
    (await cloud.call('ec2', `Create${what}`, input))[what] as Record<string, string>;
  const { VpcId } = await made('Vpc', { CidrBlock: '10.0.0.0/16' });
  const subnets = await Promise.all(
    ['10.0.0.0/24', '10.0.1.0/24'].map(async (CidrBlock) => {
      const { SubnetId = '' } = await made('Subnet', { VpcId, CidrBlock });
      const { RouteTableId } = await made('RouteTable', { VpcId });
      await cloud.call('ec2', 'AssociateRouteTable', { SubnetId, RouteTableId });
      return { SubnetId, RouteTableId };
    }),
  );
  const endpoint = (service: string, more: Record<string, unknown>) =>
    made('VpcEndpoint', { VpcId, ServiceName: `com.amazonaws.us-east-1.${service}`, ...more });
  await endpoint('s3', { VpcEndpointType: 'Gateway', RouteTableIds: [subnets[0]?.RouteTableId] });
  await endpoint('sqs', { VpcEndpointType: 'Interface' });

  const context = { facts: fleet, clock: new AwsClock() };
  const ids = subnets.map(({ SubnetId }) => SubnetId);
  expect(await readNetwork(context, ids)).toMatchObject({
    subnets: [
      { id: ids[0], endpoints: new Set(['s3', 'sqs']) },
      { id: ids[1], endpoints: new Set(['sqs']) },
    ],
  });
});
