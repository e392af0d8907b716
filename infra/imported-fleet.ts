import { Stack } from 'aws-cdk-lib';
import type { Metric, MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import { type IQueue, Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct, type IConstruct } from 'constructs';
import { readFleetArns } from './access/fleet-arns.ts';
import {
  formatParameterArn,
  type GrantTarget,
  grantEnqueue,
  grantFollow,
  grantOperate,
  grantRequest,
} from './access/grants.ts';
import { keeperMetric } from './metrics.ts';
import { checkAll, text } from './props/checks.ts';
import { type EncryptionKeys, encryptionKeysCheck } from './props/stores.ts';

/** A fleet of this app or of another, as other stacks use it. */
export interface IWorkerFleet extends IConstruct {
  /** `<stack>/<fleet>`. */
  readonly fleetName: string;
  /** The queue to which producers send jobs. */
  readonly queue: IQueue;
  /** The queue of the failed jobs. An attribute of each message has the reason. */
  readonly deadLetterQueue: IQueue;
  /** Lets a producer enqueue jobs, also into groups. */
  grantEnqueue(grantee: IGrantable): Grant;
  /** Lets a principal make requests and change them. It includes `grantEnqueue`. */
  grantRequest(grantee: IGrantable): Grant;
  /** Lets a principal read jobs, logs and the state of the fleet. It permits no change. */
  grantFollow(grantee: IGrantable): Grant;
  /** Lets an operator use every verb of the command. */
  grantOperate(grantee: IGrantable): Grant;
  /**
   * Jobs of groups that are held: they may not run yet. The keeper writes it while a job is held or a group is stopped, and 0
   * once after that, so an alarm has to ignore missing data.
   */
  metricHeldJobs(options?: MetricOptions): Metric;
  /** How long the oldest held job has been held, in seconds. Written as `metricHeldJobs` is. */
  metricOldestHeldJob(options?: MetricOptions): Metric;
  /** Groups that are stopped, and requests that wait for a person. Written as `metricHeldJobs` is. */
  metricStoppedGroups(options?: MetricOptions): Metric;
}

/** What `WorkerFleet.fromName` has to know of a fleet beside its name. */
export interface FromNameOptions {
  /**
   * The keys of the fleet's prop `encryptionKeys`, such as `Key.fromKeyArn(...)`. Without them a grant does not include
   * the use of the keys.
   *
   * @default - keys of SQS, DynamoDB and S3 themselves
   */
  readonly encryptionKeys?: EncryptionKeys;
}

const checks = {
  fleetName: text(
    '"<stack>/<fleet>", as fleet.fleetName is and mayfly fleet shows it; no token',
    /^[A-Za-z][A-Za-z0-9-]{0,127}\/[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  ),
  encryptionKeys: encryptionKeysCheck,
};

/** A fleet of another stack of the same account and region. */
export class ImportedFleet extends Construct implements IWorkerFleet {
  readonly fleetName: string;
  readonly queue: IQueue;
  readonly deadLetterQueue: IQueue;
  readonly #target: GrantTarget;

  constructor(scope: Construct, id: string, fleetName: string, options: FromNameOptions) {
    super(scope, id);
    checkAll(`WorkerFleet.fromName ${this.node.path}`, { ...options, fleetName }, checks);
    const { encryptionKeys = {} } = options;
    const arns = readFleetArns(this, fleetName);
    const keyArn = encryptionKeys.queues?.keyArn;
    const queue = (queueId: string, queueArn: string) =>
      Queue.fromQueueAttributes(this, queueId, { queueArn, ...(keyArn !== undefined && { keyArn }) });
    this.fleetName = fleetName;
    this.queue = queue('Queue', arns.queue);
    this.deadLetterQueue = queue('DeadLetterQueue', arns.deadLetterQueue);
    const [stackName = ''] = fleetName.split('/');
    this.#target = {
      queue: this.queue,
      arns,
      encryptionKeys,
      parameterArn: formatParameterArn(Stack.of(this), fleetName),
      stackParametersArn: formatParameterArn(Stack.of(this), stackName),
    };
  }

  grantEnqueue(grantee: IGrantable): Grant {
    return grantEnqueue(this.#target, grantee);
  }

  grantRequest(grantee: IGrantable): Grant {
    return grantRequest(this.#target, grantee);
  }

  grantFollow(grantee: IGrantable): Grant {
    return grantFollow(this.#target, grantee);
  }

  grantOperate(grantee: IGrantable): Grant {
    return grantOperate(this.#target, grantee);
  }

  metricHeldJobs(options?: MetricOptions): Metric {
    return keeperMetric(this.fleetName, 'HeldJobs', options);
  }

  metricOldestHeldJob(options?: MetricOptions): Metric {
    return keeperMetric(this.fleetName, 'OldestHeldJob', options);
  }

  metricStoppedGroups(options?: MetricOptions): Metric {
    return keeperMetric(this.fleetName, 'StoppedGroups', options);
  }
}
