import {
  optionalBoolean,
  optionalChoice,
  optionalStructure,
  optionalText,
  structures,
  text,
} from '../../front-door/read.ts';
import { AwsError, type Input } from '../../front-door/service.ts';
import type { Launcher } from '../../instances/launcher.ts';
import type { MetadataOptions } from '../../instances/metadata.ts';

/** The parameters of a launch: a launch template's data, overridden by the request's own parameters. */
export interface LaunchParameters {
  imageId: string;
  instanceType: string;
  subnetId: string | undefined;
  availabilityZone: string | undefined;
  /** Decoded. */
  userData: string | undefined;
  /** Name or ARN of the instance profile. */
  instanceProfile: string | undefined;
  metadata: MetadataOptions;
  tags: Map<string, string>;
  shutdownBehavior: 'stop' | 'terminate';
  lifecycle: 'on-demand' | 'spot';
  terminationProtection: boolean;
}

/** Everything that a launch template may have here. Parameters without effect on a process are accepted and shown. */
const KNOWN = new Set([
  'BlockDeviceMappings',
  'CreditSpecification',
  'DisableApiTermination',
  'EbsOptimized',
  'IamInstanceProfile',
  'ImageId',
  'InstanceInitiatedShutdownBehavior',
  'InstanceMarketOptions',
  'InstanceType',
  'KeyName',
  'MetadataOptions',
  'Monitoring',
  'NetworkInterfaces',
  'Placement',
  'SecurityGroupIds',
  'SecurityGroups',
  'TagSpecifications',
  'UserData',
]);

const USER_DATA_LIMIT_BYTES = 16_384;

/**
 * Refuses parameters that EC2 refuses or that are not implemented here, already when a template is created.
 *
 * @param launcher checks whether it can do what the user-data says
 */
export function checkLaunchParameters(
  data: Input,
  launcher: Pick<Launcher, 'problemWith'>,
  alsoKnown: readonly string[] = [],
): void {
  for (const [key, value] of Object.entries(data)) {
    if (value !== undefined && !KNOWN.has(key) && !alsoKnown.includes(key)) {
      throw new AwsError('UnsupportedOperation', `Launch parameter ${key} is not implemented here.`);
    }
  }
  const problem = launcher.problemWith?.(readUserData(data) ?? '');
  if (problem !== undefined) throw new AwsError('UnsupportedOperation', problem);
  readMetadataOptions(data);
}

/** @throws `InvalidParameterValue` and other errors of RunInstances. */
export function readLaunchParameters(data: Input): LaunchParameters {
  const instanceType = optionalText(data, 'InstanceType') ?? 'm1.small';
  const profile = optionalStructure(data, 'IamInstanceProfile');
  const market = optionalStructure(data, 'InstanceMarketOptions');
  const placement = optionalStructure(data, 'Placement');
  const [networkInterface] = structures(data, 'NetworkInterfaces');
  const tags = readTags(data);
  const metadata = readMetadataOptions(data);
  if (metadata.instanceMetadataTags === 'enabled') refuseUnreadableTagKeys(tags);
  return {
    imageId: optionalText(data, 'ImageId') ?? missing('ImageId'),
    instanceType,
    subnetId:
      optionalText(data, 'SubnetId') ?? (networkInterface && optionalText(networkInterface, 'SubnetId')),
    availabilityZone: placement && optionalText(placement, 'AvailabilityZone'),
    userData: readUserData(data),
    instanceProfile: profile && (optionalText(profile, 'Arn') ?? optionalText(profile, 'Name')),
    metadata,
    tags,
    shutdownBehavior:
      optionalChoice(data, 'InstanceInitiatedShutdownBehavior', ['stop', 'terminate']) ?? 'stop',
    lifecycle: market && optionalText(market, 'MarketType') === 'spot' ? 'spot' : 'on-demand',
    terminationProtection: optionalBoolean(data, 'DisableApiTermination') ?? false,
  };
}

/** The decoded user-data; undefined if there is none. */
export function readUserData(data: Input): string | undefined {
  const encoded = optionalText(data, 'UserData');
  if (encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64').replace(/=+$/, '') !== encoded.replace(/[\s=]+/g, '')) {
    throw new AwsError('InvalidUserData.Malformed', 'Invalid BASE64 encoding of user data.');
  }
  if (bytes.length > USER_DATA_LIMIT_BYTES) {
    throw new AwsError('InvalidParameterValue', 'User data is limited to 16384 bytes');
  }
  return bytes.toString('utf8');
}

function readMetadataOptions(data: Input): MetadataOptions {
  const options = optionalStructure(data, 'MetadataOptions') ?? {};
  return {
    httpEndpoint: optionalChoice(options, 'HttpEndpoint', ['enabled', 'disabled']) ?? 'enabled',
    httpTokens: optionalChoice(options, 'HttpTokens', ['optional', 'required']) ?? 'optional',
    instanceMetadataTags:
      optionalChoice(options, 'InstanceMetadataTags', ['enabled', 'disabled']) ?? 'disabled',
  };
}

function readTags(data: Input): Map<string, string> {
  const pairs = structures(data, 'TagSpecifications')
    .filter((one) => optionalText(one, 'ResourceType') === 'instance')
    .flatMap((one) => structures(one, 'Tags'));
  return new Map(pairs.map((tag) => [text(tag, 'Key'), optionalText(tag, 'Value') ?? '']));
}

/** "View tags for your EC2 instances using instance metadata": a launch fails if a tag key cannot be a path. */
function refuseUnreadableTagKeys(tags: Map<string, string>): void {
  for (const key of tags.keys()) {
    if (/^[a-zA-Z0-9+\-=.,_:@]+$/.test(key) && !['.', '..', '_index'].includes(key)) continue;
    throw new AwsError(
      'InvalidParameterValue',
      `'${key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{1,255}), ` +
        "and must not be a reserved name ('.', '..', '_index')",
    );
  }
}

/** Overrides the template's parameters by those of RunInstances; tags are merged by key. */
export function overrideParameters(template: Input, request: Input): Input {
  const given = Object.entries(request).filter(([, value]) => value !== undefined && value !== '');
  return {
    ...template,
    ...Object.fromEntries(given),
    TagSpecifications: [
      ...structures(template, 'TagSpecifications'),
      ...structures(request, 'TagSpecifications'),
    ],
  };
}

function missing(key: string): never {
  throw new AwsError('MissingParameter', `The request must contain the parameter ${key}`);
}
