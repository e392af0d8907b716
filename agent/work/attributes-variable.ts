import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import { selectProducerAttributes } from '../../jobs/message-attributes.ts';

const VARIABLE = 'MAYFLY_MESSAGE_ATTRIBUTES';

/** Linux allows 128 KiB for a variable with its name and the terminating NUL ("execve(2)", MAX_ARG_STRLEN). */
const MAX_VALUE_BYTES = 127 * 1024;

/**
 * Formats a message's attributes as a variable of the worker's environment: a JSON object with the fields of SQS's API,
 * `{"colour": {"DataType": "String", "StringValue": "blue"}}`. Binary values are in base64.
 *
 * @returns the variable, or why it cannot be set
 */
export function attributesVariable(
  attributes: Record<string, MessageAttributeValue>,
): { variables: Record<string, string> } | { reason: string } {
  const own = Object.entries(selectProducerAttributes(attributes));
  const text = JSON.stringify(Object.fromEntries(own.map(([name, value]) => [name, formatValue(value)])));
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_VALUE_BYTES) return { variables: { [VARIABLE]: text } };
  const reason =
    `its message's attributes have ${bytes} bytes as JSON, more than the ${MAX_VALUE_BYTES} that a worker's ` +
    `variable ${VARIABLE} takes: send what is long in the body`;
  return { reason };
}

function formatValue({ DataType, StringValue, BinaryValue }: MessageAttributeValue): object {
  return BinaryValue === undefined
    ? { DataType, StringValue }
    : { DataType, BinaryValue: Buffer.from(BinaryValue).toString('base64') };
}
