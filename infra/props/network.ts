import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { type Check, flag, having, isObject, whole } from './checks.ts';
import type { PropRows } from './rows.ts';

/** The network of the instances, and the ways to reach them. */
export interface FleetNetworkProps {
  /**
   * VPC of the instances. They need outbound access to AWS's APIs and to the packages of their distribution, and no
   * inbound access. Synth refuses subnets of the app that have no outbound route. For subnets whose routes synth cannot
   * know it warns, until you call
   * `Annotations.of(fleet).acknowledgeWarning('mayfly:publicSubnetsMayGiveNoAddress')`. `mayfly doctor` checks the
   * subnets as they are deployed.
   *
   * @default - a VPC of its own with public subnets, no NAT gateway and no inbound rule
   */
  readonly vpc?: IVpc;
  /**
   * Subnets of the VPC in which instances are launched.
   *
   * @default - the public subnets of the fleet's own VPC; of a VPC of yours those that aws-cdk-lib prefers (private
   * with egress)
   */
  readonly vpcSubnets?: SubnetSelection;
  /**
   * Security groups of the instances, instead of the fleet's own: 1 to 5. They must allow outbound HTTPS. Source: an
   * interface has at most five security groups by default ("Amazon VPC quotas").
   *
   * @default - one of its own, which allows all outbound IPv4 traffic and no inbound traffic
   */
  readonly securityGroups?: ISecurityGroup[];
  /**
   * Whether the fleet's own security group also allows all outbound IPv6 traffic, for workers in dual-stack subnets of a
   * VPC of yours. The agent itself uses IPv4. Not allowed together with `securityGroups`.
   *
   * @default false
   */
  readonly allowAllIpv6Outbound?: boolean;
  /**
   * Most network hops that a response of the instance metadata service may take: 1 to 64. With 2 or more, containers on
   * the instance can read the metadata, and with it the credentials of the instances' role. Source:
   * "Configure the Instance Metadata Service options".
   *
   * @default 1
   */
  readonly hopLimit?: number;
  /**
   * Whether operators can open a session on the instances with AWS Systems Manager. The instances' role then has the AWS
   * managed policy `AmazonSSMManagedInstanceCore`, which also allows it to read the parameters of the account.
   *
   * @default false
   */
  readonly systemsManagerAccess?: boolean;
}

const isSecurityGroup = having('an ISecurityGroup', 'securityGroupId').test;

const securityGroups: Check = {
  allowed: 'a list of 1 to 5 ISecurityGroups',
  test: (value) => Array.isArray(value) && whole(1, 5).test(value.length) && value.every(isSecurityGroup),
};

export const networkRows = {
  vpc: { check: having('an IVpc', 'selectSubnets') },
  vpcSubnets: { check: { allowed: 'a SubnetSelection', test: isObject } },
  securityGroups: { check: securityGroups },
  allowAllIpv6Outbound: { check: flag, default: false },
  hopLimit: { check: whole(1, 64), default: 1 },
  systemsManagerAccess: { check: flag, default: false },
} satisfies PropRows<FleetNetworkProps>;
