import { LARGEST_MESSAGE_BYTES, MOST_MESSAGE_ATTRIBUTES } from '../lib/limits.ts';
import { isJobId } from './envelope.ts';
import type { MessageAttributes } from './message-attributes.ts';

/** Why a job is in the dead-letter queue: what its message attributes there say. */
export interface Epitaph {
  jobId: string;
  reason: string;
  /** The worker's exit status, or the signal that it died of; absent if it never ran. */
  exit?: string;
}

const LONGEST_REASON = 1000;

const JOB_ID = 'MayflyJobId';

/** The job that a message was of which comes from a dead-letter queue; undefined if it comes from a producer. */
export function raisedFrom(attributes: MessageAttributes): string | undefined {
  const id = attributes[JOB_ID]?.StringValue;
  return isJobId(id) ? id : undefined;
}

/**
 * The attributes of a message's copy in the dead-letter queue: its own, untouched, and ours as far as they fit, the
 * reason first; what an earlier death had left of ours goes. A message never stays out of the dead-letter queue for
 * want of room: then ours stay away.
 */
export function deadLetterAttributes(
  message: { body: string; attributes: MessageAttributes },
  epitaph: Epitaph & { source: string },
): MessageAttributes {
  const ours: [string, string | undefined][] = [
    ['MayflyReason', printable(epitaph.reason)],
    [JOB_ID, epitaph.jobId],
    ['MayflyExit', epitaph.exit],
    ['MayflySource', epitaph.source],
  ];
  const names = new Set(ours.map(([name]) => name));
  const own = Object.entries(message.attributes).filter(([name]) => !names.has(name));
  const attributes = Object.fromEntries(own);
  let room = LARGEST_MESSAGE_BYTES - Buffer.byteLength(message.body) - sizeOf(attributes);
  for (const [name, value] of ours) {
    if (!value || Object.keys(attributes).length >= MOST_MESSAGE_ATTRIBUTES) continue;
    const attribute = { [name]: { DataType: 'String', StringValue: value } };
    const size = sizeOf(attribute);
    if (size > room) continue;
    Object.assign(attributes, attribute);
    room -= size;
  }
  return attributes;
}

/** Bytes that attributes add to a message: names, types and values. */
export function sizeOf(attributes: MessageAttributes): number {
  let bytes = 0;
  for (const [name, { DataType = '', StringValue = '', BinaryValue }] of Object.entries(attributes)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(DataType) + Buffer.byteLength(StringValue);
    bytes += BinaryValue?.length ?? 0;
  }
  return bytes;
}

/**
 * A reason can quote what a producer sent. SQS refuses most control characters, halves of characters, U+FFFE and U+FFFF
 * ("SendMessage": an attribute's value has the same restrictions as a body).
 */
function printable(text: string): string {
  const taken = text.replace(/[\p{Cc}\p{Cs}\ufffe\uffff]+/gu, ' ').slice(0, LONGEST_REASON);
  return taken.replace(/\p{Cs}$/u, '');
}
