import { SQS_MAX_ATTRIBUTES, SQS_MAX_MESSAGE_BYTES } from '../lib/limits.ts';
import { isJobId } from './envelope.ts';
import type { MessageAttributes } from './message-attributes.ts';

/** Why a job is in the dead-letter queue, as the attributes of its message there say. */
export interface DeadLetterReason {
  jobId: string;
  reason: string;
  /** The worker's exit status, or the signal that ended it. Absent: it never ran. */
  exit?: string;
}

const LONGEST_REASON = 1000;

const JOB_ID = 'MayflyJobId';

/** The job whose dead letter a message was. Undefined: the message comes from a producer. */
export function redrivenFrom(attributes: MessageAttributes): string | undefined {
  const id = attributes[JOB_ID]?.StringValue;
  return isJobId(id) ? id : undefined;
}

/**
 * The attributes of a message's copy in the dead-letter queue. Its own stay unchanged. Ours are added as far as they fit,
 * the reason first, and replace those of an earlier dead letter. A message without room for ours is copied without them.
 */
export function createDeadLetterAttributes(
  message: { body: string; attributes: MessageAttributes },
  deadLetterReason: DeadLetterReason & { source: string },
): MessageAttributes {
  const ours: [string, string | undefined][] = [
    ['MayflyReason', sanitize(deadLetterReason.reason)],
    [JOB_ID, deadLetterReason.jobId],
    ['MayflyExit', deadLetterReason.exit],
    ['MayflySource', deadLetterReason.source],
  ];
  const names = new Set(ours.map(([name]) => name));
  const own = Object.entries(message.attributes).filter(([name]) => !names.has(name));
  const attributes = Object.fromEntries(own);
  let room = SQS_MAX_MESSAGE_BYTES - Buffer.byteLength(message.body) - measureAttributes(attributes);
  for (const [name, value] of ours) {
    if (!value || Object.keys(attributes).length >= SQS_MAX_ATTRIBUTES) continue;
    const attribute = { [name]: { DataType: 'String', StringValue: value } };
    const size = measureAttributes(attribute);
    if (size > room) continue;
    Object.assign(attributes, attribute);
    room -= size;
  }
  return attributes;
}

/** The bytes that attributes add to a message: names, types and values. */
export function measureAttributes(attributes: MessageAttributes): number {
  let bytes = 0;
  for (const [name, { DataType = '', StringValue = '', BinaryValue }] of Object.entries(attributes)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(DataType) + Buffer.byteLength(StringValue);
    bytes += BinaryValue?.length ?? 0;
  }
  return bytes;
}

/**
 * A reason can quote what a producer sent. SQS refuses most control characters, lone surrogates, U+FFFE and U+FFFF
 * ("SendMessage": the value of an attribute has the same restrictions as a body).
 */
function sanitize(text: string): string {
  const allowed = text.replace(/[\p{Cc}\p{Cs}\ufffe\uffff]+/gu, ' ').slice(0, LONGEST_REASON);
  return allowed.replace(/\p{Cs}$/u, '');
}
