import { Duration, type RemovalPolicy, Validations } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';

/** Where the logs of jobs are kept, and those of instances that ended because something broke. */
export function logBucket(scope: Construct, retention: Duration, removalPolicy: RemovalPolicy): Bucket {
  const bucket = new Bucket(scope, 'Logs', {
    encryption: BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    lifecycleRules: [{ expiration: retention, abortIncompleteMultipartUploadAfter: Duration.days(1) }],
    removalPolicy,
  });
  Validations.of(bucket).acknowledge({
    id: 'AwsSolutions-S1',
    reason:
      'Access logs need a second bucket that is kept, billed and watched. What is in this one expires by itself, ' +
      'and only roles of this stack can read it; CloudTrail data events record its use where that is asked for.',
  });
  return bucket;
}
