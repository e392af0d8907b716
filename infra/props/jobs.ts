import { Duration, Size } from 'aws-cdk-lib';
import {
  DEFAULT_MAX_LOG_BYTES,
  DEFAULT_MIN_FREE_DISK_BYTES,
  LONGEST_LOG_BYTES,
} from '../../agent/config/agent-config.ts';
import { EBS_MAX_VOLUME_BYTES, SQS_MAX_VISIBILITY_SECONDS } from '../../lib/limits.ts';
import { commandCheck, DAY, duration, flag, HOUR, object, sizeIn, whole, wholeSeconds } from './checks.ts';
import { toBytes, toSeconds } from './conversions.ts';
import { type GroupProps, groupRows, toGroups } from './groups.ts';
import { type RetryBackoffProps, retryBackoffRows, toRetryBackoff } from './retry-backoff.ts';
import { checksOf, type PropRows } from './rows.ts';

/** How long jobs may take, how often they are tried, and what is kept of them. */
export interface FleetJobProps {
  /**
   * How long a worker may run, from its start: 1 second to 12 hours, together with `grace`. Source: the longest
   * visibility timeout of SQS is 12 hours ("Amazon SQS visibility timeout").
   *
   * @default Duration.hours(1)
   */
  readonly limit?: Duration;
  /**
   * Longest limit that a job may request, with `enqueue --async` or with `limitSeconds` in its envelope: at least
   * `limit`, and at most 12 hours together with `grace`. A longer request is refused. Source: as for `limit`.
   *
   * @default - `limit`
   */
  readonly maxLimit?: Duration;
  /**
   * Time between SIGTERM and SIGKILL for a worker that exceeds its limit or is stopped: 0 seconds to 1 hour.
   *
   * @default Duration.seconds(10)
   */
  readonly grace?: Duration;
  /**
   * Lease of a job: when an instance is lost, another instance may take its job after this time. The agent renews the
   * lease while the job runs. 2 seconds to 12 hours, in whole seconds. It is the visibility timeout of the queue. Source:
   * "Amazon SQS visibility timeout".
   *
   * @default Duration.minutes(1)
   */
  readonly lease?: Duration;
  /**
   * Number of attempts before a job fails: 1 to 900. A try that an interruption ends, or that exits with 75, costs no
   * attempt.
   *
   * @default 3
   */
  readonly maxAttempts?: number;
  /**
   * Whether a job that exceeded its limit is tried again.
   *
   * @default false
   */
  readonly retryTimedOut?: boolean;
  /**
   * How long a job waits before it is tried again. Each wait is a random time up to a bound ("full jitter"), and the
   * bound grows from one try to the next. With the default, nine jobs in ten outlast a two-minute outage of something
   * that their worker needs.
   *
   * @default - up to 2 minutes, then up to 10, then up to 15
   */
  readonly retryBackoff?: RetryBackoffProps;
  /**
   * Program that checks the instance, with its arguments; the program is found as that of `command` is. It runs as a
   * worker does, without input, after a try has failed and before the failure is recorded. If it exits with a status
   * other than 0, or takes longer than a minute, the failure is attributed to the instance: the try costs no attempt,
   * and the instance finishes its jobs and retires. The output of the program is on the instance's record. From the
   * third such try of a job on, the failure is attributed to the job too. The program runs after each failed try, so it
   * should be quick.
   *
   * @default - none: every failure is attributed to the job
   */
  readonly instanceCheck?: string[];
  /**
   * Free space that a job needs on the file systems of `/var/tmp` and `/var/cache`, where workers have their
   * directories: up to 64 TiB, in whole bytes. It is checked before each job, at most once a second. An instance with
   * less, or with space for fewer than 1,000 more files, takes no more jobs, finishes its jobs and retires. Choose what
   * one job may need, and less than is free when an instance starts. `Size.bytes(0)` switches the check off.
   *
   * @default Size.mebibytes(256)
   */
  readonly minFreeDisk?: Size;
  /**
   * Age at which a job fails if it has not ended: 1 minute to 14 days. It limits the tries that cost no attempt (exit
   * status 75, interruptions).
   *
   * @default Duration.days(4)
   */
  readonly maxJobAge?: Duration;
  /**
   * How many jobs of a group may be out at once, and how long their health checks and their exits with 75 may take.
   *
   * @default - 1 lane, up to 100; health checks up to `maxLimit`; 30 minutes of exits with 75
   */
  readonly groups?: GroupProps;
  /**
   * Whether each job has a record in the table. Without records attempts are SQS's receive counts, and what needs a
   * record (status, cancel, groups) is refused. After you switch it on, jobs that were enqueued before, and whose bodies
   * are in the log bucket, are refused.
   *
   * @default true
   */
  readonly trackJobs?: boolean;
  /**
   * How long the records of ended jobs and instances are kept: up to 3650 days. With `trackJobs` at least 14 days, as
   * long as the queue keeps a message: a message that is delivered again after its record is deleted would run its job
   * again.
   *
   * @default Duration.days(14)
   */
  readonly recordRetention?: Duration;
  /**
   * How long the logs of jobs are kept, and those of instances that failed: 1 to 3650 days, in whole days.
   *
   * @default Duration.days(30)
   */
  readonly logRetention?: Duration;
  /**
   * Most output that is kept of one try, stdout and stderr together: 1 MiB to 1 TiB, in whole bytes. The worker continues
   * beyond it, and its further output is dropped. The record still has the last 4 KiB, and `mayfly logs` says how much is
   * missing. The prop limits what a worker that never stops printing costs in the log bucket.
   *
   * @default Size.gibibytes(1)
   */
  readonly maxLog?: Size;
}

