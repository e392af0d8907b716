import type { InstanceType } from 'aws-cdk-lib/aws-ec2';
import type { IParameter } from 'aws-cdk-lib/aws-ssm';
import { LONGEST_LOG_BYTES } from '../../agent/config/agent-config.ts';
import {
  LARGEST_VOLUME_BYTES,
  LONGEST_RETENTION_SECONDS,
  LONGEST_VISIBILITY_SECONDS,
} from '../../lib/limits.ts';
import {
  type Check,
  checkAll,
  duration,
  flag,
  having,
  isObject,
  number,
  object,
  oneOf,
  percentage,
  text,
  whole,
} from './checks.ts';
import type {
  BakedImageProps,
  EncryptionKeys,
  RetryBackoffProps,
  RootVolume,
  ScaleOutProps,
  WarmPoolProps,
  WorkerFleetProps,
} from './props.ts';
import { FleetPropsError, isSize, show } from './refusal.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;
const wholeSeconds = { seconds: 1, name: 'whole seconds' };
const wholeMinutes = { seconds: 60, name: 'whole minutes' };

/**
 * The name is part of an SSM parameter's name, a metric's dimension and a tag that the instance metadata shows.
 */
export const fleetNameCheck = text(
  'up to 64 letters, digits, ".", "_" and "-", the first a letter or digit',
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
);

const words: Check = {
  allowed: 'a list of at least one word, none of them empty',
  test: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((word) => typeof word === 'string' && word !== ''),
};

const environment: Check = {
  allowed:
    'names of letters, digits and "_" that do not begin with a digit or MAYFLY_, each with a text ' +
    'without control characters other than tabs and line ends',
  test: (value) => isObject(value) && Object.entries(value).every(([name, text]) => isVariable(name, text)),
};

/** What YAML 1.1 cannot carry as it is and JSON does not escape, and NUL, which no environment can hold. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const UNPRINTABLE = /[\u0000\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/;

function isVariable(name: string, text: unknown): boolean {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || name.startsWith('MAYFLY_')) return false;
  return typeof text === 'string' && text.isWellFormed() && !UNPRINTABLE.test(text);
}

const workerAwsAccess: Check = {
  allowed: '"role", "none" or an IRole',
  test: (value) => oneOf('role', 'none').test(value) || having('an IRole', 'roleArn').test(value),
};

const instanceTypes: Check = {
  allowed: 'a list of 1 to 40 InstanceTypes, all of one architecture',
  test: (value) => {
    if (!Array.isArray(value) || value.length < 1 || value.length > 40) return false;
    const architectures = new Set(value.map(architectureOf));
    return architectures.size === 1 && !architectures.has(undefined);
  },
};

const isSecurityGroup = having('an ISecurityGroup', 'securityGroupId').test;

/** Of a name that is no instance type's, the construct tells none but throws. */
function architectureOf(type: Partial<InstanceType> | undefined): unknown {
  try {
    return type?.architecture;
  } catch {
    return undefined;
  }
}

const scaleOut = {
  threshold: whole(1, 1_000_000),
  duration: duration(60, HOUR, wholeMinutes),
  jobsPerInstance: whole(1, 1_000_000),
  warmUp: duration(0, HOUR, wholeSeconds),
} satisfies Record<keyof ScaleOutProps, Check>;

const retryBackoff = {
  first: duration(0, LONGEST_VISIBILITY_SECONDS),
  factor: number(1, 100),
  longest: duration(0, LONGEST_VISIBILITY_SECONDS),
} satisfies Record<keyof RetryBackoffProps, Check>;

const warmPool = {
  minSize: whole(0, 10_000),
  maxGroupPreparedCapacity: whole(0, 10_000),
  poolState: oneOf('stopped', 'running'),
} satisfies Record<keyof WarmPoolProps, Check>;

const rootVolume = {
  size: {
    allowed: 'a Size between 8 and 16384 GiB',
    test: (value) => isSize(value) && whole(8, 16_384).test(value.toBytes() / 1024 ** 3),
  },
  deviceName: text('the name of a device, such as "/dev/xvda"', /^\/dev\/[a-z0-9]+$/),
} satisfies Record<keyof RootVolume, Check>;

const bakedImage = {
  instanceTypes,
  subnet: having('an ISubnet', 'subnetId'),
} satisfies Record<keyof BakedImageProps, Check>;

const encryptionKeys = {
  queues: having('an IKey', 'keyArn'),
  table: having('an IKey', 'keyArn'),
  logBucket: having('an IKey', 'keyArn'),
} satisfies Record<keyof EncryptionKeys, Check>;

export const encryptionKeysCheck = object(encryptionKeys);

