import { Validations } from 'aws-cdk-lib';
import {
  GatewayVpcEndpointAwsService,
  type IVpc,
  SecurityGroup,
  type SubnetSelection,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';

export interface Network {
  vpc: IVpc;
  subnets: SubnetSelection;
  securityGroup: SecurityGroup;
}

/** Where instances run: the owner's VPC or one of the fleet's own, with a way out and none in. */
export function network(scope: Construct, given?: IVpc, subnets?: SubnetSelection): Network {
  const vpc = given ?? (ownVpc(scope) as IVpc);
  const securityGroup = new SecurityGroup(scope, 'SecurityGroup', {
    vpc,
    description: 'Workers: out to anywhere, in from nowhere',
    allowAllOutbound: true,
  });
  return { vpc, subnets: subnets ?? (given ? {} : { subnetType: SubnetType.PUBLIC }), securityGroup };
}

/** Public subnets alone: a NAT gateway is billed by the hour, also while a fleet sleeps. */
function ownVpc(scope: Construct): Vpc {
  const vpc = new Vpc(scope, 'Vpc', {
    natGateways: 0,
    subnetConfiguration: [{ name: 'Public', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: true }],
    // Nothing uses it, and emptying it takes a custom resource with a function of its own.
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
