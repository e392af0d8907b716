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
