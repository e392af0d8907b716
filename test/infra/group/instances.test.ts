import { App, Duration, type Environment, Size, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import {
  InstanceType,
  type IVpc,
  MachineImage,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { describe, expect, it } from 'vitest';
import { computeTerminationHeartbeatSeconds } from '../../../infra/group/hooks.ts';
import type { WorkerFleetProps } from '../../../infra/props/props.ts';
import { WorkerFleet } from '../../../infra/worker-fleet.ts';
import { onlyResource, type Resource, synthFleet, synthTemplate } from '../../support/synthesised.ts';

const template = synthTemplate();

describe('the launch template', () => {
  const data = (props: object) => ({ LaunchTemplateData: Match.objectLike(props) });

  it('requires IMDSv2 with one hop, and has tags in the metadata', () => {
    template.hasResourceProperties(
      'AWS::EC2::LaunchTemplate',
      data({
        MetadataOptions: {
          HttpEndpoint: 'enabled',
          HttpTokens: 'required',
          HttpPutResponseHopLimit: 1,
          InstanceMetadataTags: 'enabled',
        },
      }),
    );
  });

  it('terminates on shutdown, from an encrypted gp3 root', () => {
    template.hasResourceProperties(
      'AWS::EC2::LaunchTemplate',
      data({
        InstanceInitiatedShutdownBehavior: 'terminate',
        BlockDeviceMappings: [
          {
            DeviceName: '/dev/xvda',
            Ebs: { DeleteOnTermination: true, Encrypted: true, VolumeSize: 20, VolumeType: 'gp3' },
          },
        ],
      }),
    );
  });

  it('has the values of the props', () => {
    const told = synthTemplate({
      hopLimit: 2,
      rootVolume: { size: Size.gibibytes(100), deviceName: '/dev/sda1' },
      machineImage: MachineImage.genericLinux({ 'us-east-1': 'ami-0123456789abcdef0' }),
    });
    told.hasResourceProperties(
      'AWS::EC2::LaunchTemplate',
      data({
        MetadataOptions: Match.objectLike({ HttpPutResponseHopLimit: 2 }),
        BlockDeviceMappings: [
          { DeviceName: '/dev/sda1', Ebs: Match.objectLike({ VolumeSize: 100, Encrypted: true }) },
        ],
      }),
    );
  });

  it.each([
    ['m7g.large', 'arm64'],
    ['m7i.large', 'x86_64'],
  ])('of %s starts from Amazon Linux 2023 for %s', (type, architecture) => {
    const parameters = synthTemplate({ instanceTypes: [new InstanceType(type)] }).findParameters('*', {
      Default: Match.stringLikeRegexp(`al2023.*${architecture}$`),
    });
    expect(Object.keys(parameters)).toHaveLength(1);
  });
});

describe('the group', () => {
  const group = (props: object) => Match.objectLike(props);

  it('has sizes from 0 to a maximum, and leaves the desired capacity to its instances', () => {
    synthTemplate({ maxCapacity: 7 }).hasResourceProperties('AWS::AutoScaling::AutoScalingGroup', {
      MinSize: '0',
      MaxSize: '7',
      DesiredCapacity: Match.absent(),
    });
  });

  it('protects new instances from scale-in and has a default warm-up', () => {
    template.hasResourceProperties('AWS::AutoScaling::AutoScalingGroup', {
      NewInstancesProtectedFromScaleIn: true,
      DefaultInstanceWarmup: 300,
    });
  });

  it('launches several types, and the given share as Spot Instances', () => {
    const names = ['c7i.large', 'c6i.large'];
    const instanceTypes = names.map((name) => new InstanceType(name));
    synthTemplate({ spotShare: 75, instanceTypes }).hasResourceProperties(
      'AWS::AutoScaling::AutoScalingGroup',
      {
        MixedInstancesPolicy: group({
          InstancesDistribution: group({
            OnDemandBaseCapacity: 0,
            OnDemandPercentageAboveBaseCapacity: 25,
            OnDemandAllocationStrategy: 'prioritized',
            SpotAllocationStrategy: 'price-capacity-optimized',
          }),
          LaunchTemplate: group({ Overrides: names.map((InstanceType) => ({ InstanceType })) }),
        }),
      },
    );
  });

  it('launches by default any of three families that the region offers, at the lowest price', () => {
    template.hasResourceProperties('AWS::AutoScaling::AutoScalingGroup', {
      MixedInstancesPolicy: group({
        InstancesDistribution: group({ OnDemandAllocationStrategy: 'lowest-price' }),
        LaunchTemplate: group({
          Overrides: [
            {
              InstanceRequirements: {
                AllowedInstanceTypes: ['m7i-flex.*', 'm6i.*', 'm5.*'],
                BurstablePerformance: 'included',
                VCpuCount: { Min: 2, Max: 2 },
                MemoryMiB: { Min: 8192, Max: 8192 },
                OnDemandMaxPricePercentageOverLowestPrice: 999_999,
                SpotMaxPricePercentageOverLowestPrice: 999_999,
              },
            },
          ],
        }),
      }),
    });
    template.hasResourceProperties('AWS::EC2::LaunchTemplate', {
      LaunchTemplateData: Match.objectLike({ InstanceType: Match.absent() }),
    });
  });

  it('launches the version of the template that was deployed', () => {
    const { id } = onlyResource(template, 'AWS::EC2::LaunchTemplate');
    template.hasResourceProperties('AWS::AutoScaling::AutoScalingGroup', {
      MixedInstancesPolicy: group({
        LaunchTemplate: group({
          LaunchTemplateSpecification: {
            LaunchTemplateId: { Ref: id },
            Version: { 'Fn::GetAtt': [id, 'LatestVersionNumber'] },
          },
        }),
      }),
    });
  });

  it('has hooks that default to CONTINUE; that of the launch has the boot budget as its timeout', () => {
    const hooked = synthTemplate({ bootBudget: Duration.minutes(20) });
    hooked.resourceCountIs('AWS::AutoScaling::LifecycleHook', 2);
    hooked.hasResourceProperties('AWS::AutoScaling::LifecycleHook', {
      LifecycleHookName: 'launch',
      LifecycleTransition: 'autoscaling:EC2_INSTANCE_LAUNCHING',
      HeartbeatTimeout: 1200,
      DefaultResult: 'CONTINUE',
    });
    hooked.hasResourceProperties('AWS::AutoScaling::LifecycleHook', {
      LifecycleHookName: 'termination',
      LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
      DefaultResult: 'CONTINUE',
    });
  });
});

describe('the wait of a terminating instance', () => {
  it.each([
    ['short by default', { limitSeconds: 3600, graceSeconds: 10, reportSeconds: 60 }, 300],
    ['longer than two reports', { limitSeconds: 3600, graceSeconds: 10, reportSeconds: 600 }, 1800],
    [
      '100 of them cover a job of 12 hours, whatever the drain',
      { limitSeconds: 43_200, graceSeconds: 0, reportSeconds: 60 },
      864,
    ],
    ['what AWS allows', { limitSeconds: 3600, graceSeconds: 10, reportSeconds: 3600 }, 7200],
  ])('is %s', (_, settings, seconds) => {
    expect(computeTerminationHeartbeatSeconds(settings)).toBe(seconds);
  });
});

describe('the network', () => {
  it('has public subnets without NAT, and no inbound rule', () => {
    template.resourceCountIs('AWS::EC2::VPC', 1);
    template.resourceCountIs('AWS::EC2::NatGateway', 0);
    template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 0);
    template.hasResourceProperties('AWS::EC2::Subnet', { MapPublicIpOnLaunch: true });
    template.hasResourceProperties('AWS::EC2::SecurityGroup', { SecurityGroupIngress: Match.absent() });
    template.resourcePropertiesCountIs('AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Gateway' }, 2);
  });

  it('is the same with and without an account and region', () => {
    const networkOf = (env?: Environment) => {
      const stack = new Stack(new App(), 'Test', env && { env });
      new WorkerFleet(stack, 'Fleet');
      const resources = Object.entries(
        Template.fromStack(stack).toJSON()['Resources'] as Record<string, Resource>,
      );
      const parts = /^AWS::EC2::(VPC|Subnet|Route|RouteTable|SubnetRouteTableAssociation|InternetGateway)$/;
      return resources.filter(([, { Type }]) => parts.test(Type));
    };
    const anywhere = networkOf();
    expect(anywhere.filter(([, { Type }]) => Type === 'AWS::EC2::Subnet')).toHaveLength(2);
    expect(networkOf({ account: '123456789012', region: 'eu-west-1' })).toEqual(anywhere);
  });

  it("is the owner's VPC if one is given", () => {
    const { stack } = synthFleet();
    const vpc = new Vpc(stack, 'Own', { natGateways: 1 }) as IVpc;
    new WorkerFleet(stack, 'Second', { vpc, vpcSubnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS } });
    const found = Template.fromStack(stack);
    found.resourceCountIs('AWS::EC2::VPC', 2);
    found.hasResourceProperties('AWS::AutoScaling::AutoScalingGroup', {
      VPCZoneIdentifier: vpc.privateSubnets.map(({ subnetId }) => Stack.of(vpc).resolve(subnetId)),
    });
  });

  it('allows outbound IPv6 only if the owner says so', () => {
    const egressOf = (props: WorkerFleetProps) =>
      onlyResource(synthTemplate(props), 'AWS::EC2::SecurityGroup').resource.Properties[
        'SecurityGroupEgress'
      ];
    const v4 = expect.objectContaining({ CidrIp: '0.0.0.0/0', IpProtocol: '-1' });
    const v6 = expect.objectContaining({ CidrIpv6: '::/0', IpProtocol: '-1' });
    expect(egressOf({})).toEqual([v4]);
    expect(egressOf({ allowAllIpv6Outbound: true })).toEqual([v4, v6]);
  });

  it("has the owner's security groups if they are given, also for the build of the image", () => {
    const stack = new Stack(new App(), 'Test');
    const securityGroups = ['sg-1', 'sg-2'].map((id) => SecurityGroup.fromSecurityGroupId(stack, id, id));
    const fleet = new WorkerFleet(stack, 'Fleet', { securityGroups, bakedImage: true });
    fleet.connections.allowInternally(Port.tcp(2222), 'Workers of one job talk to each other');
    const own = Template.fromStack(stack);
    own.resourceCountIs('AWS::EC2::SecurityGroup', 0);
    own.hasResourceProperties('AWS::EC2::LaunchTemplate', {
      LaunchTemplateData: Match.objectLike({ SecurityGroupIds: ['sg-1', 'sg-2'] }),
    });
    own.hasResourceProperties('AWS::ImageBuilder::InfrastructureConfiguration', {
      SecurityGroupIds: ['sg-1', 'sg-2'],
    });
    own.hasResourceProperties('AWS::EC2::SecurityGroupIngress', { GroupId: 'sg-2', FromPort: 2222 });
  });

  it('gets rules through `connections`', () => {
    const { stack, fleet } = synthFleet();
    fleet.connections.allowInternally(Port.tcp(2222), 'Workers of one job talk to each other');
    Template.fromStack(stack).hasResourceProperties('AWS::EC2::SecurityGroupIngress', { FromPort: 2222 });
  });
});
