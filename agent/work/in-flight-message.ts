import type { MessageReading } from '../../jobs/message.ts';
import type { Try } from '../../jobs/record.ts';
import type { LeaseTimes } from '../../policy/lease.ts';
import type { GroupedClaim } from '../../store/claim.ts';
import type { Message } from '../../store/job-queue.ts';
import type { Run } from '../runner/runner.ts';

/**
 * A message that this agent has received and not settled yet.
 *
 *     waiting -> starting -> running -> ending -> settling -> (untracked)
 *        \          \____________________________/   ^
 *         \_________________________________________/
 *
 * `ending`: its worker has ended, and its log is still being written.
 */
export interface InFlightMessage {
  readonly message: Message;
  reading: MessageReading;
  /** The newest receipt handle: a duplicate delivery brings a newer one. */
  receiptHandle: string;
  phase: 'waiting' | 'starting' | 'running' | 'ending' | 'settling';
  /** Start of the receive, in monotonic milliseconds. SQS's 12 hours count from there. */
  receivedAtMs: number;
  lease: LeaseTimes;
  /** The current renewal. Its answer may still change how long the message is hidden. */
  renewal?: Promise<void> | undefined;
  renewAtMs: number;
  renewFailures: number;
  /** The claim in the job table. The last of its `tries` is the current one. */
  claim?: {
    fence: string;
    attempts: number;
    tries: Try[];
    label?: string | undefined;
    bodyDigest?: string | undefined;
    /** Of a job of a group. */
    grouped?: GroupedClaim | undefined;
  };
  run?: Run;
  /** When the run reaches its limit, in monotonic milliseconds. */
  limitAtMs?: number;
  /** Why the worker was stopped, if it was. */
  stopped?: StopReason;
}

export type StopReason = 'timed-out' | 'interrupted' | 'lease-lost' | 'cancelled';

export function jobIdOf(inFlight: InFlightMessage): string {
  return inFlight.reading.kind === 'job' ? inFlight.reading.job.id : inFlight.reading.id;
}

/** Stops the worker. The first reason counts, but a lost lease replaces any other. */
export function stopWorker(inFlight: InFlightMessage, reason: StopReason, graceMs: number): void {
  if (inFlight.stopped === undefined || reason === 'lease-lost') inFlight.stopped = reason;
  inFlight.run?.stop(graceMs);
}
