import {
  formatAttributes,
  MAX_ATTRIBUTES_BYTES,
  type MessageAttributes,
  selectProducerAttributes,
} from '../../jobs/message-attributes.ts';

const VARIABLE = 'MAYFLY_MESSAGE_ATTRIBUTES';

/**
 * Formats a message's attributes as a variable of the worker's environment: a JSON object with the fields of SQS's API,
 * `{"colour": {"DataType": "String", "StringValue": "blue"}}`. Binary values are in base64.
 *
 * @returns the variable, or why it cannot be set
 */
export function attributesVariable(
  attributes: MessageAttributes,
): { variables: Record<string, string> } | { reason: string } {
  const text = formatAttributes(selectProducerAttributes(attributes));
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_ATTRIBUTES_BYTES) return { variables: { [VARIABLE]: text } };
  const reason =
    `its message's attributes have ${bytes} bytes as JSON, more than the ${MAX_ATTRIBUTES_BYTES} that a worker's ` +
    `variable ${VARIABLE} takes: send what is long in the body`;
  return { reason };
}
