import { Duration, Tags, Validations } from 'aws-cdk-lib';
import {
  AutoScalingGroup,
  GroupMetrics,
  type LaunchTemplateOverrides,
  OnDemandAllocationStrategy,
  SpotAllocationStrategy,
} from 'aws-cdk-lib/aws-autoscaling';
import {
  AmazonLinuxCpuType,
  EbsDeviceVolumeType,
  type IMachineImage,
  InstanceArchitecture,
  InstanceInitiatedShutdownBehavior,
  LaunchTemplate,
  LaunchTemplateHttpTokens,
  MachineImage,
  UserData,
} from 'aws-cdk-lib/aws-ec2';
import type { Role } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { FleetSettings } from '../props/settings.ts';
import type { Network } from './network.ts';

interface GroupOptions {
  fleetName: string;
  settings: FleetSettings;
  network: Network;
  role: Role;
  userData: string;
  machineImage: IMachineImage;
}

/** The launch template of the instances. */
export function createLaunchTemplate(scope: Construct, options: GroupOptions): LaunchTemplate {
  const { settings, network, role } = options;
  const [securityGroup, ...others] = network.securityGroups;
  const template = new LaunchTemplate(scope, 'LaunchTemplate', {
    machineImage: options.machineImage,
    // Auto Scaling checks the type of the template too, and a region may not offer each default type.
    ...(settings.usesDefaultTypes ? {} : { instanceType: getFirstType(settings) }),
    role,
    ...(securityGroup && { securityGroup }),
    userData: UserData.custom(options.userData),
    requireImdsv2: true,
    httpTokens: LaunchTemplateHttpTokens.REQUIRED,
    httpEndpoint: true,
    httpPutResponseHopLimit: settings.hopLimit,
    instanceMetadataTags: true,
    // The last step of a retirement is to power off. The instance must then be terminated, so that nothing is billed.
    instanceInitiatedShutdownBehavior: InstanceInitiatedShutdownBehavior.TERMINATE,
    blockDevices: [
      {
        deviceName: settings.rootVolume.deviceName,
        volume: {
          ebsDevice: {
            volumeType: EbsDeviceVolumeType.GP3,
            volumeSize: settings.rootVolume.size.toGibibytes(),
            encrypted: true,
            deleteOnTermination: true,
          },
        },
      },
    ],
  });
  for (const other of others) template.addSecurityGroup(other);
  return template;
}

/** A fleet without jobs has no instance. */
export const MIN_CAPACITY = 0;

/** The Auto Scaling group, from 0 to `maxCapacity` instances. Only its own instances reduce it. */
export function createGroup(
  scope: Construct,
  template: LaunchTemplate,
  options: GroupOptions,
): AutoScalingGroup {
  const { settings, network } = options;
  const asg = new AutoScalingGroup(scope, 'Group', {
    vpc: network.vpc,
    vpcSubnets: network.subnets,
    minCapacity: MIN_CAPACITY,
    maxCapacity: settings.maxCapacity,
    newInstancesProtectedFromScaleIn: true,
    defaultInstanceWarmup: Duration.seconds(settings.scaleOut.warmUpSeconds),
    groupMetrics: [GroupMetrics.all()],
    mixedInstancesPolicy: {
      launchTemplate: template,
      launchTemplateOverrides: makeOverrides(settings),
      instancesDistribution: {
        onDemandBaseCapacity: 0,
        onDemandPercentageAboveBaseCapacity: 100 - settings.spotShare,
        onDemandAllocationStrategy: settings.usesDefaultTypes
          ? OnDemandAllocationStrategy.LOWEST_PRICE
          : OnDemandAllocationStrategy.PRIORITIZED,
        spotAllocationStrategy: SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED,
      },
    },
  });
  Tags.of(asg).add('mayfly:fleet', options.fleetName);
  keepNetworkUntilDeleted(asg, network);
  Validations.of(asg).acknowledge(
    {
      id: 'AwsSolutions-AS3',
      reason:
        'Instances come and go with every burst of jobs, so a notification for each is noise. What needs a person ' +
        'has an alarm (the boot breaker), and each retirement leaves a record in the table.',
    },
    {
      id: 'AwsSolutions-EC26',
      reason:
        'The rule reads no group of several instance types. The template that all of them are launched from ' +
        'encrypts its only volume.',
    },
  );
  return asg;
}

/**
 * The types that the group may launch. A type by name fails the deployment in a region that does not offer it. The default
 * types are therefore requirements: `AllowedInstanceTypes` with families only filters what the region offers
 * ("InstanceRequirements"). For requirements the lowest price is the only strategy ("InstancesDistribution").
 */
function makeOverrides({ usesDefaultTypes, instanceTypes }: FleetSettings): LaunchTemplateOverrides[] {
  if (!usesDefaultTypes) return instanceTypes.map((instanceType) => ({ instanceType }));
  return [
    {
      instanceRequirements: {
        allowedInstanceTypes: instanceTypes.map((type) => String(type).replace(/\..*/, '.*')),
        vCpuCount: { min: 2, max: 2 },
        memoryMiB: { min: 8192, max: 8192 },
        burstablePerformance: 'included',
        // Price protection compares with all types of this size, also of Graviton. The list of types limits the price.
        onDemandMaxPricePercentageOverLowestPrice: NO_THRESHOLD,
        spotMaxPricePercentageOverLowestPrice: NO_THRESHOLD,
      },
    },
  ];
}

/** "To turn off price protection, specify a high value, such as 999999" ("InstanceRequirements"). */
const NO_THRESHOLD = 999_999;

/** When the stack is deleted, instances need the network until they have returned their jobs and are terminated. */
function keepNetworkUntilDeleted(asg: AutoScalingGroup, { vpc, subnets }: Network): void {
  asg.node.addDependency(vpc.selectSubnets(subnets).internetConnectivityEstablished);
}

function getFirstType(settings: FleetSettings) {
  const [first] = settings.instanceTypes;
  if (!first) throw new Error('a fleet has at least one instance type');
  return first;
}

/** The default machine image. */
export function getDefaultImage(settings: FleetSettings): IMachineImage {
  const arm = getFirstType(settings).architecture === InstanceArchitecture.ARM_64;
  return MachineImage.latestAmazonLinux2023({
    cpuType: arm ? AmazonLinuxCpuType.ARM_64 : AmazonLinuxCpuType.X86_64,
  });
}
