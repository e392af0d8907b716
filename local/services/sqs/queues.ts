import { textMap } from '../../front-door/read.ts';
import { AwsError, type Input } from '../../front-door/service.ts';
import type { Fauxqs } from '../fauxqs.ts';
import type { Queue } from './queue.ts';
import type { QueuePolicies } from './queue-policies.ts';

/** The attributes that "CreateQueue" can set. */
const SETTABLE = new Set([
  'ContentBasedDeduplication',
  'DeduplicationScope',
  'DelaySeconds',
  'FifoQueue',
  'FifoThroughputLimit',
  'KmsDataKeyReusePeriodSeconds',
  'KmsMasterKeyId',
  'MaximumMessageSize',
  'MessageRetentionPeriod',
  'Policy',
  'ReceiveMessageWaitTimeSeconds',
  'RedrivePolicy',
  'SqsManagedSseEnabled',
  'VisibilityTimeout',
]);

export async function createQueue(
  fauxqs: Fauxqs,
  policies: QueuePolicies,
  input: Input,
  region: string,
): Promise<Input> {
  const name = String(input['QueueName'] ?? '');
  if (!/^[\w-]{1,80}$/.test(name.replace(/\.fifo$/, '')) || name.length > 80) {
    throw new AwsError(
      'InvalidParameterValue',
      `Queue name '${name}' can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length`,
    );
  }
  const attributes = settableAttributes(input);
  return policies.setWith(name, attributes, () =>
    fauxqs.sqs('CreateQueue', { ...input, Attributes: attributes }, region),
  );
}

export async function setQueueAttributes(
  queue: Queue,
  policies: QueuePolicies,
  input: Input,
): Promise<Input> {
  const Attributes = settableAttributes(input);
  await policies.setWith(queue.name, Attributes, () => queue.call('SetQueueAttributes', { Attributes }));
  return {};
}

export async function deleteQueue(queue: Queue, policies: QueuePolicies): Promise<Input> {
  await queue.call('DeleteQueue', {});
  policies.forget(queue.name);
  return {};
}

function settableAttributes(input: Input): Record<string, string> {
  const attributes = textMap(input, 'Attributes');
  const unknown = Object.keys(attributes).find((name) => !SETTABLE.has(name));
  if (unknown) throw new AwsError('InvalidAttributeName', `Unknown Attribute ${unknown}.`);
  return attributes;
}

/** Without attribute names the answer has no attributes, as in AWS. */
export async function getQueueAttributes(queue: Queue, input: Input): Promise<Input> {
  const names = Array.isArray(input['AttributeNames']) ? input['AttributeNames'] : [];
  if (names.length === 0) return {};
  await refreshCounts(queue);
  return queue.call('GetQueueAttributes', { AttributeNames: names });
}

/**
 * fauxqs moves messages whose time-out or delay has ended only when a receive comes, and its counts are wrong until
 * then. A receive with an invalid number takes no message, but makes fauxqs check its clock.
 */
async function refreshCounts(queue: Queue): Promise<void> {
  await queue.call('ReceiveMessage', { MaxNumberOfMessages: 'none', WaitTimeSeconds: 0 });
}
