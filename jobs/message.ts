import { messageOf } from '../lib/error-message.ts';
import { nonceOf } from './binding.ts';
import { raisedFrom } from './dead-letter.ts';
import { type Envelope, isDedupedId, readEnvelope } from './envelope.ts';
import { memberTexts } from './json-text.ts';
import type { MessageAttributes } from './message-attributes.ts';

/** A job as an agent works on it. */
export interface Job {
  /** The key of its record: the envelope's id, else `m-<MessageId>`: two messages with equal bodies are two jobs. */
  id: string;
  /** The worker's standard input, always. */
  stdin: string;
  /** Where that lies in the log bucket; `stdin` is empty until it is fetched (`withBody`). */
  bodyKey?: string;
  /** The worker's last argument, if the body has something that can be one. */
  argument?: string;
  /** Instead of the fleet's own limit. */
  limitSeconds?: number;
  /** See the envelope's `group` and `label`. */
  group?: string;
  label?: string;
  requestId?: string;
  /** The job that this one repeats. */
  retryOf?: string;
}

export interface MessageRules {
  /** Longest limit that a job may ask for: SQS's 12 hours, less the grace. */
  maxLimitSeconds: number;
  /** Longest limit that the fleet allows, its prop `maxLimit`. Default: any that SQS allows. */
  allowedLimitSeconds?: number;
  /** Without a job table, groups, labels and requests cannot be kept and are refused. */
  tracked: boolean;
}

/**
 * A message is a job, or an envelope that is broken: that one is dead-lettered with the reason, never dropped.
 * `needsRecord`: what is wrong with a job that nobody has recorded before its message came; `overLimit`: with one whose
 * limit is not in its record by then.
 */
export type Reading =
  | { kind: 'job'; job: Job; needsRecord?: string; overLimit?: string }
  | { kind: 'broken'; id: string; reason: string };

/** SQS's message ids are UUIDs. */
const MESSAGE_ID = /^m-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The id of a job that brings none. Nobody has a reason to write a record of it before its message is received. */
export function ownId(messageId: string): string {
  return `m-${messageId}`;
}

/** A message as SQS gives it. */
export interface ReceivedMessage {
  id: string;
  body: string;
  attributes: MessageAttributes;
}

/**
 * Makes a job of a message. What the message says of itself and only the table can confirm (a nonce, the dead letter that
 * it was) is left to the claim. A broken message without a nonce is nobody's but its own: it cannot fail the job that it
 * names.
 */
export function readMessage(
  { id: messageId, body, attributes }: ReceivedMessage,
  rules: MessageRules,
): Reading {
  const reading = readJob(messageId, body, rules);
  const deadId = raisedFrom(attributes);
  if (reading.kind === 'job') {
    const overLimit = limitProblem(reading.job, rules);
    if (!rules.tracked && overLimit !== undefined)
      return { kind: 'broken', id: reading.job.id, reason: overLimit };
    const believed = deadId === undefined ? reading : raise(messageId, reading, deadId);
    const needsRecord = rules.tracked && deadId === undefined ? neverEnqueued(reading.job) : undefined;
    return { ...believed, ...(needsRecord && { needsRecord }), ...(overLimit && { overLimit }) };
  }
  const isBound = !rules.tracked || nonceOf(attributes) !== undefined;
  return isBound ? reading : { ...reading, id: ownId(messageId) };
}

function limitProblem({ limitSeconds = 0 }: Job, rules: MessageRules): string | undefined {
  const { allowedLimitSeconds: allowed = rules.maxLimitSeconds } = rules;
  if (limitSeconds <= allowed) return undefined;
  return (
    `the limit of ${limitSeconds} s is longer than this fleet allows: at most ${allowed} s ` +
    '(its prop maxLimit)'
  );
}

/**
 * What is wrong with a message that only `mayfly` sends, after the job's record, if there is none. Otherwise a message could
 * take the id of a job that is yet to be enqueued, whose sender would be told that it is done; or have the body of a job
 * run again that is forgotten, as bodies outlive records.
 */
function neverEnqueued({ id, bodyKey }: Job): string | undefined {
  if (isDedupedId(id))
    return `the message names job ${id}, whose id is made of a dedupe key, and no such job was enqueued`;
  if (bodyKey === undefined) return undefined;
  return `the message names job ${id}, whose body is in the log bucket, and nothing is known of that job (any more)`;
}

/**
 * Makes a job of a message's body: our envelope, an SNS notification (unwrapped), a JSON object, or bare text.
 * Whatever it cannot read as one of these is a job all the same, and goes to the worker as it is. Never throws.
 */
