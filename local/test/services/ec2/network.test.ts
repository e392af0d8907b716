import {
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  CreateVpcEndpointCommand,
  DeleteVpcEndpointsCommand,
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeVpcEndpointsCommand,
  EC2Client,
  ModifySubnetAttributeCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestCloud, type TestCloud } from '../../support/cloud.ts';

let cloud: TestCloud;
let ec2: EC2Client;
let vpcs: string[];

beforeAll(async () => {
  cloud = await startTestCloud();
  ec2 = new EC2Client(cloud.client);
  const made = ['10.0.0.0/16', '10.1.0.0/16'].map((CidrBlock) =>
    ec2.send(new CreateVpcCommand({ CidrBlock })),
  );
  vpcs = (await Promise.all(made)).map(({ Vpc }) => Vpc?.VpcId ?? '');
});
afterAll(async () => {
  ec2.destroy();
  await cloud.close();
});

const inVpc = (index: number) => ({ Filters: [{ Name: 'vpc-id', Values: [vpcs[index] ?? ''] }] });

test('resources of a VPC are found by a filter', async () => {
  for (const VpcId of vpcs) await ec2.send(new CreateRouteTableCommand({ VpcId }));
  const { RouteTables = [] } = await ec2.send(new DescribeRouteTablesCommand(inVpc(1)));
  expect(RouteTables.map(({ VpcId }) => VpcId)).toEqual([vpcs[1]]);
});

test('a filter that is not implemented is refused by name', async () => {
  const Filters = [{ Name: 'route.state', Values: ['blackhole'] }];
  await expect(ec2.send(new DescribeRouteTablesCommand({ Filters }))).rejects.toMatchObject({
    name: 'InvalidParameterValue',
    message: expect.stringContaining("'route.state' is not implemented here"),
  });
});

test('a subnet shows whether it assigns public addresses', async () => {
  const { Subnet } = await ec2.send(new CreateSubnetCommand({ VpcId: vpcs[0], CidrBlock: '10.0.1.0/24' }));
  const { SubnetId = '' } = Subnet ?? {};
  const given = async () => {
    const { Subnets } = await ec2.send(new DescribeSubnetsCommand({ SubnetIds: [SubnetId] }));
    return Subnets?.[0]?.MapPublicIpOnLaunch;
  };
  for (const Value of [true, false]) {
    await ec2.send(new ModifySubnetAttributeCommand({ SubnetId, MapPublicIpOnLaunch: { Value } }));
    expect(await given()).toBe(Value);
  }
});

test('a VPC endpoint is shown until it is deleted', async () => {
  const ServiceName = 'com.amazonaws.us-east-1.sqs';
  const { VpcEndpoint } = await ec2.send(new CreateVpcEndpointCommand({ VpcId: vpcs[0], ServiceName }));
  const shown = async (index: number) => {
    const { VpcEndpoints = [] } = await ec2.send(new DescribeVpcEndpointsCommand(inVpc(index)));
    return VpcEndpoints.map((one) => one.ServiceName);
  };
  expect(await shown(0)).toEqual([ServiceName]);
  expect(await shown(1)).toEqual([]);
  const VpcEndpointIds = [VpcEndpoint?.VpcEndpointId ?? ''];
  await ec2.send(new DeleteVpcEndpointsCommand({ VpcEndpointIds }));
  expect(await shown(0)).toEqual([]);
});