const DEFAULT_LIMIT = Duration.hours(1);

const maxLimitOf = ({ limit = DEFAULT_LIMIT, maxLimit = limit }: FleetJobProps): Duration => maxLimit;

export const jobRows = {
  limit: {
    check: duration(1, SQS_MAX_VISIBILITY_SECONDS),
    default: DEFAULT_LIMIT,
    setting: 'limitSeconds',
    convert: toSeconds,
    agent: 'limitSeconds',
    fact: 'limitSeconds',
  },
  maxLimit: {
    check: duration(1, SQS_MAX_VISIBILITY_SECONDS),
    default: maxLimitOf,
    setting: 'maxLimitSeconds',
    convert: toSeconds,
    agent: 'maxLimitSeconds',
    fact: 'maxLimitSeconds',
  },
  grace: {
    check: duration(0, HOUR),
    default: Duration.seconds(10),
    setting: 'graceSeconds',
    convert: toSeconds,
    agent: 'graceSeconds',
    fact: 'graceSeconds',
  },
  lease: {
    check: duration(2, SQS_MAX_VISIBILITY_SECONDS, wholeSeconds),
    default: Duration.minutes(1),
    setting: 'leaseSeconds',
    convert: toSeconds,
    agent: 'leaseSeconds',
    fact: 'leaseSeconds',
  },
  maxAttempts: { check: whole(1, 900), default: 3, agent: 'maxAttempts', fact: 'maxAttempts' },
  retryTimedOut: { check: flag, default: false, agent: 'retryTimedOut' },
  retryBackoff: {
    check: object(checksOf(retryBackoffRows)),
    default: {},
    convert: toRetryBackoff,
    agent: 'retryBackoff',
  },
  instanceCheck: { check: commandCheck, agent: 'instanceCheck' },
  minFreeDisk: {
    check: sizeIn('bytes', 0, EBS_MAX_VOLUME_BYTES, 'a Size of at most 64 TiB in whole bytes'),
    default: Size.bytes(DEFAULT_MIN_FREE_DISK_BYTES),
    setting: 'minFreeDiskBytes',
    convert: toBytes,
    agent: 'minFreeDiskBytes',
  },
  maxJobAge: {
    check: duration(60, 14 * DAY),
    default: Duration.days(4),
    setting: 'maxJobAgeSeconds',
    convert: toSeconds,
    agent: 'maxJobAgeSeconds',
  },
  groups: {
    check: object(checksOf(groupRows)),
    default: {},
    convert: (given: GroupProps, props: FleetJobProps) => toGroups(given, maxLimitOf(props)),
    fact: 'groups',
  },
  trackJobs: { check: flag, default: true, agent: 'trackJobs', fact: 'trackJobs' },
  recordRetention: {
    check: duration(0, 3650 * DAY),
    default: Duration.days(14),
    setting: 'recordSeconds',
    convert: toSeconds,
    agent: 'recordSeconds',
    fact: 'recordSeconds',
  },
  logRetention: {
    check: duration(DAY, 3650 * DAY, { seconds: DAY, name: 'whole days' }),
    default: Duration.days(30),
  },
  maxLog: {
    check: sizeIn('bytes', 1024 ** 2, LONGEST_LOG_BYTES, 'a Size between 1 MiB and 1 TiB in whole bytes'),
    default: Size.bytes(DEFAULT_MAX_LOG_BYTES),
    setting: 'maxLogBytes',
    convert: toBytes,
    agent: 'log.maxBytes',
  },
} satisfies PropRows<FleetJobProps>;
