import {
  integer,
  optionalBoolean,
  optionalInteger,
  optionalStructure,
  optionalText,
  structures,
  text,
  texts,
} from '../../front-door/read.ts';
import { AwsError, type CloudContext, type Input } from '../../front-door/service.ts';
import { type Group, type LaunchSettings, type MixedInstances, TERMINATION_POLICIES } from './group.ts';
import { checkStrategy, typesAllowedBy } from './instance-requirements.ts';

/** The allowed input of CreateAutoScalingGroup and UpdateAutoScalingGroup. Anything else is refused. */
const KNOWN = new Set([
  'AutoScalingGroupName',
  'AvailabilityZoneDistribution',
  'AvailabilityZones',
  'CapacityRebalance',
  'DefaultCooldown',
  'DefaultInstanceWarmup',
  'DesiredCapacity',
  'DesiredCapacityType',
  'HealthCheckGracePeriod',
  'HealthCheckType',
  'LaunchTemplate',
  'LifecycleHookSpecificationList',
  'MaxSize',
  'MinSize',
  'MixedInstancesPolicy',
  'NewInstancesProtectedFromScaleIn',
  'ServiceLinkedRoleARN',
  'Tags',
  'TerminationPolicies',
  'VPCZoneIdentifier',
]);

/** @throws `ValidationError` that names what is not implemented here. */
export function refuseUnknown(input: Input): void {
  for (const [key, value] of Object.entries(input)) {
    if (value === undefined || KNOWN.has(key)) continue;
    throw new AwsError('ValidationError', `${key} of an Auto Scaling group is not implemented here.`);
  }
  const zones = optionalStructure(input, 'AvailabilityZoneDistribution') ?? {};
  refuseUnless('false', 'CapacityRebalance', String(optionalBoolean(input, 'CapacityRebalance') ?? false));
  refuseUnless('units', 'DesiredCapacityType', optionalText(input, 'DesiredCapacityType'));
  const strategy = 'CapacityDistributionStrategy';
  refuseUnless('balanced-best-effort', strategy, optionalText(zones, strategy));
}

/** Only the default is implemented here. */
function refuseUnless(only: string, key: string, given = only): void {
  if (given === only) return;
  throw new AwsError('ValidationError', `${key} ${given} is not implemented here, only ${only}.`);
}

export async function readNewGroup(context: CloudContext, input: Input, arn: string): Promise<Group> {
  const minSize = integer(input, 'MinSize', { min: 0 });
  const maxSize = integer(input, 'MaxSize', { min: 0 });
  const group: Group = {
    name: text(input, 'AutoScalingGroupName'),
    arn,
    createdAt: new Date(context.clock.now()),
    minSize,
    maxSize,
    desiredCapacity: 0,
    defaultCooldown: 300,
    defaultInstanceWarmup: undefined,
    healthCheckType: 'EC2',
    healthCheckGracePeriod: 0,
    launch: await readLaunch(context, input),
    subnets: [],
    zones: [],
    terminationPolicies: ['Default'],
    newInstancesProtected: false,
    serviceLinkedRoleArn: undefined,
    tags: new Map(),
    suspended: new Map(),
    metrics: new Set(),
    instances: new Map(),
    requested: new Set(),
    warmPool: undefined,
    hooks: new Map(),
    policies: new Map(),
    reasons: [],
    replacements: 0,
    launchPause: undefined,
    launchFailures: 0,
    coolUntil: 0,
    deleting: false,
  };
  await readSettings(context, input, group);
  if (group.subnets.length === 0 && group.zones.length === 0) {
    throw new AwsError('ValidationError', 'At least one Availability Zone or VPC Subnet is required.');
  }
  return group;
}

/** Reads everything but the sizes, for creation and update. Settings that are not given stay. */
export async function readSettings(context: CloudContext, input: Input, group: Group): Promise<void> {
  const subnets = optionalText(input, 'VPCZoneIdentifier');
  if (subnets !== undefined) group.subnets = await readSubnets(context, subnets);
  const zones = texts(input, 'AvailabilityZones');
  if (zones.length > 0) group.zones = zones;
  const policies = texts(input, 'TerminationPolicies');
  if (policies.length > 0) group.terminationPolicies = policies.map(terminationPolicy);
  group.defaultCooldown = optionalInteger(input, 'DefaultCooldown', { min: 0 }) ?? group.defaultCooldown;
  const warmup = optionalInteger(input, 'DefaultInstanceWarmup', { min: -1 }) ?? group.defaultInstanceWarmup;
  // "A value of -1 will turn this setting off" ("Enable the default instance warmup for a group").
  group.defaultInstanceWarmup = warmup === -1 ? undefined : warmup;
  group.healthCheckType = healthCheckType(input) ?? group.healthCheckType;
  group.healthCheckGracePeriod =
    optionalInteger(input, 'HealthCheckGracePeriod', { min: 0 }) ?? group.healthCheckGracePeriod;
  group.newInstancesProtected =
    optionalBoolean(input, 'NewInstancesProtectedFromScaleIn') ?? group.newInstancesProtected;
  group.serviceLinkedRoleArn = optionalText(input, 'ServiceLinkedRoleARN') ?? group.serviceLinkedRoleArn;
  for (const tag of structures(input, 'Tags')) putTag(group, tag);
}