const checks = {
  fleetName: fleetNameCheck,
  command: words,
  workerDirectory: text('the path of a directory', /./),
  setup: text('the path of a script, playbook, task file or role, relative to the worker directory', /^[^/]/),
  setupRequirements: text('the path of a file, relative to the worker directory', /^[^/]/),
  setupVaultPassword: {
    allowed:
      'an SSM parameter of the type SecureString (StringParameter.fromSecureStringParameterAttributes)',
    test: (value) =>
      having('an IParameter', 'parameterName').test(value) &&
      (value as IParameter).parameterType === 'SecureString',
  },
  environment,
  messageAttributes: flag,
  workerAwsAccess,
  concurrency: whole(1, 1000),
  workerMemory: {
    allowed: 'a Size between 32 MiB and 24 TiB in whole MiB',
    test: (value) => isSize(value) && whole(32, 24 * 1024 ** 2).test(value.toBytes() / 1024 ** 2),
  },
  workerCpu: number(0.05, 1000),
  workerTasks: whole(16, 1_000_000),
  workerDisk: {
    allowed: 'a Size between 16 MiB and 24 TiB in whole MiB',
    test: (value) => isSize(value) && whole(16, 24 * 1024 ** 2).test(value.toBytes() / 1024 ** 2),
  },
  workerCacheDirectory: text(
    'a path below /var/cache, /srv or /mnt of letters, digits, ".", "_" and "-", such as "/var/cache/jobs"',
    /^\/(var\/cache|srv|mnt)(\/(?!\.{1,2}(\/|$)|mayfly-slot(\/|$))[\w.-]+)+$/,
  ),
  limit: duration(1, LONGEST_VISIBILITY_SECONDS),
  maxLimit: duration(1, LONGEST_VISIBILITY_SECONDS),
  grace: duration(0, HOUR),
  lease: duration(2, LONGEST_VISIBILITY_SECONDS, wholeSeconds),
  maxAttempts: whole(1, 900),
  retryTimedOut: flag,
  retryBackoff: object(retryBackoff),
  instanceCheck: words,
  minFreeDisk: {
    allowed: 'a Size of at most 64 TiB in whole bytes',
    test: (value) => isSize(value) && whole(0, LARGEST_VOLUME_BYTES).test(value.toBytes()),
  },
  maxJobAge: duration(60, 14 * DAY),
  trackJobs: flag,
  recordRetention: duration(0, 3650 * DAY),
  logRetention: duration(DAY, 3650 * DAY, { seconds: DAY, name: 'whole days' }),
  maxLog: {
    allowed: 'a Size between 1 MiB and 1 TiB in whole bytes',
    test: (value) => isSize(value) && whole(1024 ** 2, LONGEST_LOG_BYTES).test(value.toBytes()),
  },
  maxCapacity: whole(1, 10_000),
  instanceTypes,
  spotShare: percentage,
  machineImage: having('an IMachineImage', 'getImage'),
  bakedImage: {
    allowed: `true, false or ${object(bakedImage).allowed}`,
    test: (value) => flag.test(value) || isObject(value),
    keys: bakedImage,
  },
  rootVolume: object(rootVolume),
  vpc: having('an IVpc', 'selectSubnets'),
  vpcSubnets: { allowed: 'a SubnetSelection', test: isObject },
  securityGroups: {
    allowed: 'a list of 1 to 5 ISecurityGroups',
    test: (value) => Array.isArray(value) && whole(1, 5).test(value.length) && value.every(isSecurityGroup),
  },
  allowAllIpv6Outbound: flag,
  hopLimit: whole(1, 64),
  systemsManagerAccess: flag,
  scaleOut: object(scaleOut),
  idleTimeout: duration(0, DAY),
  billing: oneOf('auto', 'per-second', 'per-hour'),
  maxAge: duration(60, 365 * DAY),
  drain: duration(0, 12 * HOUR),
  stopGrace: duration(0, DAY),
  warmPool: object(warmPool),
  bootBudget: duration(30, 2 * HOUR, wholeSeconds),
  alarmTopic: having('an ITopic', 'topicArn'),
  retirementBudget: duration(1, DAY),
  refusalTimeout: duration(1, DAY),
  reportInterval: duration(1, HOUR),
  noticeInterval: duration(0.1, 60),
  cancelInterval: duration(0.1, HOUR),
  encryptionKeys: encryptionKeysCheck,
  removalPolicy: oneOf('destroy', 'retain', 'retain-on-update-or-delete'),
} satisfies Record<keyof WorkerFleetProps, Check>;

/**
 * Refuses what could not be deployed or would make every launch fail, before anything is made of it.
 *
 * Throws a `FleetPropsError` that names the key, the value and what is allowed.
 */
export function validateProps(where: string, id: string, props: WorkerFleetProps): void {
  checkAll(where, props, checks);
  if (props.fleetName === undefined && !fleetNameCheck.test(id)) {
    throw new FleetPropsError(
      where,
      "fleetName (by default the construct's id)",
      show(id),
      fleetNameCheck.allowed,
    );
  }
  validateRetention(where, props);
  validateSecurityGroups(where, props);
  validateIdleTimeout(where, props);
  validateSetup(where, props);
  validateVaultKey(where, props);
}

/** What a set-up needs is for nothing without one. */
function validateSetup(where: string, props: WorkerFleetProps): void {
  if (props.setup !== undefined) return;
  for (const key of ['setupRequirements', 'setupVaultPassword'] as const) {
    const value = props[key];
    if (value === undefined) continue;
    const is = typeof value === 'string' ? show(value) : show(value.parameterName);
    throw new FleetPropsError(where, key, is, 'only with setup, which it is for');
  }
}

