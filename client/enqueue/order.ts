import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import { bindingAttributes, drawNonce } from '../../jobs/binding.ts';
import { bodyKey } from '../../jobs/body-key.ts';
import {
  LARGEST_MESSAGE_BYTES,
  LONGEST_DELAY_SECONDS,
  LONGEST_VISIBILITY_SECONDS,
  MOST_MESSAGE_ATTRIBUTES,
} from '../../lib/limits.ts';
import { digestOfBody } from '../../store/bodies.ts';
import { bodyInRecord } from '../../store/body-in-record.ts';
import { sizeOf } from '../../jobs/dead-letter.ts';
import { type Envelope, labelProblem, readEnvelope } from '../../jobs/envelope.ts';
import { expiryOfQueued } from '../../store/expiry.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import { jobKey } from '../../store/keys.ts';
import { listedAtOf, listedOf } from '../../store/listing.ts';
import type { JobRecord } from '../../jobs/record.ts';
import { type Body, textOf } from './body.ts';
import type { FleetContext } from '../context.ts';
import { BadBody, FleetError, NotTracked, WrongOption } from '../errors.ts';
import { dedupedId } from './ids.ts';

/** What can be said of a job beside its body. */
export interface JobOptions {
  /**
   * How long the worker may run, from its start: then it is ended. 1 to the fleet's `maxLimit`. Default: the fleet's limit.
   * Ansible's `async`.
   */
  limitSeconds?: number;
  /** How long the job stays hidden on the queue first: 0 to 900, whole. Default 0. */
  delaySeconds?: number;
  /** Jobs with the same key are one: the second is not enqueued, and has the first one's id. */
  dedupe?: string;
  /** A name that jobs share: `list` finds them by it, their workers have it as `MAYFLY_LABEL`. It keeps no two of them apart. */
  label?: string;
  /** The call that this job is one part of. */
  requestId?: string;
}

/** What an earlier job had, which a new one repeats. */
export interface RepeatedOptions extends JobOptions {
  /** Of the envelope that another producer sent. */
  group?: string;
}

/** A job as it is to be enqueued: checked, with its id. */
export interface Order {
  id: string;
  envelope: Envelope & { id: string };
  /** In the record alone: an earlier agent refuses an envelope with a key that it does not know. */
  label?: string;
  /** What the worker reads. */
  text: string;
  /** What is sent. */
  message: string;
  /** The body is in the log bucket instead, as the message would be too long. */
  viaBucket: boolean;
  /** Absent: the queue's own. */
  delaySeconds?: number;
  deduped: boolean;
  /**
   * What binds message and record; none where there are no records. A second send takes that of the record: none, if an
   * earlier version wrote it.
   */
  nonce?: string | undefined;
  /** What the message has beside the nonce. */
  attributes: Record<string, MessageAttributeValue>;
  /** The job that this one repeats. */
  retryOf?: string;
}

/**
 * Checks what is asked for. Throws `BadBody`, `WrongOption` or `NotTracked`: nothing was sent.
 *
 * @param id the job's, if it has no dedupe key
 * @param attributes of the message that this one repeats
 */
export function orderOf(
  facts: FleetFacts,
  id: string,
  body: Body,
  options: RepeatedOptions,
  attributes: Order['attributes'] = {},
): Order {
  const { delaySeconds, dedupe, label } = options;
  needTracking(facts, options);
  checkTimes(facts, options);
  const text = textOf(body);
  const head = headOf(dedupe === undefined ? id : dedupedId(dedupe), options);
  // A text on the way, so that the record, the message and the bucket have the same.
  const direct = { ...head, payload: text };
  const message = written(direct);
  const nonce = facts.trackJobs ? drawNonce() : undefined;
  const bound = { ...attributes, ...bindingAttributes(nonce) };
  if (Object.keys(bound).length > MOST_MESSAGE_ATTRIBUTES) throw new BadBody(NO_ROOM);
  const viaBucket = Buffer.byteLength(message) + sizeOf(bound) > LARGEST_MESSAGE_BYTES;
  const envelope = viaBucket ? { ...head, bodyKey: bodyKey(head.id) } : direct;
  return {
    id: head.id,
    envelope,
    ...(label !== undefined && { label }),
    text,
    message: viaBucket ? written(envelope) : message,
    viaBucket,
    ...(delaySeconds !== undefined && { delaySeconds }),
    deduped: dedupe !== undefined,
    nonce,
    attributes,
  };
}

/** Why a job cannot be enqueued, in a sentence; undefined: nothing is known against it. */
export function problemOf(facts: FleetFacts, body: Body, options: JobOptions): string | undefined {
  try {
    orderOf(facts, 'j-checked', body, options);
    return undefined;
  } catch (error) {
    if (error instanceof FleetError) return error.message;
    throw error;
  }
}

