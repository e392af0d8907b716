/**
 * The limits of AWS that this project depends on, each with the page that states it. Imports nothing, so that every
 * folder can import it.
 */

/** "Amazon SQS message quotas": the longest retention, 14 days. */
export const LONGEST_RETENTION_SECONDS = 1_209_600;

/** "Amazon SQS visibility timeout": a message is invisible for at most 12 hours, counted from the receive. */
export const LONGEST_VISIBILITY_SECONDS = 43_200;

/** "Amazon SQS message quotas": the longest `DelaySeconds`, 15 minutes. */
export const LONGEST_DELAY_SECONDS = 900;

/** "Amazon SQS short and long polling": the longest `WaitTimeSeconds`. */
export const LONGEST_POLL_SECONDS = 20;

/** "Amazon SQS message quotas": messages in one receive or batch call. */
export const LARGEST_BATCH = 10;

/** "Amazon SQS message quotas": the body and the attributes of a message, or of all messages of a batch, 1 MiB. */
export const LARGEST_MESSAGE_BYTES = 1_048_576;

/** "Amazon SQS message metadata": attributes of a message. */
export const MOST_MESSAGE_ATTRIBUTES = 10;

/** "SetQueueAttributes", `RedrivePolicy`: the largest `maxReceiveCount`. */
export const MOST_RECEIVES = 1000;

/** "BatchGetItem" of DynamoDB's API reference: items in one call. */
export const LARGEST_BATCH_GET = 100;

/** "BatchWriteItem" of DynamoDB's API reference: items in one call. */
export const LARGEST_BATCH_WRITE = 25;

/** "Amazon EC2 Auto Scaling lifecycle hooks": a wait state ends after 100 heartbeat timeouts, or after 48 hours. */
export const MOST_HEARTBEATS = 100;

/** "PutLifecycleHook": the longest `HeartbeatTimeout`, 2 hours. */
export const LONGEST_HEARTBEAT_SECONDS = 7200;

/** "DescribeScalingActivities": the largest `MaxRecords`. */
export const LARGEST_ACTIVITY_PAGE = 100;

/** "SetInstanceProtection": instances in one call. */
export const MOST_PROTECTED_INSTANCES = 50;

/** "Run commands when you launch an EC2 instance with user data input": bytes before they are encoded, 16 KiB. */
export const LARGEST_USER_DATA_BYTES = 16_384;

/** "Tag your Amazon EC2 resources": characters in the value of a tag. */
export const LONGEST_TAG_VALUE = 256;

/** "Amazon EBS volume types": the largest volume, 64 TiB. */
export const LARGEST_VOLUME_BYTES = 64 * 1024 ** 4;

/** "Use the Instance Metadata Service to access instance metadata": the longest life of a session token, 6 hours. */
export const LONGEST_METADATA_TOKEN_SECONDS = 21_600;

/** "CreateComponent" of EC2 Image Builder: characters in a document that is given inline. */
export const LONGEST_COMPONENT_DOCUMENT = 16_000;