export function readJob(messageId: string, body: string, rules: MessageRules): Reading {
  const key = ownId(messageId);
  try {
    return read(key, body, rules);
  } catch (error) {
    // JSON can be nested deeper than it can be written again: such an envelope must not come back for ever.
    const why = messageOf(error);
    return { kind: 'broken', id: key, reason: `the body cannot be worked on: ${why}` };
  }
}

/**
 * What a dead letter is that SQS's own redrive brought back ("StartMessageMoveTask"): a new job by the message's id,
 * which that redrive has drawn anew. The record of the one that failed is final.
 *
 * @param deadId the id of the job that failed
 */
export function raise(messageId: string, reading: Reading, deadId: string): Reading {
  if (reading.kind === 'broken') return reading;
  return { kind: 'job', job: { ...reading.job, id: ownId(messageId), retryOf: deadId } };
}

function read(key: string, body: string, rules: MessageRules): Reading {
  const outer = parseObject(body);
  const text = (outer && unwrapNotification(outer)) ?? body;
  const value = text === body ? outer : parseObject(text);
  if (value && Object.hasOwn(value, 'mayfly')) return readEnveloped(key, text, value, rules);
  return { kind: 'job', job: { id: key, ...handOver(text, value) } };
}

function readEnveloped(key: string, text: string, value: JsonObject, rules: MessageRules): Reading {
  const reading = readEnvelope(value);
  if ('problem' in reading) return { kind: 'broken', id: reading.id ?? key, reason: reading.problem };
  const { envelope } = reading;
  const id = envelope.id ?? key;
  const reason = forbidden(envelope, rules, key);
  if (reason !== undefined) return { kind: 'broken', id, reason };
  const { bodyKey, limitSeconds, group, label, requestId } = envelope;
  const job: Job = bodyKey === undefined ? { id, ...contentOf(envelope, text) } : { id, stdin: '', bodyKey };
  if (limitSeconds !== undefined) job.limitSeconds = limitSeconds;
  if (group !== undefined) job.group = group;
  if (label !== undefined) job.label = label;
  if (requestId !== undefined) job.requestId = requestId;
  return { kind: 'job', job };
}

/** A job whose body was fetched: the worker gets it as if it had come with the message. */
export function withBody({ bodyKey: _, ...job }: Job, text: string): Job {
  return { ...job, ...handOver(text, parseObject(text)) };
}

/** @param text the envelope as it was sent, which has a payload that is no text as the producer wrote it */
function contentOf({ payload }: Envelope, text: string): Pick<Job, 'stdin' | 'argument'> {
  if (typeof payload === 'string') return handOver(payload, parseObject(payload));
  return handOver(memberTexts(text).get('payload') ?? '', payload);
}

function forbidden(envelope: Envelope, rules: MessageRules, key: string): string | undefined {
  const { id, limitSeconds, group, label, requestId } = envelope;
  if (rules.tracked && id !== undefined && id !== key && MESSAGE_ID.test(id)) {
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

/** What the worker gets of a body: all of it on its standard input, and an argument if there is one. */
function handOver(text: string, value: unknown): Pick<Job, 'stdin' | 'argument'> {
  const argument = isObject(value) ? jobId(value, text) : text;
  return argument !== undefined && isPlain(trimEnd(argument))
    ? { stdin: text, argument: trimEnd(argument) }
    : { stdin: text };
}

/** As in the 2017 original: a JSON body's `job_id` names the job to the worker. A number keeps all of its digits. */
function jobId(value: JsonObject, text: string): string | undefined {
  const id = Object.hasOwn(value, 'job_id') ? value['job_id'] : undefined;
  if (typeof id === 'number') return memberTexts(text).get('job_id');
  return typeof id === 'string' ? id : undefined;
}

/** `echo` and here-documents end their text with a line break that means nothing; shells cut it off likewise. */
function trimEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}

const LONGEST_ARGUMENT_BYTES = 1024;

/**
 * Short, without control characters, not blank, and not a `-`: no body can pose as one of the worker's options.
 * Anything else reaches the worker by its standard input alone.
 */
function isPlain(text: string): boolean {
  if (text.length > LONGEST_ARGUMENT_BYTES || text.startsWith('-') || text.trim() === '') return false;
  return !/[\p{Cc}\p{Cs}]/u.test(text) && Buffer.byteLength(text) <= LONGEST_ARGUMENT_BYTES;
}

type JsonObject = Record<string, unknown>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseObject(text: string): JsonObject | undefined {
  // Most bodies are no JSON at all, and a failed parse of a megabyte costs more than a look at its start.
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What SNS delivers to a queue without raw message delivery ("Fanout to Amazon SQS queues"). SNS sends UTF-8: what has
 * half of a character is somebody else's.
 */
function unwrapNotification(value: JsonObject): string | undefined {
  const { Type: type, Message: message } = value;
  return type === 'Notification' && typeof message === 'string' && message.isWellFormed()
    ? message
    : undefined;
}
