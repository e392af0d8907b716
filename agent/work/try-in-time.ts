import type { Clock } from '../../aws/clock.ts';
import { retry } from '../../lib/retry.ts';
import type { InFlightMessage } from './in-flight-message.ts';
import type { Leases } from './leases.ts';

export interface InTimeOptions {
  leases: Pick<Leases, 'hasEnded'>;
  clock: Clock;
  random: () => number;
  /** Whether no worker may be started any more. */
  stopping: () => boolean;
  /** Whether another try would end with the same error. */
  isFinal: (error: unknown) => boolean;
  /** Called after each failure that is followed by another try. */
  onFailure: (error: unknown, tries: number) => void;
}

/** How long a slot waits for a service that does not answer, before the job is requeued. */
const CALL_TIMEOUT_MS = 60_000;

/** How often a wait checks whether it may go on. */
const CHECK_MS = 250;

/**
 * Repeats what a worker needs before it can be started, as long as the lease of its message and `CALL_TIMEOUT_MS` allow. Ends
 * early if the job was cancelled or the lease was lost. Rejects with the last error.
 */
export async function tryInTime<Result>(
  inFlight: InFlightMessage,
  { leases, clock, random, stopping, isFinal, onFailure }: InTimeOptions,
  task: () => Promise<Result>,
): Promise<Result> {
  const deadlineMs = clock.monotonic() + CALL_TIMEOUT_MS;
  const isOver = () => stopping() || leases.hasEnded(inFlight) || inFlight.stopped !== undefined;
  const done = new AbortController();
  try {
    const result = retry(task, {
      clock,
      random,
      shouldGiveUp: (error) => isOver() || clock.monotonic() > deadlineMs || isFinal(error),
      onFailure,
    });
    return await Promise.race([result, rejectWhen(isOver, clock, done.signal)]);
  } finally {
    done.abort();
  }
}

/** Rejects when `isOver` returns true, so that no call delays it: a call may take longer than a drain can wait. */
export async function rejectWhen(isOver: () => boolean, clock: Clock, done: AbortSignal): Promise<never> {
  while (!isOver()) await clock.sleep(CHECK_MS, done);
  throw new Error('there is no more time for it');
}
