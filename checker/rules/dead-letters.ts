import { callerInstance, mayHaveSucceeded, readInput, succeeded } from '../calls.ts';
import type { CallFacts, Facts } from '../facts.ts';

const TAKING = new Set(['PurgeQueue', 'DeleteMessage', 'DeleteMessageBatch', 'StartMessageMoveTask']);

/**
 * Whether a job's dead letter may exist although it cannot be seen: a person took dead letters after it was sent, or
 * has some in flight. Calls do not say which dead letters these are, but one that was never sent is not among them.
 */
export function isDeadLetterHidden(job: string, facts: Facts): boolean {
  if ((facts.deadLettersHidden ?? 0) > 0) return true;
  const sent = facts.calls.find((call) => isForDeadLetterQueue(call, facts) && sendsDeadLetterOf(job, call));
  return (
    sent !== undefined && facts.calls.some((call) => takesDeadLetters(call, facts) && call.atMs >= sent.atMs)
  );
}

/** A dead letter without its job's id counts: the message had no room for the attribute. */
function sendsDeadLetterOf(job: string, call: CallFacts): boolean {
  if (call.action !== 'SendMessage' || !mayHaveSucceeded(call)) return false;
  const named = readInput(call, 'MessageAttributes', 'MayflyJobId', 'StringValue');
  return named === job || named === undefined;
}

/** Agents only send to the dead-letter queue, so only calls of other callers count. */
function takesDeadLetters(call: CallFacts, facts: Facts): boolean {
  if (!TAKING.has(call.action) || !succeeded(call)) return false;
  return isForDeadLetterQueue(call, facts) && callerInstance(call) === undefined;
}

function isForDeadLetterQueue(call: CallFacts, { deadLetterQueueUrl }: Facts): boolean {
  if (call.service !== 'sqs' || deadLetterQueueUrl === undefined) return false;
  return readInput(call, 'QueueUrl') === deadLetterQueueUrl;
}
