import { SQS_MAX_ATTRIBUTES } from '../lib/limits.ts';

/** An attribute of a message, as SQS's API has it. */
export interface MessageAttribute {
  DataType: string | undefined;
  StringValue?: string | undefined;
  BinaryValue?: Uint8Array | undefined;
}

export type MessageAttributes = Record<string, MessageAttribute>;

/** Ours: what binds a message to its record, and what a dead letter says of its job. */
const RESERVED = /^Mayfly/;

/** The attributes that the producer of a message sent. */
export function selectProducerAttributes(attributes: MessageAttributes): MessageAttributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !RESERVED.test(name)));
}

/** The producer's attributes that a held job keeps: its nonce and its release take two of SQS's ten. */
const MOST_KEPT_ATTRIBUTES = SQS_MAX_ATTRIBUTES - 2;

/**
 * Bytes of attributes as JSON, in a worker's variable and in a record. Linux allows 128 KiB for a variable with its name and
 * the terminating NUL ("execve(2)", MAX_ARG_STRLEN), and DynamoDB 400 KB for an item.
 */
export const MAX_ATTRIBUTES_BYTES = 127 * 1024;

/** Why a record cannot keep the producer's attributes of a job with a group. It ends a sentence about the job. */
export function findKeptAttributesProblem(own: MessageAttributes): string | undefined {
  const count = Object.keys(own).length;
  if (count > MOST_KEPT_ATTRIBUTES) {
    return (
      `has a group and ${count} message attributes of its own; allowed are ${MOST_KEPT_ATTRIBUTES}: SQS takes ` +
      `${SQS_MAX_ATTRIBUTES}, and two bind the message to its record and its release`
    );
  }
  const bytes = Buffer.byteLength(formatAttributes(own));
  if (bytes <= MAX_ATTRIBUTES_BYTES) return undefined;
  return (
    `has a group and message attributes of ${bytes} bytes as JSON, more than the ${MAX_ATTRIBUTES_BYTES} that its record ` +
    'keeps while it is held: send what is long in the body'
  );
}

/** Attributes as a text, for a record. Binary values are in base64. */
export function formatAttributes(attributes: MessageAttributes): string {
  const entries = Object.entries(attributes).map(([name, { DataType, StringValue, BinaryValue }]) => [
    name,
    BinaryValue === undefined
      ? { DataType, StringValue }
      : { DataType, BinaryValue: Buffer.from(BinaryValue).toString('base64') },
  ]);
  return JSON.stringify(Object.fromEntries(entries));
}

/** The attributes that `formatAttributes` made a text of. */
export function parseAttributes(text: string): MessageAttributes {
  const attributes = JSON.parse(text) as Record<
    string,
    { DataType: string; StringValue?: string; BinaryValue?: string }
  >;
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { BinaryValue, ...attribute }]) => [
      name,
      BinaryValue === undefined
        ? attribute
        : { ...attribute, BinaryValue: Buffer.from(BinaryValue, 'base64') },
    ]),
  );
}
