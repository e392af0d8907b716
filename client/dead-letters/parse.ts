import type { Message } from '@aws-sdk/client-sqs';
import { readNonce } from '../../jobs/binding.ts';
import { redrivenFrom } from '../../jobs/dead-letter.ts';
import { type Job, readJob, redrive } from '../../jobs/message.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';

/** A message of the dead-letter queue: a job that failed after all its attempts, or a message that is no job. */
export interface DeadLetter {
  /** Id of the job. If the job is not known, an id that is made of the message's id. */
  id: string;
  /** Id of the message in the dead-letter queue. */
  messageId: string;
  /** Why the job failed. Absent: the message had no room for the attribute. */
  reason?: string;
  /** How its worker ended. `exitStatus` and `signal` are absent if it never ran. */
  exitStatus?: number;
  signal?: string;
  /** When it was sent to the dead-letter queue, ISO 8601. */
  deadAt?: string;
  /** URL or ARN of the queue that it comes from. */
  source?: string;
  /** The body of the message, as it was sent. */
  message: string;
  /** What the worker reads. Empty if it is in the log bucket. */
  body: string;
  /** Key of the body in the log bucket. */
  bodyKey?: string;
  /** Why the message is no job, or why its body cannot be read. */
  problem?: string;
  /** The parsed message. Absent if it is no job. */
  job?: Job;
}

/** Parses a message that was received with all its attributes. */
export function parseDeadLetter(message: Message): DeadLetter {
  const { MessageId: messageId = '', Body: body = '' } = message;
  const { SentTimestamp: sent, DeadLetterQueueSourceArn: movedFrom } = message.Attributes ?? {};
  // The attributes of a message that SQS moved itself, if any, are from before it was redriven.
  const attribute = (name: string) =>
    movedFrom ? undefined : message.MessageAttributes?.[name]?.StringValue;
  const isBound = readNonce(message.MessageAttributes ?? {}) !== undefined;
  const reading = readJob(messageId, body, { ...RULES, isBound });
  const source = attribute('MayflySource') ?? movedFrom;
  const reason = attribute('MayflyReason') ?? (movedFrom && MOVED);
  const deadId = movedFrom && redrivenFrom(message.MessageAttributes ?? {});
  const known = deadId === undefined ? reading : redrive(messageId, reading, deadId);
  const id = attribute('MayflyJobId') ?? (known.kind === 'job' ? known.job.id : known.id);
  return {
    id,
    messageId,
    ...(reason !== undefined && { reason }),
    ...parseExit(attribute('MayflyExit')),
    ...(sent !== undefined && { deadAt: new Date(Number(sent)).toISOString() }),
    ...(source !== undefined && { source }),
    message: body,
    ...(reading.kind === 'broken'
      ? { body, problem: reading.reason }
      : {
          body: reading.job.stdin,
          job: reading.job,
          ...(reading.job.bodyKey && { bodyKey: reading.job.bodyKey }),
        }),
  };
}

/** One attribute has the exit status or the signal. Any other text was not written by an agent. */
function parseExit(exit = ''): Pick<DeadLetter, 'exitStatus' | 'signal'> {
  if (/^\d{1,3}$/.test(exit)) return { exitStatus: Number(exit) };
  return /^SIG[A-Z0-9]+$/.test(exit) ? { signal: exit } : {};
}

/** The fleet's limits are checked when the job is enqueued again. */
const RULES = { maxLimitSeconds: Number.POSITIVE_INFINITY, tracked: true };

const MOVED =
  'SQS moved it here: it was received more often than the maxReceiveCount of its queue, and no agent reported how it ended';

/** Whether it comes from the fleet's own queue. True if its source is not known. */
export function isFromFleet({ source }: DeadLetter, { queueUrl }: FleetFacts): boolean {
  return source === undefined || queueIdentity(source) === queueIdentity(queueUrl);
}

/** The account and name of a queue, from its URL or ARN. */
export function queueIdentity(queue: string): string {
  return queue.startsWith('arn:')
    ? queue.split(':').slice(-2).join('/')
    : queue.split('/').slice(-2).join('/');
}
