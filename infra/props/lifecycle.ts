import { Duration } from 'aws-cdk-lib';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { DEFAULT_BOOT_BUDGET_SECONDS } from '../../policy/silent-instances.ts';
import { DAY, duration, HOUR, having, object, oneOf, wholeSeconds } from './checks.ts';
import { toSeconds } from './conversions.ts';
import { checksOf, type PropRows } from './rows.ts';
import { type ScaleOutProps, scaleOutRows, toScaleOut } from './scale-out.ts';
import { toWarmPool, type WarmPoolProps, warmPoolRows } from './warm-pool.ts';
import type { FleetWorkerProps } from './worker.ts';

/** When instances are launched, how long they stay, and how they retire. */
export interface FleetLifecycleProps {
  /**
   * When the fleet launches instances, and how many.
   *
   * @default - at least 1 visible message for 1 minute; an instance for each `concurrency` messages
   */
  readonly scaleOut?: ScaleOutProps;
  /**
   * How long an idle instance waits for a job before it terminates itself: 0 seconds to 1 day. Not allowed with
   * `billing: 'per-hour'`, where an idle instance stays until the end of the hour that is paid for.
   *
   * @default - as long as its own boot took
   */
  readonly idleTimeout?: Duration;
  /**
   * How AWS bills the instances: `per-second`, `per-hour` (SUSE, some Marketplace images), or `auto`, which is
   * per second.
   *
   * @default 'auto'
   */
  readonly billing?: 'auto' | 'per-second' | 'per-hour';
  /**
   * Age at which an instance takes no new job and terminates itself when its jobs have ended: 1 minute to 365 days.
   *
   * @default - no limit
   */
  readonly maxAge?: Duration;
  /**
   * How long running jobs may continue after the agent is stopped (`systemctl stop`, or a shutdown of the instance): 0
   * seconds to 12 hours. Then the agent stops them and returns them to the queue. It does not apply to an instance that
   * retires or that Auto Scaling terminates, where each job may use its own limit. A Spot Instance stops its jobs before
   * the interruption.
   *
   * @default Duration.seconds(90)
   */
  readonly drain?: Duration;
  /**
   * How long an instance stays up after an operator stopped its agent (`systemctl stop mayfly-agent`), so that it can be
   * inspected: 0 seconds to 1 day. Then it terminates itself.
   *
   * @default Duration.minutes(15)
   */
  readonly stopGrace?: Duration;
  /**
   * Instances that have booted in advance and wait beside the group, for fleets whose boot takes long. A stopped one costs
   * its volume; a running one costs its full price. Not allowed together with `spotShare`.
   *
   * @default - none: instances boot when they are needed
   */
  readonly warmPool?: WarmPoolProps;
  /**
   * How long a boot may take: 30 seconds to 2 hours, in whole seconds. An instance that has not reported by then
   * terminates itself, or the keeper terminates it. It is the heartbeat timeout of the launch hook.
   *
   * @default Duration.minutes(15)
   */
  readonly bootBudget?: Duration;
  /**
   * SNS topic that is notified when the boot breaker opens or closes. It opens when instances fail to boot or complete
   * no job, and the fleet then launches no more instances. Without a topic the alarm is only visible in CloudWatch.
   *
   * @default - none
   */
  readonly alarmTopic?: ITopic;
  /**
   * How long a retiring instance tries to terminate itself through Auto Scaling before it powers itself off: 1 second to
   * 1 day.
   *
   * @default Duration.minutes(10)
   */
  readonly retirementBudget?: Duration;
  /**
   * How long AWS may refuse what an agent cannot work without (the messages of the queue, the table, the workers' role)
   * before its instance retires: 1 second to 1 day. An outage or throttling may last three times as long. An outage of
   * STS alone never retires an instance.
   *
   * @default Duration.minutes(5)
   */
  readonly refusalTimeout?: Duration;
  /**
   * Interval at which an instance reports to the table and looks up its Auto Scaling group: 1 second to 1 hour.
   *
   * @default Duration.minutes(1)
   */
  readonly reportInterval?: Duration;
  /**
   * Interval at which an instance reads its metadata for the target lifecycle state of Auto Scaling and for Spot
   * interruption notices: 0.1 seconds to 1 minute. Source: AWS recommends 5 seconds ("Spot Instance interruption notices").
   *
   * @default Duration.seconds(5)
   */
  readonly noticeInterval?: Duration;
  /**
   * Interval at which an instance with running jobs checks whether one of them is to be cancelled: 0.1 seconds to 1 hour.
   *
   * @default Duration.seconds(5)
   */
  readonly cancelInterval?: Duration;
}

export const lifecycleRows = {
  scaleOut: {
    check: object(checksOf(scaleOutRows)),
    default: {},
    convert: toScaleOut,
    fact: 'scaleOut',
  },
  idleTimeout: {
    check: duration(0, DAY),
    setting: 'idleSeconds',
    convert: toSeconds,
    agent: 'retirement.idleSeconds',
  },
  billing: { check: oneOf('auto', 'per-second', 'per-hour'), default: 'auto', agent: 'retirement.billing' },
  maxAge: {
    check: duration(60, 365 * DAY),
    setting: 'maxAgeSeconds',
    convert: toSeconds,
    agent: 'retirement.maxAgeSeconds',
  },
  drain: {
    check: duration(0, 12 * HOUR),
    default: Duration.seconds(90),
    setting: 'drainSeconds',
    convert: toSeconds,
    agent: 'drainSeconds',
  },
  stopGrace: {
    check: duration(0, DAY),
    default: Duration.minutes(15),
    setting: 'stopGraceSeconds',
    convert: toSeconds,
  },
  warmPool: { check: object(checksOf(warmPoolRows)), convert: toWarmPool },
  bootBudget: {
    check: duration(30, 2 * HOUR, wholeSeconds),
    default: Duration.seconds(DEFAULT_BOOT_BUDGET_SECONDS),
    setting: 'bootBudgetSeconds',
    convert: toSeconds,
    fact: 'bootBudgetSeconds',
  },
  alarmTopic: {
    check: having('an ITopic', 'topicArn'),
    fact: 'alarmTopic',
    toFact: (topic: ITopic | undefined) => topic?.topicArn,
  },
  retirementBudget: {
    check: duration(1, DAY),
    default: Duration.minutes(10),
    setting: 'ladderSeconds',
    convert: toSeconds,
    agent: 'retirement.ladderSeconds',
  },
  refusalTimeout: {
    check: duration(1, DAY),
    default: Duration.minutes(5),
    setting: 'refusalSeconds',
    convert: toSeconds,
    agent: 'retirement.refusalSeconds',
  },
  reportInterval: {
    check: duration(1, HOUR),
    default: Duration.minutes(1),
    setting: 'reportSeconds',
    convert: toSeconds,
    agent: 'reportSeconds',
  },
  noticeInterval: {
    check: duration(0.1, 60),
    default: Duration.seconds(5),
    setting: 'noticeSeconds',
    convert: toSeconds,
    agent: 'noticeSeconds',
  },
  cancelInterval: {
    check: duration(0.1, HOUR),
    default: Duration.seconds(5),
    setting: 'cancelSeconds',
    convert: toSeconds,
    agent: 'cancelSeconds',
  },
} satisfies PropRows<FleetLifecycleProps, FleetLifecycleProps & FleetWorkerProps>;
