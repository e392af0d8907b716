import { messageOf } from '../lib/error-message.ts';
import { readNonce } from './binding.ts';
import { redrivenFrom } from './dead-letter.ts';
import { type Envelope, isDedupedId, readEnvelope } from './envelope.ts';
import { readMemberTexts } from './json-text.ts';
import {
  findKeptAttributesProblem,
  type MessageAttributes,
  selectProducerAttributes,
} from './message-attributes.ts';
import { isRequestJobId } from './released.ts';

/** A job as an agent runs it. */
export interface Job {
  /** The envelope's id, else `m-<MessageId>`: two messages with equal bodies are two jobs. */
  id: string;
  /** The worker's standard input. */
  stdin: string;
  /** The key of the body in the log bucket. `stdin` is empty until the body is fetched (`withBody`). */
  bodyKey?: string;
  /** The worker's last argument, if the body has a suitable one. */
  argument?: string;
  /** Instead of the fleet's limit. */
  limitSeconds?: number;
  /** See the envelope's `group` and `label`. */
  group?: string;
  target?: string;
  label?: string;
  requestId?: string;
  /** The job that this one repeats. */
  retryOf?: string;
}

export interface MessageRules {
  /** The longest limit that a job may ask for: the 12 hours of SQS less the grace. */
  maxLimitSeconds: number;
  /** The longest limit that the fleet allows, its prop `maxLimit`. Default: any that SQS allows. */
  allowedLimitSeconds?: number;
  /** False: there is no job table to keep groups, labels and requests in, so they are refused. */
  tracked: boolean;
  /** The message has a nonce, which the claim compares with that of the record. */
  isBound?: boolean;
}

/**
 * A message is a job or a broken envelope. A broken one is dead-lettered with the reason, never dropped. `needsRecord`: why
 * the job is refused if it has no record yet. `overLimit`: why the job is refused if its record does not have its limit.
 */
export type MessageReading =
  | { kind: 'job'; job: Job; needsRecord?: string; overLimit?: string }
  | { kind: 'broken'; id: string; reason: string };

/** SQS's message ids are UUIDs. */
const MESSAGE_ID = /^m-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The id of a job whose message has none. Nobody writes a record of it before its message is received. */
export function createOwnJobId(messageId: string): string {
  return `m-${messageId}`;
}

/** A message as SQS gives it. */
export interface ReceivedMessage {
  id: string;
  body: string;
  attributes: MessageAttributes;
}

/**
 * Makes a job from a message. What only the table can confirm (the nonce, the job whose dead letter it was) is left to the
 * claim. A broken message without a nonce gets its own id, so that it cannot fail the job that it names.
 */
export function readMessage(
  { id: messageId, body, attributes }: ReceivedMessage,
  rules: MessageRules,
): MessageReading {
  const isBound = readNonce(attributes) !== undefined;
  const reading = refuseUnkept(readJob(messageId, body, { ...rules, isBound }), attributes);
  const deadId = redrivenFrom(attributes);
  if (reading.kind === 'job') {
    const overLimit = overLimitReason(reading.job, rules);
    if (!rules.tracked && overLimit !== undefined)
      return { kind: 'broken', id: reading.job.id, reason: overLimit };
    const outcome = deadId === undefined ? reading : redrive(messageId, reading, deadId);
    const needsRecord =
      rules.tracked && deadId === undefined
        ? noRecordReason(reading.job, createOwnJobId(messageId))
        : undefined;
    return { ...outcome, ...(needsRecord && { needsRecord }), ...(overLimit && { overLimit }) };
  }
  return isBound || !rules.tracked ? reading : { ...reading, id: createOwnJobId(messageId) };
}

/** A job with a group is held without its message, so that its record has to keep what the message has. */
function refuseUnkept(reading: MessageReading, attributes: MessageAttributes): MessageReading {
  if (reading.kind === 'broken' || reading.job.group === undefined) return reading;
  const problem = findKeptAttributesProblem(selectProducerAttributes(attributes));
  if (problem === undefined) return reading;
  return { kind: 'broken', id: reading.job.id, reason: `the message ${problem}` };
}

function overLimitReason({ limitSeconds = 0 }: Job, rules: MessageRules): string | undefined {
  const { allowedLimitSeconds: allowed = rules.maxLimitSeconds } = rules;
  if (limitSeconds <= allowed) return undefined;
  return (
    `the limit of ${limitSeconds} s is longer than this fleet allows: at most ${allowed} s ` +
    '(its prop maxLimit)'
  );
}

/**
 * Why a message is refused if its job has no record, though only `mayfly` sends such messages, after the record. Otherwise
 * a message could take the id of a job that is not enqueued yet, and its producer would be told that the job is done. It
 * could also run the body of an expired job again, since bodies are kept longer than records.
 */
function noRecordReason({ id, bodyKey }: Job, ownId: string): string | undefined {
  if (isDedupedId(id))
    return `the message names job ${id}, whose id is made of a dedupe key, and no such job was enqueued`;
  if (MESSAGE_ID.test(id) && id !== ownId) return `the message names job ${id}, which has no record any more`;
  if (isRequestJobId(id))
    return `the message names job ${id}, whose id is that of a request's job, and there is none`;
  if (bodyKey === undefined) return undefined;
  return `the message names job ${id}, whose body is in the log bucket, and the table has no record of that job`;
}

/**
 * Makes a job from a message's body: an envelope, an SNS notification (unwrapped), a JSON object, or plain text. Any other
 * body is a job too, and the worker gets it unchanged. Never throws.
 */
export function readJob(messageId: string, body: string, rules: MessageRules): MessageReading {
  const key = createOwnJobId(messageId);
  try {
    return read(key, body, rules);
  } catch (error) {
    // JSON can be nested too deeply to be written again. Such an envelope must not be received again and again.
    const why = messageOf(error);
    return { kind: 'broken', id: key, reason: `the body cannot be worked on: ${why}` };
  }
}

