import { Size } from 'aws-cdk-lib';
import { type IMachineImage, InstanceType, type ISubnet } from 'aws-cdk-lib/aws-ec2';
import { type Check, flag, having, isObject, object, percentage, sizeIn, text, whole } from './checks.ts';
import { checksOf, type PropRows, settingsFrom } from './rows.ts';

/** Which instances a fleet launches, and how many. */
export interface FleetInstanceProps {
  /**
   * Most instances: 1 to 10,000. It is the maximum size of the Auto Scaling group.
   *
   * @default 10
   */
  readonly maxCapacity?: number;
  /**
   * Instance types, in order of preference: 1 to 40, all of one architecture. With several types a fleet can still launch
   * instances when EC2 has no capacity of one type. The region must offer each type, or the deployment fails.
   *
   * @default - m7i-flex.large, m6i.large or m5.large, whichever the region offers at the lowest price
   */
  readonly instanceTypes?: InstanceType[];
  /**
   * Percentage of the instances that are Spot Instances: 0 to 100. Their jobs move to another instance when AWS
   * interrupts them.
   *
   * @default 0
   */
  readonly spotShare?: number;
  /**
   * Machine image of the instances. It needs cloud-init, systemd 252 or later, Python 3.9 or later, curl 7.86 or later
   * (AWS refuses the requests of older ones, which leave the session token unsigned), and apt or dnf. Amazon Linux 2023,
   * Debian 12 and 13, and Ubuntu 24.04 have all of them. If its root device is not `/dev/xvda`, set `rootVolume`.
   *
   * @default - the latest Amazon Linux 2023 at the time of the deployment, for the architecture of the types
   */
  readonly machineImage?: IMachineImage;
  /**
   * Whether the deployment builds an image from `machineImage`, in which everything is installed, for the instances to
   * boot from. They are then ready in a fraction of the time. EC2 Image Builder builds it; a deployment takes about 15
   * minutes longer whenever the image changes: when a file of the agent or of the worker directory changes, or the
   * machine image. The image is billed as a snapshot.
   *
   * @default false
   */
  readonly bakedImage?: boolean | BakedImageProps;
  /**
   * Root volume of the instances: a gp3 volume, encrypted, and deleted with the instance.
   *
   * @default - 20 GiB at /dev/xvda
   */
  readonly rootVolume?: RootVolume;
}

/** How the image of a fleet is built. */
export interface BakedImageProps {
  /**
   * Instance types of the instances that build and test the image. The first one that is available is used. They must
   * have the architecture of the fleet.
   *
   * @default - the fleet's `instanceTypes`
   */
  readonly instanceTypes?: InstanceType[];
  /**
   * Subnet in which the image is built. It must be in the fleet's VPC and have outbound internet access, and its
   * Availability Zone must offer one of the types.
   *
   * @default - the first of the fleet's subnets
   */
  readonly subnet?: ISubnet;
}

/** The root volume of an instance. */
export interface RootVolume {
  /**
   * Size of the volume: 8 to 16,384 GiB, in whole GiB.
   *
   * @default Size.gibibytes(20)
   */
  readonly size?: Size;
  /**
   * Name of the root device in the machine image: `/dev/xvda` for Amazon Linux and Debian, `/dev/sda1` for Ubuntu.
   *
   * @default '/dev/xvda'
   */
  readonly deviceName?: string;
}

export interface BakedImageSettings {
  instanceTypes: InstanceType[];
  subnet: ISubnet | undefined;
}

export interface RootVolumeSettings {
  size: Size;
  deviceName: string;
}

/**
 * All have 2 vCPU and 8 GiB. Each region offers at least one of them (2026), and accounts on AWS's free plan may launch
 * the first.
 */
const DEFAULT_TYPES = ['m7i-flex.large', 'm6i.large', 'm5.large'];

function typesOf({ instanceTypes }: FleetInstanceProps): InstanceType[] {
  return instanceTypes ?? DEFAULT_TYPES.map((name) => new InstanceType(name));
}

const typesCheck: Check = {
  allowed: 'a list of 1 to 40 InstanceTypes, all of one architecture',
  test: (value) => {
    if (!Array.isArray(value) || value.length < 1 || value.length > 40) return false;
    const architectures = new Set(value.map(architectureOf));
    return architectures.size === 1 && !architectures.has(undefined);
  },
};

/** The getter throws for a name that is not an instance type's. */
function architectureOf(type: Partial<InstanceType> | undefined): unknown {
  try {
    return type?.architecture;
  } catch {
    return undefined;
  }
}

export const rootVolumeRows = {
  size: {
    check: sizeIn('GiB', 8, 16_384, 'a Size between 8 and 16384 GiB'),
    default: Size.gibibytes(20),
  },
  deviceName: {
    check: text('the name of a device, such as "/dev/xvda"', /^\/dev\/[a-z0-9]+$/),
    default: '/dev/xvda',
  },
} satisfies PropRows<RootVolume>;

export const bakedImageRows = {
  instanceTypes: { check: typesCheck, default: typesOf },
  subnet: { check: having('an ISubnet', 'subnetId') },
} satisfies PropRows<BakedImageProps, FleetInstanceProps>;

function toRootVolume(given: RootVolume): RootVolumeSettings {
  return settingsFrom(rootVolumeRows, given, given);
}

function toBakedImage(
  given: boolean | BakedImageProps,
  props: FleetInstanceProps,
): BakedImageSettings | undefined {
  if (given === false) return undefined;
  return settingsFrom(bakedImageRows, given === true ? {} : given, props);
}

const bakedImageKeys = checksOf(bakedImageRows);

export const instanceRows = {
  maxCapacity: { check: whole(1, 10_000), default: 10, fact: 'maxCapacity' },
  instanceTypes: { check: typesCheck, default: typesOf },
  spotShare: { check: percentage, default: 0 },
  machineImage: { check: having('an IMachineImage', 'getImage') },
  bakedImage: {
    check: {
      allowed: `true, false or ${object(bakedImageKeys).allowed}`,
      test: (value: unknown) => flag.test(value) || isObject(value),
      keys: bakedImageKeys,
    },
    default: false,
    convert: toBakedImage,
  },
  rootVolume: {
    check: object(checksOf(rootVolumeRows)),
    default: {},
    convert: toRootVolume,
  },
} satisfies PropRows<FleetInstanceProps>;
