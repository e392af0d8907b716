import { Duration } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { FleetSettings } from './props/settings.ts';

/** The longest retention period and the largest `maxReceiveCount` of SQS ("Amazon SQS message quotas"). */
export const RETENTION = Duration.days(14);
const MOST_RECEIVES = 1000;

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
    receiveMessageWaitTime: Duration.seconds(20),
    // A safeguard: agents count the attempts themselves, as an interruption must not cost one.
    deadLetterQueue: { queue: deadLetterQueue, maxReceiveCount: MOST_RECEIVES },
  });
  return { queue, deadLetterQueue };
}
