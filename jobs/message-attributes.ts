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
