import { Fn, Validations } from 'aws-cdk-lib';
import {
  GatewayVpcEndpointAwsService,
  type ISecurityGroup,
  type IVpc,
  SecurityGroup,
  type SubnetSelection,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import type { FleetSettings } from '../props/settings.ts';
import { checkOutboundAccess } from './network-checks.ts';

export interface Network {
  vpc: IVpc;
  subnets: SubnetSelection;
  /** At least one. */
  securityGroups: readonly ISecurityGroup[];
}

type NetworkSettings = Pick<FleetSettings, 'vpc' | 'vpcSubnets' | 'securityGroups' | 'allowAllIpv6Outbound'>;

/** The network of the instances: the owner's VPC, or one of the fleet's own with outbound access and no inbound access. */
export function createNetwork(scope: Construct, settings: NetworkSettings): Network {
  const vpc = settings.vpc ?? (createVpc(scope) as IVpc);
  const subnets = settings.vpcSubnets ?? (settings.vpc ? {} : { subnetType: SubnetType.PUBLIC });
  checkOutboundAccess(scope, vpc, subnets);
  const securityGroups = settings.securityGroups ?? [
    createSecurityGroup(scope, vpc, settings.allowAllIpv6Outbound),
  ];
  return { vpc, subnets, securityGroups };
}

function createSecurityGroup(scope: Construct, vpc: IVpc, allowAllIpv6Outbound: boolean): SecurityGroup {
  return new SecurityGroup(scope, 'SecurityGroup', {
    vpc,
    description: 'Workers: out to anywhere, in from nowhere',
    allowAllOutbound: true,
    allowAllIpv6Outbound,
  });
}

/** Only public subnets: a NAT gateway is billed by the hour, also while the fleet has no instances. */
function createVpc(scope: Construct): Vpc {
  const vpc = new Vpc(scope, 'Vpc', {
    // With `env` aws-cdk-lib would look up the zones and take three. So the template is the same without it.
    availabilityZones: [0, 1].map((index) => Fn.select(index, Fn.getAzs())),
    natGateways: 0,
    subnetConfiguration: [{ name: 'Public', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: true }],
    // Nothing uses the default security group, and its restriction would add a custom resource with a Lambda function.
    restrictDefaultSecurityGroup: false,
    gatewayEndpoints: {
      S3: { service: GatewayVpcEndpointAwsService.S3 },
      DynamoDB: { service: GatewayVpcEndpointAwsService.DYNAMODB },
    },
  });
  Validations.of(vpc).acknowledge({
    id: 'AwsSolutions-VPC7',
    reason:
      'Nothing listens in this VPC and its security group has no inbound rule; flow logs would bill every job by ' +
      'the traffic that it causes. An owner who must have them passes a VPC that has them.',
  });
  return vpc;
}
