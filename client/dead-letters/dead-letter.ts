import type { Message } from '@aws-sdk/client-sqs';
import { raisedFrom } from '../../jobs/dead-letter.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import { type Job, raise, readJob } from '../../jobs/message.ts';

/** A message of the dead-letter queue: a job that was given up, and why. */
export interface DeadLetter {
  /** The job's, as far as it is known: else made of the message's own id, as for a message that no job had. */
  id: string;
  messageId: string;
  /** Absent: nobody had room to say it, or SQS moved the message itself. */
  reason?: string;
  /** How its worker ended; neither is there if it never ran. */
  exitStatus?: number;
  signal?: string;
  /** When it came here, ISO 8601. */
  deadAt?: string;
  /** URL or ARN of the queue that it was on. */
  source?: string;
  /** The message, as it was sent. */
  message: string;
  /** What the worker reads; empty where that is in the log bucket. */
  body: string;
  /** Where it is there. */
  bodyKey?: string;
  /** The message is no job: why. */
  problem?: string;
  job?: Job;
}

/** A message as SQS gives it, with all its attributes. */
export function deadLetterOf(message: Message): DeadLetter {
  const { MessageId: messageId = '', Body: body = '' } = message;
  const { SentTimestamp: sent, DeadLetterQueueSourceArn: movedFrom } = message.Attributes ?? {};
  // What SQS moved itself tells, if anything, of the death before, from which it was raised.
  const said = (name: string) => (movedFrom ? undefined : message.MessageAttributes?.[name]?.StringValue);
  const reading = readJob(messageId, body, RULES);
  const source = said('MayflySource') ?? movedFrom;
  const reason = said('MayflyReason') ?? (movedFrom && MOVED);
  const deadId = movedFrom && raisedFrom(message.MessageAttributes ?? {});
  const known = deadId === undefined ? reading : raise(messageId, reading, deadId);
  const id = said('MayflyJobId') ?? (known.kind === 'job' ? known.job.id : known.id);
  return {
    id,
    messageId,
    ...(reason !== undefined && { reason }),
    ...endOf(said('MayflyExit')),
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

/** The message has one text for both; what is neither is somebody else's. */
function endOf(exit = ''): Pick<DeadLetter, 'exitStatus' | 'signal'> {
  if (/^\d{1,3}$/.test(exit)) return { exitStatus: Number(exit) };
  return /^SIG[A-Z0-9]+$/.test(exit) ? { signal: exit } : {};
}

/** What a fleet allows is checked when the job is enqueued again. */
const RULES = { maxLimitSeconds: Number.POSITIVE_INFINITY, tracked: true };

const MOVED =
  'SQS moved it here: it was received more often than its queue allows, and nobody told how it ended';

/** Whether it came from the fleet's own queue; one that does not say where it is from did. */
export function isOfFleet({ source }: DeadLetter, { queueUrl }: FleetFacts): boolean {
  return source === undefined || queueOf(source) === queueOf(queueUrl);
}

/** Account and name of a queue, out of its URL or ARN. */
export function queueOf(queue: string): string {
  return queue.startsWith('arn:')
    ? queue.split(':').slice(-2).join('/')
    : queue.split('/').slice(-2).join('/');
}
