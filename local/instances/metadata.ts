import type { SessionCredentials } from '../front-door/service.ts';

/** The metadata of an instance, read anew for every request. Absent values answer 404, as on EC2. */
export interface MetadataView {
  instanceId: string;
  instanceType: string;
  imageId: string;
  privateIp: string;
  availabilityZone: string;
  region: string;
  accountId: string;
  launchTime: Date;
  lifecycle: 'on-demand' | 'spot';
  userData: string | undefined;
  reservationId: string;
  subnetId: string | undefined;
  instanceProfileArn: string | undefined;
  roleName: string | undefined;
  options: MetadataOptions;
  tags(): ReadonlyMap<string, string>;
  credentials(): SessionCredentials;
  /** Auto Scaling's target state; absent outside a group. */
  targetLifecycleState(): string | undefined;
  /** The notice of a Spot interruption. */
  spotAction(): { action: 'terminate' | 'stop' | 'hibernate'; time: Date } | undefined;
  rebalanceNotice(): Date | undefined;
}

/** The launch's `MetadataOptions` ("Configure the Instance Metadata Service options"). */
export interface MetadataOptions {
  httpEndpoint: 'enabled' | 'disabled';
  httpTokens: 'optional' | 'required';
  instanceMetadataTags: 'enabled' | 'disabled';
}

/** The root device of the default image, Amazon Linux. */
const ROOT_DEVICE = '/dev/xvda';
/** No packets are filtered here. Every instance is in the group that each VPC has. */
const SECURITY_GROUP = 'default';

type Leaf = () => string | undefined;

/** The value at `path` (below `/latest/`), a listing for a folder, or undefined for 404. */
export function readMetadata(view: MetadataView, path: string): string | undefined {
  const leaves = metadataLeaves(view);
  const wanted = path.replace(/\/+$/, '');
  const leaf = leaves.get(wanted);
  if (leaf) return leaf();
  const prefix = wanted === '' ? '' : `${wanted}/`;
  const children = new Set<string>();
  for (const [name, value] of leaves) {
    if (!name.startsWith(prefix) || value() === undefined) continue;
    const [child = '', ...below] = name.slice(prefix.length).split('/');
    children.add(below.length > 0 ? `${child}/` : child);
  }
  return children.size > 0 ? [...children].sort().join('\n') : undefined;
}

/** "Instance metadata categories": those that programs on an instance commonly read. */
function metadataLeaves(view: MetadataView): Map<string, Leaf> {
  const leaves = new Map<string, Leaf>([
    ['meta-data/ami-id', () => view.imageId],
    ['meta-data/ami-launch-index', () => '0'],
    ['meta-data/ami-manifest-path', () => '(unknown)'],
    ['meta-data/autoscaling/target-lifecycle-state', () => view.targetLifecycleState()],
    ['meta-data/block-device-mapping/ami', () => ROOT_DEVICE.slice('/dev/'.length)],
    ['meta-data/block-device-mapping/root', () => ROOT_DEVICE],
    ['meta-data/events/maintenance/history', () => '[]'],
    ['meta-data/events/maintenance/scheduled', () => '[]'],
    ['meta-data/events/recommendations/rebalance', () => rebalance(view)],
    ['meta-data/hostname', () => hostnameOf(view)],
    ['meta-data/instance-action', () => 'none'],
    ['meta-data/instance-id', () => view.instanceId],
    ['meta-data/instance-life-cycle', () => view.lifecycle],
    ['meta-data/mac', () => macAddress(view.privateIp)],
    ['meta-data/instance-type', () => view.instanceType],
    ['meta-data/local-hostname', () => hostnameOf(view)],
    ['meta-data/local-ipv4', () => view.privateIp],
    ...networkInterface(view),
    ['meta-data/placement/availability-zone', () => view.availabilityZone],
    ['meta-data/placement/availability-zone-id', () => zoneIdOf(view)],
    ['meta-data/placement/region', () => view.region],
    ['meta-data/profile', () => 'default-hvm'],
    ['meta-data/reservation-id', () => view.reservationId],
    ['meta-data/security-groups', () => SECURITY_GROUP],
    ['meta-data/services/domain', () => 'amazonaws.com'],
    ['meta-data/services/partition', () => 'aws'],
    ['meta-data/spot/instance-action', () => spotAction(view)],
    ['meta-data/spot/termination-time', () => spotTerminationTime(view)],
    ['meta-data/system', () => 'nitro'],
    ['dynamic/instance-identity/document', () => identityDocument(view)],
    ['user-data', () => view.userData],
  ]);
  if (view.roleName !== undefined) {
    leaves.set('meta-data/iam/info', () => profileInfo(view));
    leaves.set(`meta-data/iam/security-credentials/${view.roleName}`, () => roleCredentials(view));
  }
  if (view.options.instanceMetadataTags === 'enabled') {
    for (const [key, value] of view.tags()) leaves.set(`meta-data/tags/instance/${key}`, () => value);
  }
  return leaves;
}