/**
 * The job of a dead letter that SQS's redrive moved back ("StartMessageMoveTask"): a new job with the id of the message,
 * which the redrive has changed. The record of the failed job is final.
 *
 * @param deadId the id of the failed job
 */
export function redrive(messageId: string, reading: MessageReading, deadId: string): MessageReading {
  if (reading.kind === 'broken') return reading;
  return { kind: 'job', job: { ...reading.job, id: createOwnJobId(messageId), retryOf: deadId } };
}

function read(key: string, body: string, rules: MessageRules): MessageReading {
  const outer = parseObject(body);
  const text = (outer && unwrapNotification(outer)) ?? body;
  const value = text === body ? outer : parseObject(text);
  if (value && Object.hasOwn(value, 'mayfly')) return readEnveloped(key, text, value, rules);
  return { kind: 'job', job: { id: key, ...workerInput(text, value) } };
}

function readEnveloped(key: string, text: string, value: JsonObject, rules: MessageRules): MessageReading {
  const reading = readEnvelope(value);
  if ('problem' in reading) return { kind: 'broken', id: reading.id ?? key, reason: reading.problem };
  const { envelope } = reading;
  const id = envelope.id ?? key;
  const reason = refusal(envelope, rules, key);
  if (reason !== undefined) return { kind: 'broken', id, reason };
  const { bodyKey, limitSeconds, group, target, label, requestId } = envelope;
  const job: Job = bodyKey === undefined ? { id, ...contentOf(envelope, text) } : { id, stdin: '', bodyKey };
  if (limitSeconds !== undefined) job.limitSeconds = limitSeconds;
  if (group !== undefined) job.group = group;
  if (target !== undefined) job.target = target;
  if (label !== undefined) job.label = label;
  if (requestId !== undefined) job.requestId = requestId;
  return { kind: 'job', job };
}

/** A job with its fetched body. The worker gets it as if the message had contained it. */
export function withBody({ bodyKey: _, ...job }: Job, text: string): Job {
  return { ...job, ...workerInput(text, parseObject(text)) };
}

/** @param text the envelope as it was sent: a payload that is not a text is passed on as the producer wrote it */
function contentOf({ payload }: Envelope, text: string): Pick<Job, 'stdin' | 'argument'> {
  if (typeof payload === 'string') return workerInput(payload, parseObject(payload));
  return workerInput(readMemberTexts(text).get('payload') ?? '', payload);
}

function refusal(envelope: Envelope, rules: MessageRules, key: string): string | undefined {
  const { id, limitSeconds, group, label, requestId } = envelope;
  // The release of a job that an agent has held sends a message of its own.
  if (rules.tracked && !rules.isBound && id !== undefined && id !== key && MESSAGE_ID.test(id)) {
    return `the envelope's id is ${id}, which is that of the job of another message`;
  }
  if (limitSeconds !== undefined && limitSeconds > rules.maxLimitSeconds) {
    return (
      `the envelope's limitSeconds is ${limitSeconds}; allowed is at most ${rules.maxLimitSeconds}: ` +
      'with the grace after it, SQS hides a message for 12 hours'
    );
  }
  if (rules.tracked) return undefined;
  if (group !== undefined)
    return `the envelope's group is ${group}; this fleet keeps no job table, so no groups`;
  if (label !== undefined)
    return `the envelope's label is ${label}; this fleet keeps no job table, so no labels`;
  if (requestId !== undefined) {
    return `the envelope's requestId is ${requestId}; this fleet keeps no job table, so no requests`;
  }
  return undefined;
}

/** What the worker gets of a body: all of it on its standard input, and an argument if the body has one. */
function workerInput(text: string, value: unknown): Pick<Job, 'stdin' | 'argument'> {
  const argument = isObject(value) ? jobId(value, text) : text;
  return argument !== undefined && canBeArgument(trimEnd(argument))
    ? { stdin: text, argument: trimEnd(argument) }
    : { stdin: text };
}

/** The `job_id` of a JSON body is the worker's argument. A number keeps all of its digits. */
function jobId(value: JsonObject, text: string): string | undefined {
  const id = Object.hasOwn(value, 'job_id') ? value['job_id'] : undefined;
  if (typeof id === 'number') return readMemberTexts(text).get('job_id');
  return typeof id === 'string' ? id : undefined;
}

/** `echo` and here-documents end a text with a line break. It is removed, as a shell does. */
function trimEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}

const LONGEST_ARGUMENT_BYTES = 1024;

/**
 * Whether a text can be an argument: short, not blank, without control characters. It does not begin with `-`, so that no
 * body is taken for an option of the worker. Any other text is passed on standard input only.
 */
function canBeArgument(text: string): boolean {
  if (text.length > LONGEST_ARGUMENT_BYTES || text.startsWith('-') || text.trim() === '') return false;
  return !/[\p{Cc}\p{Cs}]/u.test(text) && Buffer.byteLength(text) <= LONGEST_ARGUMENT_BYTES;
}

type JsonObject = Record<string, unknown>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseObject(text: string): JsonObject | undefined {
  // Most bodies are not JSON, and to check the start costs less than to parse a megabyte in vain.
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The message of what SNS delivers to a queue without raw message delivery ("Fanout to Amazon SQS queues"). SNS sends
 * UTF-8, so a text with a lone surrogate is not from SNS.
 */
function unwrapNotification(value: JsonObject): string | undefined {
  const { Type: type, Message: message } = value;
  return type === 'Notification' && typeof message === 'string' && message.isWellFormed()
    ? message
    : undefined;
}
