import { isStructure } from '../read.ts';
import type { AwsError, Input, Output, Service } from '../service.ts';
import { element, encodeMembers, escapeXml, type XmlNames } from './xml.ts';

/**
 * EC2's variant of the Query protocol (Smithy: "AWS EC2 query protocol"). Input lists are numbered without `member` and
 * named in the singular. In the answer, names begin in lower case, and lists have `item`s and mostly end in `Set`.
 */

/** `InstanceId.1` is the SDK's `InstanceIds`. Other lists have the same name in the SDK. */
const SINGULAR_LISTS: Record<string, string> = {
  ResourceId: 'Resources',
  IpPermissions: 'IpPermissions',
  IpRanges: 'IpRanges',
  Groups: 'UserIdGroupPairs',
  LaunchTemplateVersion: 'Versions',
};

/** Members with another name on the wire. */
const RENAMED: Record<string, string> = {
  GroupDescription: 'Description',
  SetDefaultVersion: 'DefaultVersion',
};

export function decodeEc2(input: Input): Input {
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => {
      if (!Array.isArray(value))
        return [RENAMED[name] ?? name, isStructure(value) ? decodeEc2(value) : value];
      const items = value.map((item) => (isStructure(item) ? decodeEc2(item) : item));
      return [SINGULAR_LISTS[name] ?? pluralOf(name), items];
    }),
  );
}

function pluralOf(name: string): string {
  if (name.endsWith('s')) return name;
  return name.endsWith('y') ? `${name.slice(0, -1)}ies` : `${name}s`;
}

/** Elements that do not follow the rule, by `Parent.Name`, else by `Name`. */
const NAMES: Record<string, string> = {
  AvailabilityZones: 'availabilityZoneInfo',
  BlockDeviceMappings: 'blockDeviceMapping',
  Images: 'imagesSet',
  Instances: 'instancesSet',
  IpPermissions: 'ipPermissions',
  IpPermissionsEgress: 'ipPermissionsEgress',
  IpRanges: 'ipRanges',
  Ipv6Ranges: 'ipv6Ranges',
  LaunchTemplates: 'launchTemplates',
  PrefixListIds: 'prefixListIds',
  Regions: 'regionInfo',
  UserIdGroupPairs: 'groups',
  Details: 'details',
  '.SecurityGroups': 'securityGroupInfo',
  'AvailabilityZones.State': 'zoneState',
  'Images.OwnerId': 'imageOwnerId',
  'Images.Public': 'isPublic',
  'Images.State': 'imageState',
  'Instances.SecurityGroups': 'groupSet',
  'LaunchTemplateData.BlockDeviceMappings': 'blockDeviceMappingSet',
  'Instances.State': 'instanceState',
  'Instances.PublicDnsName': 'dnsName',
  'Instances.PublicIpAddress': 'ipAddress',
  'Instances.StateTransitionReason': 'reason',
  'SecurityGroups.Description': 'groupDescription',
  // The Stop/TerminateInstances answers use the plain names for states; a description of instances does not.
  'TerminatingInstances.CurrentState': 'currentState',
  TerminatingInstances: 'instancesSet',
  StoppingInstances: 'instancesSet',
  StartingInstances: 'instancesSet',
  InstanceStatuses: 'instanceStatusSet',
};

const EC2_NAMES: XmlNames = {
  item: 'item',
  element: (name, value, parent) =>
    NAMES[`${parent}.${name}`] ?? NAMES[name] ?? (Array.isArray(value) ? setOf(name) : lowerFirst(name)),
};

function setOf(name: string): string {
  const singular = name.endsWith('ies') ? `${name.slice(0, -3)}y` : name.replace(/s$/, '');
  return `${lowerFirst(singular)}Set`;
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

export function encodeEc2Answer(service: Service, action: string, output: Output, requestId: string): string {
  const members = encodeMembers(output ?? {}, EC2_NAMES);
  // Operations with no output answer <return>true</return>.
  const content = members === '' ? element('return', 'true') : members;
  const opening = `<${action}Response xmlns="${service.xmlNamespace ?? EC2_NAMESPACE}">`;
  return `${opening}${element('requestId', requestId)}${content}</${action}Response>`;
}

const EC2_NAMESPACE = 'http://ec2.amazonaws.com/doc/2016-11-15/';

export function encodeEc2Error(error: AwsError, requestId: string): string {
  const detail = element('Code', escapeXml(error.code)) + element('Message', escapeXml(error.message));
  return element('Response', element('Errors', element('Error', detail)) + element('RequestID', requestId));
}