/** cloud-init configures the network from these values. Without them it requests a DHCP lease at each boot stage. */
function networkInterface(view: MetadataView): [string, Leaf][] {
  const mac = macAddress(view.privateIp);
  const network = `${view.privateIp.split('.', 2).join('.')}.0.0/16`;
  const values = {
    'device-number': '0',
    'interface-id': `eni-${view.instanceId.slice('i-'.length)}`,
    'local-hostname': hostnameOf(view),
    'local-ipv4s': view.privateIp,
    mac,
    'owner-id': view.accountId,
    'security-group-ids': 'sg-local',
    'security-groups': SECURITY_GROUP,
    'subnet-id': view.subnetId ?? 'subnet-local',
    'subnet-ipv4-cidr-block': network,
    'vpc-id': 'vpc-local',
    'vpc-ipv4-cidr-block': network,
    'vpc-ipv4-cidr-blocks': network,
  };
  return Object.entries(values).map(([name, value]) => [
    `meta-data/network/interfaces/macs/${mac}/${name}`,
    () => value,
  ]);
}

/** `use1-az1`. The same zone may have different names in two accounts, so AWS also has this id. */
function zoneIdOf({ availabilityZone, region }: MetadataView): string {
  const short = region.replaceAll(/(n)orth|(s)outh|(e)ast|(w)est|(c)entral|(g)ov|-/g, '$1$2$3$4$5$6');
  const letter = availabilityZone.at(-1) ?? 'a';
  return `${short}-az${letter.charCodeAt(0) - 'a'.charCodeAt(0) + 1}`;
}

/** The MAC address of the interface with this IPv4 address: unicast, locally administered. */
export function macAddress(privateIp: string): string {
  const bytes = [6, 0, ...privateIp.split('.').map(Number)];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function hostnameOf({ privateIp, region }: MetadataView): string {
  return `ip-${privateIp.replaceAll('.', '-')}.${region}.compute.internal`;
}

function rebalance(view: MetadataView): string | undefined {
  const at = view.rebalanceNotice();
  return at && JSON.stringify({ noticeTime: seconds(at) });
}

function spotAction(view: MetadataView): string | undefined {
  const notice = view.spotAction();
  return notice && JSON.stringify({ action: notice.action, time: seconds(notice.time) });
}

function spotTerminationTime(view: MetadataView): string | undefined {
  const notice = view.spotAction();
  return notice?.action === 'terminate' ? seconds(notice.time) : undefined;
}

function identityDocument(view: MetadataView): string {
  return JSON.stringify(
    {
      accountId: view.accountId,
      architecture: /^[a-z]+\d+g/.test(view.instanceType) ? 'arm64' : 'x86_64',
      availabilityZone: view.availabilityZone,
      billingProducts: null,
      devpayProductCodes: null,
      imageId: view.imageId,
      instanceId: view.instanceId,
      instanceType: view.instanceType,
      kernelId: null,
      marketplaceProductCodes: null,
      pendingTime: seconds(view.launchTime),
      privateIp: view.privateIp,
      ramdiskId: null,
      region: view.region,
      version: '2017-09-30',
    },
    null,
    2,
  );
}

function profileInfo(view: MetadataView): string {
  return JSON.stringify({
    Code: 'Success',
    LastUpdated: seconds(view.launchTime),
    InstanceProfileArn: view.instanceProfileArn,
    InstanceProfileId: 'AIPALOCAL',
  });
}

function roleCredentials(view: MetadataView): string {
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = view.credentials();
  return JSON.stringify({
    Code: 'Success',
    LastUpdated: seconds(new Date()),
    Type: 'AWS-HMAC',
    AccessKeyId,
    SecretAccessKey,
    Token: SessionToken,
    Expiration,
  });
}

/** ISO 8601 without fractions, which is the metadata service's format. */
function seconds(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}
