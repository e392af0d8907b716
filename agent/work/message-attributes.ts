import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import { producersAttributes } from '../../jobs/message-attributes.ts';

/** Where a worker finds them. */
const VARIABLE = 'MAYFLY_MESSAGE_ATTRIBUTES';

/** Linux takes a variable of 128 KiB with its name and an end mark ("execve(2)", MAX_ARG_STRLEN). */
const LONGEST_VALUE_BYTES = 127 * 1024;

/**
 * A message's attributes as a variable of the worker's environment: a JSON object with the members that SQS's API has,
 * `{"colour": {"DataType": "String", "StringValue": "blue"}}`, and with bytes in base64.
 *
 * @returns the variable, or why there can be none
 */
export function attributesVariable(
  attributes: Record<string, MessageAttributeValue>,
): { variables: Record<string, string> } | { reason: string } {
  const own = Object.entries(producersAttributes(attributes));
  const text = JSON.stringify(Object.fromEntries(own.map(([name, value]) => [name, shownAs(value)])));
  const bytes = Buffer.byteLength(text);
  if (bytes <= LONGEST_VALUE_BYTES) return { variables: { [VARIABLE]: text } };
  const reason =
    `its message's attributes have ${bytes} bytes as JSON, more than the ${LONGEST_VALUE_BYTES} that a worker's ` +
    `variable ${VARIABLE} takes: send what is long in the body`;
  return { reason };
}

function shownAs({ DataType, StringValue, BinaryValue }: MessageAttributeValue): object {
  return BinaryValue === undefined
    ? { DataType, StringValue }
    : { DataType, BinaryValue: Buffer.from(BinaryValue).toString('base64') };
}
