import type { MessageAttributeValue } from '@aws-sdk/client-sqs';

/** Ours: what binds a message to its record, and what is said of a dead letter. */
const RESERVED = /^Mayfly/;

/** The attributes of a message that its producer sent. */
export function producersAttributes(
  attributes: Record<string, MessageAttributeValue>,
): Record<string, MessageAttributeValue> {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !RESERVED.test(name)));
}