/** "Using aliases in policies": a right to an alias is none to its key, and which key it stands for is not known here. */
function validateVaultKey(where: string, { setupVaultPassword }: WorkerFleetProps): void {
  // Only its class has it.
  const { encryptionKey } = (setupVaultPassword ?? {}) as { encryptionKey?: object };
  if (!encryptionKey || !('aliasName' in encryptionKey)) return;
  const allowed = 'a key (Key.fromKeyArn, Key.fromLookup), as a right to an alias is none to its key';
  throw new FleetPropsError(where, 'setupVaultPassword.encryptionKey', 'an alias', allowed);
}

/** A rule that the owner asks for must not be silently left out. */
function validateSecurityGroups(where: string, props: WorkerFleetProps): void {
  if (!props.securityGroups || !props.allowAllIpv6Outbound) return;
  const allowed = 'only without securityGroups, whose rules are yours';
  throw new FleetPropsError(where, 'allowAllIpv6Outbound', 'true', allowed);
}

/** What is paid is used: an instance that is billed by the hour is idle for nothing until the hour ends. */
function validateIdleTimeout(where: string, { billing, idleTimeout }: WorkerFleetProps): void {
  if (billing !== 'per-hour' || idleTimeout === undefined) return;
  throw new FleetPropsError(
    where,
    'idleTimeout',
    show(idleTimeout),
    "none with billing 'per-hour', where an idle instance stays to the end of its paid hour",
  );
}

/** A message can come again after its job has ended, and only the record says that it has. */
function validateRetention(where: string, { trackJobs = true, recordRetention }: WorkerFleetProps): void {
  const seconds = recordRetention?.toSeconds({ integral: false }) ?? LONGEST_RETENTION_SECONDS;
  if (trackJobs && seconds < LONGEST_RETENTION_SECONDS) {
    throw new FleetPropsError(
      where,
      'recordRetention',
      show(recordRetention),
      'at least 14 days, as long as the queue keeps a message: one that comes again would run again',
    );
  }
}

/** An image that was made on one architecture does not boot on the other. */
export function validateBuilders(where: string, builders: InstanceType[], fleet: InstanceType[]): void {
  const [builder] = builders;
  const [worker] = fleet;
  if (builder?.architecture !== worker?.architecture) {
    throw new FleetPropsError(
      where,
      'bakedImage.instanceTypes',
      show(builders.map(String)),
      `types of the architecture of instanceTypes (${worker?.architecture})`,
    );
  }
}

/** "Amazon SQS visibility timeout": 12 hours in total from the receive, which no lease can outlast. */
export function validateRunTime(
  where: string,
  { limitSeconds, maxLimitSeconds, graceSeconds }: RunTime,
): void {
  for (const [name, limit] of [
    ['limit', limitSeconds],
    ['maxLimit', maxLimitSeconds],
  ] as const) {
    const seconds = limit + graceSeconds;
    if (seconds <= LONGEST_VISIBILITY_SECONDS) continue;
    throw new FleetPropsError(
      where,
      `${name} plus grace`,
      `${seconds} seconds`,
      'at most 12 hours, the longest that SQS keeps a message invisible',
    );
  }
  if (maxLimitSeconds >= limitSeconds) return;
  const allowed = `at least limit, ${limitSeconds} seconds`;
  throw new FleetPropsError(where, 'maxLimit', `${maxLimitSeconds} seconds`, allowed);
}

interface RunTime {
  limitSeconds: number;
  maxLimitSeconds: number;
  graceSeconds: number;
}

/** The first wait is one of all waits. */
export function validateRetryBackoff(
  where: string,
  { firstSeconds, longestSeconds }: { firstSeconds: number; longestSeconds: number },
): void {
  if (firstSeconds <= longestSeconds) return;
  throw new FleetPropsError(
    where,
    'retryBackoff.first',
    `${firstSeconds} seconds`,
    `at most retryBackoff.longest, ${longestSeconds} seconds`,
  );
}

interface PoolSizes {
  warmPool: { minSize: number; maxGroupPreparedCapacity: number } | undefined;
  spotShare: number;
  maxCapacity: number;
}

/** "Decrease latency for applications with long boot times using warm pools", its limitations; and sizes that agree. */
export function validateWarmPool(where: string, { warmPool, spotShare, maxCapacity }: PoolSizes): void {
  if (!warmPool) return;
  const refuse = (key: string, value: number, allowed: string): never => {
    throw new FleetPropsError(where, key, String(value), allowed);
  };
  const { minSize, maxGroupPreparedCapacity: most } = warmPool;
  if (spotShare > 0) refuse('spotShare', spotShare, '0 with a warmPool, which has no Spot Instances');
  if (minSize > maxCapacity) refuse('warmPool.minSize', minSize, `at most maxCapacity, ${maxCapacity}`);
  if (most < minSize) {
    refuse('warmPool.maxGroupPreparedCapacity', most, `at least warmPool.minSize, ${minSize}`);
  }
}