export function putTag(group: Group, tag: Input): void {
  group.tags.set(text(tag, 'Key'), {
    value: optionalText(tag, 'Value') ?? '',
    propagate: optionalBoolean(tag, 'PropagateAtLaunch') ?? false,
  });
}

/** Reads the launch template, alone or in a mixed instances policy. It must exist. */
export async function readLaunch(context: CloudContext, input: Input): Promise<LaunchSettings> {
  const mixed = optionalStructure(input, 'MixedInstancesPolicy');
  const ofMixed = optionalStructure(mixed ?? {}, 'LaunchTemplate');
  const given =
    optionalStructure(input, 'LaunchTemplate') ??
    optionalStructure(ofMixed ?? {}, 'LaunchTemplateSpecification');
  if (!given) {
    throw new AwsError(
      'ValidationError',
      'Valid requests must contain either LaunchTemplate or MixedInstancesPolicy; launch configurations and ' +
        'instance ids are not implemented here.',
    );
  }
  return {
    template: await resolveTemplate(context, given),
    mixed: mixed && readMixed(mixed, ofMixed ?? {}),
  };
}

async function resolveTemplate(context: CloudContext, given: Input): Promise<LaunchSettings['template']> {
  const id = optionalText(given, 'LaunchTemplateId');
  const name = optionalText(given, 'LaunchTemplateName');
  const wanted = id === undefined ? { LaunchTemplateNames: [name ?? ''] } : { LaunchTemplateIds: [id] };
  const answer = await asValidation(context.call('ec2', 'DescribeLaunchTemplates', wanted));
  const [found = {}] = structures(answer, 'LaunchTemplates');
  return {
    id: text(found, 'LaunchTemplateId'),
    name: text(found, 'LaunchTemplateName'),
    version: optionalText(given, 'Version') ?? '$Default',
  };
}

function readMixed(policy: Input, launchTemplate: Input): MixedInstances {
  const overrides = structures(launchTemplate, 'Overrides');
  const distribution = optionalStructure(policy, 'InstancesDistribution') ?? {};
  const instanceTypes = overrides.flatMap(typesOf);
  if (overrides.some((one) => one['InstanceRequirements'])) checkStrategy(distribution);
  const percentage = { min: 0, max: 100 };
  return {
    policy,
    instanceTypes,
    onDemandBase: optionalInteger(distribution, 'OnDemandBaseCapacity', { min: 0 }) ?? 0,
    onDemandPercentage:
      optionalInteger(distribution, 'OnDemandPercentageAboveBaseCapacity', percentage) ?? 100,
  };
}

function typesOf(override: Input): string[] {
  const unknown = Object.keys(override).find(
    (key) => key !== 'InstanceType' && key !== 'InstanceRequirements',
  );
  if (unknown !== undefined) {
    throw new AwsError(
      'ValidationError',
      `${unknown} of a launch template override is not implemented here.`,
    );
  }
  const requirements = optionalStructure(override, 'InstanceRequirements');
  if (!requirements) return [text(override, 'InstanceType')];
  if (optionalText(override, 'InstanceType') === undefined) return typesAllowedBy(requirements);
  throw new AwsError(
    'ValidationError',
    'InstanceType and InstanceRequirements cannot be specified in one override.',
  );
}

async function readSubnets(context: CloudContext, identifier: string): Promise<Group['subnets']> {
  const ids = identifier.split(',').map((id) => id.trim());
  const answer = await asValidation(context.call('ec2', 'DescribeSubnets', { SubnetIds: ids }));
  const subnets = structures(answer, 'Subnets');
  return subnets.map((subnet) => ({ id: text(subnet, 'SubnetId'), zone: text(subnet, 'AvailabilityZone') }));
}

/** Auto Scaling returns EC2's errors as a ValidationError of its own. */
async function asValidation(answer: Promise<Input>): Promise<Input> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof AwsError) throw new AwsError('ValidationError', error.message);
    throw error;
  }
}

function terminationPolicy(name: string) {
  const found = TERMINATION_POLICIES.find((policy) => policy === name);
  if (found) return found;
  throw new AwsError('ValidationError', `The termination policy ${name} is not implemented here.`);
}

function healthCheckType(input: Input): string | undefined {
  const type = optionalText(input, 'HealthCheckType');
  if (type === undefined || type === 'EC2') return type;
  throw new AwsError('ValidationError', `HealthCheckType ${type} is not implemented here, only EC2.`);
}

/** @throws `ValidationError` with AWS's message. */
export function checkSizes({ minSize, maxSize }: Pick<Group, 'minSize' | 'maxSize'>, desired: number): void {
  if (minSize > maxSize) {
    throw new AwsError(
      'ValidationError',
      `Max bound, ${maxSize}, must be greater than or equal to min bound, ${minSize}`,
    );
  }
  if (desired < minSize || desired > maxSize) {
    throw new AwsError(
      'ValidationError',
      `Desired capacity:${desired} must be between the specified min size:${minSize} and max size:${maxSize}`,
    );
  }
}
