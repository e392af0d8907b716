import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { retry } from '../../lib/retry.ts';
import { EntryError } from '../../store/job-queue.ts';
import { type InFlightMessage, jobIdOf } from './in-flight-message.ts';

/** How long to retry after the lease has ended. The job's record, if there is one, still protects the job then. */
const RETRY_AFTER_LEASE_MS = 5 * 60_000;

/** Errors after which the same call can never succeed. */
const FINAL_ERRORS = new Set(['QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue']);

/**
 * Repeats a call that settles a message, until it succeeds or cannot succeed.
 *
 * @param what the message is not yet if the call fails, for the log
 * @param maxRetryMs how long to retry; by default as long as this agent has the message
 */
export function retrySettlement<Result>(
  { clock, random, log }: { clock: Clock; random: () => number; log: Log },
  inFlight: InFlightMessage,
  what: string,
  task: () => Promise<Result>,
  maxRetryMs: number | ((error: Error) => number) = Number.POSITIVE_INFINITY,
): Promise<Result> {
  const startMs = clock.monotonic();
  const maxMsAfter = (error: Error) => (typeof maxRetryMs === 'number' ? maxRetryMs : maxRetryMs(error));
  const isOver = (nowMs: number, error: Error) =>
    nowMs > inFlight.lease.endsAtMs + RETRY_AFTER_LEASE_MS || nowMs - startMs >= maxMsAfter(error);
  return retry(task, {
    clock,
    random,
    shouldGiveUp: (error) => isFinal(error) || isOver(clock.monotonic(), error as Error),
    onFailure: (err, tries) =>
      log.warn({ job: jobIdOf(inFlight), err, tries }, `a job could not be ${what} yet`),
  });
}

/** The entry itself is at fault, and stays so: its receipt handle is outdated, and the message is another agent's. */
function isFinal(error: unknown): boolean {
  if (error instanceof EntryError) return error.senderFault;
  return error instanceof Error && FINAL_ERRORS.has(error.name);
}
