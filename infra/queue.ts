import { Duration } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { LONGEST_POLL_SECONDS, LONGEST_RETENTION_SECONDS, MOST_RECEIVES } from '../lib/limits.ts';
import type { FleetSettings } from './props/settings.ts';

export const RETENTION = Duration.seconds(LONGEST_RETENTION_SECONDS);

/** The queue of the jobs and the dead-letter queue. */
export function jobQueues(
  scope: Construct,
  options: Pick<FleetSettings, 'leaseSeconds' | 'removalPolicy' | 'encryptionKeys'>,
) {
  const { queues: key } = options.encryptionKeys;
  const common = {
    ...(key
      ? { encryption: QueueEncryption.KMS, encryptionMasterKey: key }
      : { encryption: QueueEncryption.SQS_MANAGED }),
    enforceSSL: true,
    retentionPeriod: RETENTION,
    removalPolicy: options.removalPolicy,
  };
  const deadLetterQueue = new Queue(scope, 'DeadLetterQueue', common);
  const queue = new Queue(scope, 'Queue', {
    ...common,
    visibilityTimeout: Duration.seconds(options.leaseSeconds),
    receiveMessageWaitTime: Duration.seconds(LONGEST_POLL_SECONDS),
    // A net only: agents count the attempts, and an interruption must not use one up.
    deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount: MOST_RECEIVES },
  });
  return { queue, deadLetterQueue };
}
