import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import { createBindingAttributes, createNonce } from '../../jobs/binding.ts';
import { bodyKey } from '../../jobs/body-key.ts';
import { measureAttributes } from '../../jobs/dead-letter.ts';
import { type Envelope, findGroupProblem, findLabelProblem, readEnvelope } from '../../jobs/envelope.ts';
import { findKeptAttributesProblem } from '../../jobs/message-attributes.ts';
import { toMessageText } from '../../jobs/message-text.ts';
import { MAX_KEPT_BODY_BYTES } from '../../jobs/record.ts';
import {
  SQS_MAX_ATTRIBUTES,
  SQS_MAX_DELAY_SECONDS,
  SQS_MAX_MESSAGE_BYTES,
  SQS_MAX_VISIBILITY_SECONDS,
} from '../../lib/limits.ts';
import type { RepeatedFields } from '../../store/claim.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import { BadBodyError, FleetError, NotTrackedError, WrongOptionError } from '../errors.ts';
import { type Body, encodeBody } from './encode-body.ts';
import { deduplicatedId } from './ids.ts';
import type { JobOptions } from './options.ts';

/**
 * A job whose options and body are checked, with its id and its message. Next its record is written, then it is sent.
 */
export interface PreparedJob {
  id: string;
  envelope: Envelope & { id: string };
  /** Only the record has these: agents of earlier versions refuse an envelope with an unknown key. */
  label?: string;
  target?: string;
  /** What the worker reads. */
  text: string;
  /** The body of the SQS message. */
  message: string;
  /** The text is too long for a message and is put into the log bucket. */
  viaBucket: boolean;
  /** Absent: the queue's own delay. */
  delaySeconds?: number;
  /** The id was made from a deduplication key. */
  isDeduplicated: boolean;
  /**
   * Secret that binds the message to the record. Undefined without records. If the record exists already, `recordJob`
   * sets it to that record's nonce, which is undefined in records of earlier versions.
   */
  nonce?: string | undefined;
  /** Message attributes other than the nonce. */
  attributes: Record<string, MessageAttributeValue>;
  /** The job that this one repeats, and what it has in common with it. */
  retryOf?: string;
  repeated?: RepeatedFields;
}

/**
 * Checks a job's body and options, and builds its message. Calls nothing of AWS. Throws `BadBodyError`,
 * `WrongOptionError` or `NotTrackedError`.
 *
 * @param id the job's id, used if the options have no deduplication key
 * @param attributes attributes of the message that this one repeats
 */
export function prepareJob(
  facts: FleetFacts,
  id: string,
  body: Body,
  options: JobOptions,
  attributes: PreparedJob['attributes'] = {},
): PreparedJob {
  const { delaySeconds, dedupe, group, label, target } = options;
  checkTracking(facts, options);
  checkTimes(facts, options);
  const text = encodeBody(body);
  const head = createHead(dedupe === undefined ? id : deduplicatedId(dedupe), options);
  // The payload is the text, not the value, so that record, message and bucket contain the same.
  const direct = { ...head, payload: text };
  const message = toMessageText(direct);
  const nonce = facts.trackJobs ? createNonce() : undefined;
  const bound = { ...attributes, ...createBindingAttributes(nonce) };
  if (Object.keys(bound).length > SQS_MAX_ATTRIBUTES) throw new BadBodyError(TOO_MANY_ATTRIBUTES);
  const unkept = group === undefined ? undefined : findKeptAttributesProblem(attributes);
  if (unkept !== undefined) throw new BadBodyError(`The job was not enqueued: its message ${unkept}.`);
  // A held job has no message yet, and its record keeps a short body only.
  const viaBucket =
    group === undefined
      ? Buffer.byteLength(message) + measureAttributes(bound) > SQS_MAX_MESSAGE_BYTES
      : Buffer.byteLength(text) > MAX_KEPT_BODY_BYTES;
  const envelope = viaBucket ? { ...head, bodyKey: bodyKey(head.id) } : direct;
  return {
    id: head.id,
    envelope,
    ...(label !== undefined && { label }),
    ...(target !== undefined && { target }),
    text,
    message: viaBucket ? toMessageText(envelope) : message,
    viaBucket,
    ...(delaySeconds !== undefined && { delaySeconds }),
    isDeduplicated: dedupe !== undefined,
    nonce,
    attributes,
  };
}

