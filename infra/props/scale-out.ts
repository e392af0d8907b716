import { Duration } from 'aws-cdk-lib';
import { duration, HOUR, whole, wholeMinutes, wholeSeconds } from './checks.ts';
import { toSeconds } from './conversions.ts';
import { type PropRows, settingsFrom } from './rows.ts';
import { type FleetWorkerProps, workerRows } from './worker.ts';

/** When a fleet launches instances, and how many. */
export interface ScaleOutProps {
  /**
   * Number of visible messages at which the fleet launches instances: 1 to 1,000,000.
   *
   * @default 1
   */
  readonly threshold?: number;
  /**
   * How long the queue must have had this many visible messages: 1 minute to 1 hour, in whole minutes. Source: SQS
   * publishes its metrics once a minute ("Available CloudWatch metrics for Amazon SQS").
   *
   * @default Duration.minutes(1)
   */
  readonly duration?: Duration;
  /**
   * Number of visible messages per instance that is launched: 1 to 1,000,000.
   *
   * @default - `concurrency`
   */
  readonly jobsPerInstance?: number;
  /**
   * How long a new instance counts as starting up: 0 seconds to 1 hour, in whole seconds. Until then the backlog that it
   * was launched for launches no further instances. Source: "Set the default instance warmup for an Auto Scaling group".
   *
   * @default Duration.minutes(5)
   */
  readonly warmUp?: Duration;
}

export interface ScaleOutSettings {
  threshold: number;
  durationSeconds: number;
  jobsPerInstance: number;
  warmUpSeconds: number;
}

export const scaleOutRows = {
  threshold: { check: whole(1, 1_000_000), default: 1 },
  duration: {
    check: duration(60, HOUR, wholeMinutes),
    default: Duration.minutes(1),
    setting: 'durationSeconds',
    convert: toSeconds,
  },
  jobsPerInstance: {
    check: whole(1, 1_000_000),
    default: ({ concurrency }: FleetWorkerProps) => concurrency ?? workerRows.concurrency.default,
  },
  warmUp: {
    check: duration(0, HOUR, wholeSeconds),
    default: Duration.minutes(5),
    setting: 'warmUpSeconds',
    convert: toSeconds,
  },
} satisfies PropRows<ScaleOutProps, FleetWorkerProps>;

export function toScaleOut(given: ScaleOutProps, props: FleetWorkerProps): ScaleOutSettings {
  return settingsFrom(scaleOutRows, given, props);
}
