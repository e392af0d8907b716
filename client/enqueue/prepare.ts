import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import { createBindingAttributes, createNonce } from '../../jobs/binding.ts';
import { bodyKey } from '../../jobs/body-key.ts';
import { measureAttributes } from '../../jobs/dead-letter.ts';
import { type Envelope, findLabelProblem, readEnvelope } from '../../jobs/envelope.ts';
import {
  SQS_MAX_ATTRIBUTES,
  SQS_MAX_DELAY_SECONDS,
  SQS_MAX_MESSAGE_BYTES,
  SQS_MAX_VISIBILITY_SECONDS,
} from '../../lib/limits.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import { BadBodyError, FleetError, NotTrackedError, WrongOptionError } from '../errors.ts';
import { type Body, encodeBody } from './encode-body.ts';
import { deduplicatedId } from './ids.ts';
import type { JobOptions, RepeatedOptions } from './options.ts';

/**
 * A job whose options and body are checked, with its id and its message. Next its record is written, then it is sent.
 */
export interface PreparedJob {
  id: string;
  envelope: Envelope & { id: string };
  /** Only the record has it: agents of earlier versions refuse an envelope with an unknown key. */
  label?: string;
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
  /** The job that this one repeats. */
  retryOf?: string;
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
  options: RepeatedOptions,
  attributes: PreparedJob['attributes'] = {},
): PreparedJob {
  const { delaySeconds, dedupe, label } = options;
  checkTracking(facts, options);
  checkTimes(facts, options);
  const text = encodeBody(body);
  const head = createHead(dedupe === undefined ? id : deduplicatedId(dedupe), options);
  // The payload is the text, not the value, so that record, message and bucket contain the same.
  const direct = { ...head, payload: text };
  const message = toJson(direct);
  const nonce = facts.trackJobs ? createNonce() : undefined;
  const bound = { ...attributes, ...createBindingAttributes(nonce) };
  if (Object.keys(bound).length > SQS_MAX_ATTRIBUTES) throw new BadBodyError(TOO_MANY_ATTRIBUTES);
  const viaBucket = Buffer.byteLength(message) + measureAttributes(bound) > SQS_MAX_MESSAGE_BYTES;
  const envelope = viaBucket ? { ...head, bodyKey: bodyKey(head.id) } : direct;
  return {
    id: head.id,
    envelope,
    ...(label !== undefined && { label }),
    text,
    message: viaBucket ? toJson(envelope) : message,
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
function createHead(id: string, options: RepeatedOptions): Envelope & { id: string } {
  const { limitSeconds, group, label, requestId } = options;
  const head = {
    mayfly: 1,
    id,
    ...(limitSeconds !== undefined && { limitSeconds }),
    ...(group !== undefined && { group }),
    ...(requestId !== undefined && { requestId }),
  } as const;
  const reading = readEnvelope({ ...head, payload: '' });
  const problem = 'problem' in reading ? reading.problem : findLabelProblem(label);
  if (problem !== undefined) throw new WrongOptionError(`The job was not enqueued: ${problem}.`);
  return head;
}

/** JSON escapes all characters that SQS refuses ("SendMessage") except these two noncharacters. */
function toJson(envelope: object): string {
  return JSON.stringify(envelope).replace(/[\ufffe\uffff]/g, (character) =>
    character === '\ufffe' ? '\\ufffe' : '\\uffff',
  );
}

function checkTracking({ fleet, trackJobs }: FleetFacts, options: RepeatedOptions): void {
  if (trackJobs) return;
  for (const name of ['dedupe', 'group', 'label', 'requestId'] as const) {
    if (options[name] === undefined) continue;
    throw new NotTrackedError(
      `Fleet ${fleet} keeps no records of jobs (its prop trackJobs is false): its jobs cannot have a ${name}.`,
    );
  }
}

function checkTimes(facts: FleetFacts, { limitSeconds, delaySeconds, dedupe }: JobOptions): void {
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
  if (dedupe === '')
    throw new WrongOptionError('The dedupe key is empty. Omit it, or give a key that identifies the job.');
}