/** Checks a job as `prepareJob` does. Returns the sentence that says why it cannot be enqueued, or undefined. */
export function findJobProblem(facts: FleetFacts, body: Body, options: JobOptions): string | undefined {
  try {
    prepareJob(facts, 'j-checked', body, options);
    return undefined;
  } catch (error) {
    if (error instanceof FleetError) return error.message;
    throw error;
  }
}

const TOO_MANY_ATTRIBUTES =
  'The message has ten attributes, the most that SQS takes. One more is needed to bind it to its record. ' +
  "SQS's own redrive (`aws sqs start-message-move-task`) sends it unchanged.";

/** The envelope without its body. What an agent would refuse is refused here. */
function createHead(id: string, options: JobOptions): Envelope & { id: string } {
  const { limitSeconds, group, label, requestId } = options;
  const head = {
    mayfly: 1,
    id,
    ...(limitSeconds !== undefined && { limitSeconds }),
    ...(group !== undefined && { group }),
    ...(requestId !== undefined && { requestId }),
  } as const;
  const reading = readEnvelope({ ...head, payload: '' });
  const problem =
    'problem' in reading ? reading.problem : (findLabelProblem(label) ?? findGroupProblem(options));
  if (problem !== undefined) throw new WrongOptionError(`The job was not enqueued: ${problem}.`);
  return head;
}

function checkTracking({ fleet, trackJobs }: FleetFacts, options: JobOptions): void {
  if (trackJobs) return;
  for (const name of ['dedupe', 'group', 'target', 'label', 'requestId'] as const) {
    if (options[name] === undefined) continue;
    throw new NotTrackedError(
      `Fleet ${fleet} keeps no records of jobs (its prop trackJobs is false): its jobs cannot have a ${name}.`,
    );
  }
}

export function checkTimes(
  facts: FleetFacts,
  { limitSeconds, delaySeconds, dedupe, group }: JobOptions,
): void {
  const { fleet, graceSeconds, maxLimitSeconds } = facts;
  if (limitSeconds !== undefined && maxLimitSeconds !== undefined && limitSeconds > maxLimitSeconds) {
    throw new WrongOptionError(
      `The job's time limit is ${limitSeconds} s; fleet ${fleet} allows 1 to ${maxLimitSeconds} s (its prop maxLimit).`,
    );
  }
  const longest = SQS_MAX_VISIBILITY_SECONDS - graceSeconds;
  if (limitSeconds !== undefined && !(limitSeconds >= 1 && limitSeconds <= longest)) {
    throw new WrongOptionError(
      `The job's time limit is ${limitSeconds} s; allowed are 1 to ${longest} s. SQS hides a message for 12 hours at most, ` +
        'and the limit and the grace after it have to fit into that.',
    );
  }
  const isDelay = (value: number) => Number.isInteger(value) && value >= 0 && value <= SQS_MAX_DELAY_SECONDS;
  if (delaySeconds !== undefined && !isDelay(delaySeconds)) {
    throw new WrongOptionError(
      `The job's delay is ${delaySeconds} s; SQS takes whole seconds from 0 to ${SQS_MAX_DELAY_SECONDS}.`,
    );
  }
  if (group !== undefined && delaySeconds !== undefined) {
    throw new WrongOptionError(
      'A job with a group cannot have a delay: it is held until its group has a lane for it. Omit the delay or the group.',
    );
  }
  if (dedupe === '')
    throw new WrongOptionError('The dedupe key is empty. Omit it, or give a key that identifies the job.');
}