const NO_ROOM =
  'The message has ten attributes, as many as SQS takes, and one more would bind it to its record. ' +
  "SQS's own redrive (`aws sqs start-message-move-task`) sends it as it is.";

/** The envelope but for its body. What an agent would refuse is refused here. */
function headOf(id: string, options: RepeatedOptions): Envelope & { id: string } {
  const { limitSeconds, group, label, requestId } = options;
  const head = {
    mayfly: 1,
    id,
    ...(limitSeconds !== undefined && { limitSeconds }),
    ...(group !== undefined && { group }),
    ...(requestId !== undefined && { requestId }),
  } as const;
  const reading = readEnvelope({ ...head, payload: '' });
  const problem = 'problem' in reading ? reading.problem : labelProblem(label);
  if (problem !== undefined) throw new WrongOption(`The job was not enqueued: ${problem}.`);
  return head;
}

/** JSON escapes what SQS refuses in a body ("SendMessage"), but for these two, which are no characters. */
function written(envelope: object): string {
  return JSON.stringify(envelope).replace(/[\ufffe\uffff]/g, (character) =>
    character === '\ufffe' ? '\\ufffe' : '\\uffff',
  );
}

/** The record that the job has before its message is sent. */
export function recordOf(
  order: Order,
  { facts, toldByStack }: Pick<FleetContext, 'facts' | 'toldByStack'>,
  nowMs: number,
): JobRecord {
  const { id, envelope, label, text, viaBucket, retryOf, nonce, delaySeconds } = order;
  const { limitSeconds, group, requestId } = envelope;
  const enqueuedAt = new Date(nowMs).toISOString();
  const isLimitKnown = facts.maxLimitSeconds !== undefined || toldByStack === true;
  return {
    pk: jobKey(id),
    id,
    state: 'queued',
    attempts: 0,
    listed: listedOf('queued', id),
    listedAt: listedAtOf(enqueuedAt, id),
    enqueuedAt,
    ...(delaySeconds && { notBefore: new Date(nowMs + delaySeconds * 1000).toISOString() }),
    expires: expiryOfQueued(nowMs, facts.recordSeconds),
    ...(nonce !== undefined && { nonce }),
    ...bodyInRecord(text),
    ...(viaBucket && { bodyKey: bodyKey(id), bodyDigest: digestOfBody(text) }),
    ...(limitSeconds !== undefined && { limitSeconds }),
    ...(limitSeconds !== undefined && !isLimitKnown && { limitUnchecked: true }),
    ...(group !== undefined && { group }),
    ...(label !== undefined && { label }),
    ...(requestId !== undefined && { requestId }),
    ...(retryOf !== undefined && { retryOf }),
  };
}

function needTracking({ fleet, trackJobs }: FleetFacts, options: RepeatedOptions): void {
  if (trackJobs) return;
  for (const name of ['dedupe', 'group', 'label', 'requestId'] as const) {
    if (options[name] === undefined) continue;
    throw new NotTracked(
      `Fleet ${fleet} keeps no records of jobs (its prop trackJobs is false): a job there has no ${name}.`,
    );
  }
}

function checkTimes(facts: FleetFacts, { limitSeconds, delaySeconds, dedupe }: JobOptions): void {
  const { fleet, graceSeconds, maxLimitSeconds } = facts;
  if (limitSeconds !== undefined && maxLimitSeconds !== undefined && limitSeconds > maxLimitSeconds) {
    throw new WrongOption(
      `The job's time limit is ${limitSeconds} s; fleet ${fleet} allows 1 to ${maxLimitSeconds} s (its prop maxLimit).`,
    );
  }
  const longest = LONGEST_VISIBILITY_SECONDS - graceSeconds;
  if (limitSeconds !== undefined && !(limitSeconds >= 1 && limitSeconds <= longest)) {
    throw new WrongOption(
      `The job's time limit is ${limitSeconds} s; allowed are 1 to ${longest} s: with the grace after it, SQS hides a ` +
        'message for 12 hours.',
    );
  }
  const isDelay = (value: number) => Number.isInteger(value) && value >= 0 && value <= LONGEST_DELAY_SECONDS;
  if (delaySeconds !== undefined && !isDelay(delaySeconds)) {
    throw new WrongOption(
      `The job's delay is ${delaySeconds} s; SQS takes whole seconds from 0 to ${LONGEST_DELAY_SECONDS}.`,
    );
  }
  if (dedupe === '')
    throw new WrongOption('The dedupe key is empty: leave it out, or say what makes jobs the same.');
}
