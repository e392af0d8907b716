import type { Reading } from '../../jobs/message.ts';
import type { Message } from '../../store/queue.ts';
import type { Try } from '../../jobs/record.ts';
import type { LeaseTimes } from '../../policy/lease.ts';
import type { Run } from '../runner/runner.ts';

/**
 * A message that this agent holds, from its receive until it is settled.
 *
 *     waiting -> starting -> running -> ending -> settling -> (let go)
 *        \          \____________________________/   ^
 *         \_________________________________________/
 *
 * `ending`: its worker has gone, and its log is still to be written.
 */
export interface Held {
  readonly message: Message;
  reading: Reading;
  /** Newest receipt handle: a duplicate delivery brings a newer one. */
  receiptHandle: string;
  phase: 'waiting' | 'starting' | 'running' | 'ending' | 'settling';
  /** Monotonic milliseconds, from the start of the receive: SQS's 12 hours count from there. */
  receivedAtMs: number;
  lease: LeaseTimes;
  /** The renewal under way: an answer to it still changes for how long the message is hidden. */
  renewal?: Promise<void> | undefined;
  renewAtMs: number;
  renewFailures: number;
  /** The try's claim in the job table; of its `tries` it is the last. */
  claim?: {
    fence: string;
    attempts: number;
    tries: Try[];
    label?: string | undefined;
    bodyDigest?: string | undefined;
  };
  run?: Run;
  /** Monotonic milliseconds of the run's limit. */
  limitAtMs?: number;
  /** Why the worker was stopped, if it was. */
  stopped?: StopReason;
}

export type StopReason = 'timed-out' | 'interrupted' | 'lease-lost' | 'cancelled';

export function jobIdOf(held: Held): string {
  return held.reading.kind === 'job' ? held.reading.job.id : held.reading.id;
}

/** Ends the worker, for the first reason that came up; but a lost lease outweighs any other. */
export function stopWorker(held: Held, reason: StopReason, graceMs: number): void {
  if (held.stopped === undefined || reason === 'lease-lost') held.stopped = reason;
  held.run?.stop(graceMs);
}
