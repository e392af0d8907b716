import { Duration, RemovalPolicy, Size } from 'aws-cdk-lib';
import { InstanceType, type ISubnet } from 'aws-cdk-lib/aws-ec2';
import {
  DEFAULT_MAX_LOG_BYTES,
  DEFAULT_MIN_FREE_DISK_BYTES,
  DEFAULT_RETRY_BACKOFF,
} from '../../agent/config/agent-config.ts';
import type { RetryBackoffProps, WarmPoolProps, WorkerFleetProps } from './props.ts';
import {
  validateBuilders,
  validateProps,
  validateRetryBackoff,
  validateRunTime,
  validateWarmPool,
} from './validation.ts';

/**
 * Of one size, 2 vCPU and 8 GiB. Each region offers one of them at least (2026), and accounts on AWS's free plan may launch
 * the first.
 */
const DEFAULT_TYPES = ['m7i-flex.large', 'm6i.large', 'm5.large'];

/**
 * The props of a fleet with every default in its place. Throws a `FleetPropsError` on what cannot be deployed.
 */
export function settingsOf(where: string, id: string, props: WorkerFleetProps) {
  validateProps(where, id, props);
  const concurrency = props.concurrency ?? 1;
  const instanceTypes = props.instanceTypes ?? DEFAULT_TYPES.map((name) => new InstanceType(name));
  const settings = {
    name: props.fleetName ?? id,
    command: props.command ?? ['./hello'],
    workerDirectory: props.workerDirectory,
    setup: props.setup,
    setupRequirements: props.setupRequirements,
    setupVaultPassword: props.setupVaultPassword,
    environment: props.environment ?? {},
    messageAttributes: props.messageAttributes ?? false,
    workerAwsAccess: props.workerAwsAccess ?? 'role',
    concurrency,
    workerMemoryMiB: props.workerMemory?.toMebibytes(),
    workerCpu: props.workerCpu,
    workerTasks: props.workerTasks,
    workerDiskMiB: props.workerDisk?.toMebibytes(),
    workerCacheDirectory: props.workerCacheDirectory,
    limitSeconds: seconds(props.limit, Duration.hours(1)),
    maxLimitSeconds: seconds(props.maxLimit ?? props.limit, Duration.hours(1)),
    graceSeconds: seconds(props.grace, Duration.seconds(10)),
    leaseSeconds: seconds(props.lease, Duration.minutes(1)),
    maxAttempts: props.maxAttempts ?? 3,
    retryTimedOut: props.retryTimedOut ?? false,
    retryBackoff: retryBackoffOf(where, props.retryBackoff),
    instanceCheck: props.instanceCheck,
    minFreeDiskBytes: props.minFreeDisk?.toBytes() ?? DEFAULT_MIN_FREE_DISK_BYTES,
    maxJobAgeSeconds: seconds(props.maxJobAge, Duration.days(4)),
    trackJobs: props.trackJobs ?? true,
    recordSeconds: seconds(props.recordRetention, Duration.days(14)),
    logRetention: props.logRetention ?? Duration.days(30),
    maxLogBytes: props.maxLog?.toBytes() ?? DEFAULT_MAX_LOG_BYTES,
    maxCapacity: props.maxCapacity ?? 10,
    instanceTypes,
    usesDefaultTypes: props.instanceTypes === undefined,
    bakedImage: bakedImageOf(where, instanceTypes, props.bakedImage),
    spotShare: props.spotShare ?? 0,
    rootVolume: {
      size: props.rootVolume?.size ?? Size.gibibytes(20),
      deviceName: props.rootVolume?.deviceName ?? '/dev/xvda',
    },
    hopLimit: props.hopLimit ?? 1,
    systemsManagerAccess: props.systemsManagerAccess ?? false,
    scaleOut: {
      threshold: props.scaleOut?.threshold ?? 1,
      durationSeconds: seconds(props.scaleOut?.duration, Duration.minutes(1)),
      jobsPerInstance: props.scaleOut?.jobsPerInstance ?? concurrency,
      warmUpSeconds: seconds(props.scaleOut?.warmUp, Duration.minutes(5)),
    },
    idleSeconds: props.idleTimeout && seconds(props.idleTimeout),
    billing: props.billing ?? 'auto',
    maxAgeSeconds: props.maxAge && seconds(props.maxAge),
    drainSeconds: seconds(props.drain, Duration.seconds(90)),
    stopGraceSeconds: seconds(props.stopGrace, Duration.minutes(15)),
    warmPool: props.warmPool && warmPoolOf(props.warmPool),
    bootBudgetSeconds: seconds(props.bootBudget, Duration.minutes(15)),
    ladderSeconds: seconds(props.retirementBudget, Duration.minutes(10)),
    refusalSeconds: seconds(props.refusalTimeout, Duration.minutes(5)),
    reportSeconds: seconds(props.reportInterval, Duration.minutes(1)),
    noticeSeconds: seconds(props.noticeInterval, Duration.seconds(5)),
    cancelSeconds: seconds(props.cancelInterval, Duration.seconds(5)),
    encryptionKeys: props.encryptionKeys ?? {},
    removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
  };
  validateRunTime(where, settings);
  validateWarmPool(where, settings);
  return settings;
}

export type FleetSettings = ReturnType<typeof settingsOf>;

export interface BakedImageSettings {
  instanceTypes: InstanceType[];
  subnet: ISubnet | undefined;
}

function warmPoolOf({ minSize = 1, maxGroupPreparedCapacity = minSize, poolState }: WarmPoolProps) {
  return { minSize, maxGroupPreparedCapacity, poolState: poolState ?? 'stopped' } as const;
}

/** Of two bounds of which one is given the other gives way. */
function retryBackoffOf(where: string, given: RetryBackoffProps = {}) {
  const defaults = DEFAULT_RETRY_BACKOFF;
  const first = given.first && seconds(given.first);
  const longest = given.longest && seconds(given.longest);
  const retryBackoff = {
    firstSeconds: first ?? Math.min(defaults.firstSeconds, longest ?? defaults.longestSeconds),
    factor: given.factor ?? defaults.factor,
    longestSeconds: longest ?? Math.max(defaults.longestSeconds, first ?? 0),
  };
  validateRetryBackoff(where, retryBackoff);
  return retryBackoff;
}

function bakedImageOf(
  where: string,
  fleet: InstanceType[],
  given: WorkerFleetProps['bakedImage'] = false,
): BakedImageSettings | undefined {
  if (given === false) return undefined;
  const { instanceTypes = fleet, subnet } = given === true ? {} : given;
  validateBuilders(where, instanceTypes, fleet);
  return { instanceTypes, subnet };
}

function seconds(given: Duration | undefined, byDefault = Duration.seconds(0)): number {
  return (given ?? byDefault).toSeconds({ integral: false });
}
