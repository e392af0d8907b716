import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type LifecycleRule,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { BODY_PREFIX, HELD_BODY_DAYS } from '../jobs/body-key.ts';
import { INSTANCE_LOG_PREFIX, JOB_LOG_PREFIX } from '../store/bucket-keys.ts';
import type { FleetSettings } from './props/settings.ts';
import { MESSAGE_RETENTION } from './queue.ts';

/** The bucket for the logs of jobs and instances, and for bodies that are too long for a message or a record. */
export function createLogBucket(scope: Construct, settings: FleetSettings): Bucket {
  const { logBucket: encryptionKey } = settings.encryptionKeys;
  const bucket = new Bucket(scope, 'Logs', {
    ...(encryptionKey
      ? { encryption: BucketEncryption.KMS, encryptionKey, bucketKeyEnabled: true }
      : { encryption: BucketEncryption.S3_MANAGED }),
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    lifecycleRules: lifecycleRules(settings),
    removalPolicy: settings.removalPolicy,
    autoDeleteObjects: settings.removalPolicy === RemovalPolicy.DESTROY,
  });
  Validations.of(bucket).acknowledge({
    id: 'AwsSolutions-S1',
    reason:
      'Access logs need a second bucket that is kept, billed and watched. What is in this one expires by itself, ' +
      'and only roles of this stack can read it; CloudTrail data events record its use where that is asked for.',
  });
  return bucket;
}

/**
 * Bodies expire after their last reader: the message on the queue, and then the dead letter, which is a message of its own,
 * or the job's record. A job with a group may be held before its message is sent.
 */
function lifecycleRules({ logRetention, recordSeconds, trackJobs }: FleetSettings): LifecycleRule[] {
  const bodySeconds = MESSAGE_RETENTION.toSeconds() + Math.max(MESSAGE_RETENTION.toSeconds(), recordSeconds);
  const heldDays = trackJobs ? HELD_BODY_DAYS : 0;
  const bodies = Duration.days(heldDays + Math.ceil(bodySeconds / 86_400));
  return [
    { prefix: JOB_LOG_PREFIX, expiration: logRetention },
    { prefix: INSTANCE_LOG_PREFIX, expiration: logRetention },
    { prefix: BODY_PREFIX, expiration: bodies },
    { abortIncompleteMultipartUploadAfter: Duration.days(1) },
  ];
}
