import { App, Stack } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import {
  CfnRoute,
  InterfaceVpcEndpointAwsService,
  IpProtocol,
  type IVpc,
  RouterType,
  type Subnet,
  type SubnetConfiguration,
  type SubnetSelection,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { DISABLE_ASSET_STAGING_CONTEXT } from 'aws-cdk-lib/cx-api';
import { describe, expect, it } from 'vitest';
import { WorkerFleet } from '../../../infra/worker-fleet.ts';

const PUBLIC: SubnetConfiguration = { name: 'Public', subnetType: SubnetType.PUBLIC };
const PRIVATE: SubnetConfiguration = { name: 'Private', subnetType: SubnetType.PRIVATE_WITH_EGRESS };
const ISOLATED: SubnetConfiguration = { name: 'Isolated', subnetType: SubnetType.PRIVATE_ISOLATED };
const env = { account: '123456789012', region: 'eu-west-1' };

const own =
  (...subnetConfiguration: SubnetConfiguration[]) =>
  (stack: Stack): IVpc =>
    new Vpc(stack, 'Own', { natGateways: 1, maxAzs: 2, subnetConfiguration }) as IVpc;

/** A VPC whose isolated subnets have a route to somewhere, by `route`. */
const routed = (route: (subnet: Subnet, stack: Stack) => void) => (stack: Stack) => {
  const vpc = own(PUBLIC, ISOLATED)(stack);
  for (const subnet of vpc.isolatedSubnets) route(subnet as Subnet, stack);
  return vpc;
};

const toTransitGateway = { routerType: RouterType.TRANSIT_GATEWAY, routerId: 'tgw-1' };

const known =
  (subnets: Partial<Record<'publicSubnetIds' | 'privateSubnetIds' | 'isolatedSubnetIds', string[]>>) =>
  (stack: Stack): IVpc =>
    Vpc.fromVpcAttributes(stack, 'Own', { vpcId: 'vpc-1', availabilityZones: ['eu-west-1a'], ...subnets });

/** The error of a synth of a fleet in that VPC, or its warnings of the network. */
function saidOf(vpcOf: (stack: Stack) => IVpc, vpcSubnets?: SubnetSelection): string {
  const app = new App({ context: { [DISABLE_ASSET_STAGING_CONTEXT]: true } });
  const stack = new Stack(app, 'Test', { env });
  const vpc = vpcOf(stack);
  new WorkerFleet(stack, 'Fleet', { vpc, ...(vpcSubnets && { vpcSubnets }) });
  try {
    const warnings = Annotations.fromStack(stack).findWarning('*', Match.stringLikeRegexp('mayfly:'));
    return warnings.map(({ id, entry }) => `${id}: ${entry.data}`).join('\n');
  } catch (error) {
    return (error as Error).message;
  }
}

const isolated = { subnetType: SubnetType.PRIVATE_ISOLATED };
const inPublic = { subnetType: SubnetType.PUBLIC };

describe('a VPC of the app', () => {
  it.each<[string, (stack: Stack) => IVpc, SubnetSelection | undefined, RegExp]>([
    ['with a NAT gateway', own(PUBLIC, PRIVATE), undefined, /^$/],
    ['whose public subnets are selected', own(PUBLIC, ISOLATED), inPublic, /^$/],
    [
      'of which aws-cdk-lib takes the isolated subnets',
      own(PUBLIC, ISOLATED),
      undefined,
      /\[Test\/Fleet\] vpcSubnets selects subnets without outbound access by IPv4 \(Test\/Own\/IsolatedSubnet1, Test\/Own\/IsolatedSubnet2\): .* SubnetType.PUBLIC/,
    ],
    ['with a route to anywhere', routed((one) => one.addRoute('Out', toTransitGateway)), isolated, /^$/],
    [
      'with a route to anywhere that the stack made',
      routed(({ node, routeTable: { routeTableId } }, stack) => {
        const out = { destinationCidrBlock: '0.0.0.0/0', transitGatewayId: 'tgw-1' };
        new CfnRoute(stack, `Out${node.id}`, { routeTableId, ...out });
      }),
      isolated,
      /^$/,
    ],
    [
      'with a route to somewhere else',
      routed((one) => one.addRoute('Out', { ...toTransitGateway, destinationCidrBlock: '10.9.0.0/16' })),
      isolated,
      /without outbound access/,
    ],
    [
      'whose private subnets have outbound access by IPv6 only',
      (stack) =>
        new Vpc(stack, 'Own', {
          ...{ ipProtocol: IpProtocol.DUAL_STACK, natGateways: 0, maxAzs: 2 },
          subnetConfiguration: [PUBLIC, PRIVATE],
        }) as IVpc,
      undefined,
      /vpcSubnets selects subnets without outbound access by IPv4 \(Test\/Own\/PrivateSubnet1, /,
    ],
    [
      'with endpoints alone',
      (stack) => {
        const vpc = own(PUBLIC, ISOLATED)(stack);
        vpc.addInterfaceEndpoint('Sqs', { service: InterfaceVpcEndpointAwsService.SQS });
        return vpc;
      },
      isolated,
      /^\/Test\/Fleet: The subnets Test\/Own\/IsolatedSubnet1, .* endpoints of sqs, dynamodb, s3, .* \[ack: mayfly:subnetsWithoutWayOut\]$/,
    ],
    [
      'whose public subnets assign no public address',
      own({ ...PUBLIC, mapPublicIpOnLaunch: false }),
      inPublic,
      /the public subnets Test\/Own\/PublicSubnet1, Test\/Own\/PublicSubnet2 assign no public IPv4 addresses, .* mapPublicIpOnLaunch: true/,
    ],
  ])('%s: case %#', (_, vpcOf, selection, said) => {
    expect(saidOf(vpcOf, selection)).toMatch(said);
  });
});

describe('an imported VPC', () => {
  it.each<[string, (stack: Stack) => IVpc, SubnetSelection | undefined, RegExp]>([
    ['with private subnets', known({ privateSubnetIds: ['subnet-1'] }), undefined, /^$/],
    [
      'with public subnets, which may assign an address or not',
      known({ publicSubnetIds: ['subnet-1'] }),
      undefined,
      /^\/Test\/Fleet: Synth does not know whether the public subnets subnet-1 assign .* \[ack: mayfly:publicSubnetsMayGiveNoAddress\]$/,
    ],
    [
      'with isolated subnets, which may have endpoints or not',
      known({ isolatedSubnetIds: ['subnet-1'] }),
      undefined,
      /^\/Test\/Fleet: The subnets subnet-1 have no outbound access, .* \[ack: mayfly:subnetsWithoutWayOut\]$/,
    ],
    ['before it is looked up', (stack) => Vpc.fromLookup(stack, 'Own', { vpcName: 'main' }), inPublic, /^$/],
  ])('%s: case %#', (_, vpcOf, selection, said) => {
    expect(saidOf(vpcOf, selection)).toMatch(said);
  });
});
