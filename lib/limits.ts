/**
 * The limits of AWS that this project depends on, each with the page that states it. Imports nothing, so that every
 * folder can import it.
 */

/** "Amazon SQS message quotas": the longest retention, 14 days. */
export const SQS_MAX_RETENTION_SECONDS = 1_209_600;

/** "Amazon SQS visibility timeout": a message is invisible for at most 12 hours, counted from the receive. */
export const SQS_MAX_VISIBILITY_SECONDS = 43_200;

/** "Amazon SQS message quotas": the longest `DelaySeconds`, 15 minutes. */
export const SQS_MAX_DELAY_SECONDS = 900;

/** "Amazon SQS short and long polling": the longest `WaitTimeSeconds`. */
export const SQS_MAX_WAIT_SECONDS = 20;

/** "Amazon SQS message quotas": messages in one receive or batch call. */
export const SQS_MAX_BATCH_SIZE = 10;

/** "Amazon SQS message quotas": the body and the attributes of a message, or of all messages of a batch, 1 MiB. */
export const SQS_MAX_MESSAGE_BYTES = 1_048_576;

/** "Amazon SQS message metadata": attributes of a message. */
export const SQS_MAX_ATTRIBUTES = 10;

/** "SetQueueAttributes", `RedrivePolicy`: the largest `maxReceiveCount`. */
export const SQS_MAX_RECEIVE_COUNT = 1000;

/** "BatchGetItem" of DynamoDB's API reference: items in one call. */
export const DYNAMODB_MAX_BATCH_GET = 100;

/** "BatchWriteItem" of DynamoDB's API reference: items in one call. */
export const DYNAMODB_MAX_BATCH_WRITE = 25;

/** "Amazon EC2 Auto Scaling lifecycle hooks": a wait state ends after 100 heartbeat timeouts, or after 48 hours. */
export const AUTO_SCALING_MAX_HEARTBEATS = 100;

/** "PutLifecycleHook": the longest `HeartbeatTimeout`, 2 hours. */
export const AUTO_SCALING_MAX_HEARTBEAT_SECONDS = 7200;

/** "DescribeScalingActivities": the largest `MaxRecords`. */
export const AUTO_SCALING_MAX_ACTIVITIES = 100;

/** "SetInstanceProtection": instances in one call. */
export const AUTO_SCALING_MAX_PROTECTED_INSTANCES = 50;

/** "Run commands when you launch an EC2 instance with user data input": bytes before they are encoded, 16 KiB. */
export const EC2_MAX_USER_DATA_BYTES = 16_384;

/** "Tag your Amazon EC2 resources": characters in the value of a tag. */
export const EC2_MAX_TAG_VALUE_LENGTH = 256;

/** "Amazon EBS volume types": the largest volume, 64 TiB. */
export const EBS_MAX_VOLUME_BYTES = 64 * 1024 ** 4;

/** "Use the Instance Metadata Service to access instance metadata": the longest life of a session token, 6 hours. */
export const IMDS_MAX_TOKEN_SECONDS = 21_600;

/** "CreateComponent" of EC2 Image Builder: characters in a document that is given inline. */
export const IMAGE_BUILDER_MAX_DOCUMENT_LENGTH = 16_000;
