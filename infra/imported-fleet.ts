import { Stack } from 'aws-cdk-lib';
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
} from './access/grants.ts';
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
  /** Lets a producer enqueue jobs. */
  grantEnqueue(grantee: IGrantable): Grant;
  /** Lets a principal read jobs, logs and the state of the fleet. It permits no change. */
  grantFollow(grantee: IGrantable): Grant;
  /** Lets an operator use every verb of the command. */
  grantOperate(grantee: IGrantable): Grant;
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

  grantFollow(grantee: IGrantable): Grant {
    return grantFollow(this.#target, grantee);
  }

  grantOperate(grantee: IGrantable): Grant {
    return grantOperate(this.#target, grantee);
  }
}
