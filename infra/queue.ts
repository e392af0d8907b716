import { Duration } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { SQS_MAX_RECEIVE_COUNT, SQS_MAX_RETENTION_SECONDS, SQS_MAX_WAIT_SECONDS } from '../lib/limits.ts';
import type { FleetSettings } from './props/settings.ts';

export const MESSAGE_RETENTION = Duration.seconds(SQS_MAX_RETENTION_SECONDS);

/** The queue of the jobs and the dead-letter queue. */
export function createQueues(
  scope: Construct,
  options: Pick<FleetSettings, 'leaseSeconds' | 'removalPolicy' | 'encryptionKeys'>,
) {
  const { queues: key } = options.encryptionKeys;
  const common = {
    ...(key
      ? { encryption: QueueEncryption.KMS, encryptionMasterKey: key }
      : { encryption: QueueEncryption.SQS_MANAGED }),
    enforceSSL: true,
    retentionPeriod: MESSAGE_RETENTION,
    removalPolicy: options.removalPolicy,
  };
  const deadLetterQueue = new Queue(scope, 'DeadLetterQueue', common);
  const queue = new Queue(scope, 'Queue', {
    ...common,
    visibilityTimeout: Duration.seconds(options.leaseSeconds),
    receiveMessageWaitTime: Duration.seconds(SQS_MAX_WAIT_SECONDS),
    // A net only: agents count the attempts, and an interruption must not use one up.
    deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount: SQS_MAX_RECEIVE_COUNT },
  });
  return { queue, deadLetterQueue };
}
