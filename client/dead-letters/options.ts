import type { DeadLetter } from './parse.ts';

/** Which dead letters. Exactly one of the three is given. */
export interface DeadLetterSelection {
  /** Ids of jobs or of messages. */
  ids?: readonly string[];
  /** Those whose reason contains this text. Upper and lower case are the same. */
  reason?: string;
  /** All. Default false. */
  all?: boolean;
}

/** Options of `deadLetters.list`. */
export interface ListDeadLettersOptions {
  /** The most dead letters that are received. Default 100. */
  limit?: number;
  /** Only those whose reason contains this text. Upper and lower case are the same. Default: all. */
  reason?: string;
}

/** Result of `deadLetters.list`. */
export interface DeadLetterList {
  deadLetters: DeadLetter[];
  /** Approximate number of dead letters that were not received: beyond the limit, or in flight with another receiver. */
  remaining: number;
}

/** Options of `deadLetters.purge`. */
export interface PurgeOptions extends DeadLetterSelection {
  /** Only report what would be deleted. Default false. */
  dryRun?: boolean;
}

/** Result of `deadLetters.purge`. */
export interface Purged {
  /** Number of dead letters that were deleted, or with `dryRun` would be. Approximate if all were purged. */
  count: number;
  /** Ids of their jobs. Empty if all were purged, because SQS does not report them. */
  ids: string[];
  /** Ids for which no dead letter was found. */
  missing: string[];
  /**
   * Approximate number of dead letters that were not received, because another receiver has them in flight. 0 if the
   * dead letters were named by their ids, and if all were purged.
   */
  remaining: number;
}

/** Options of `deadLetters.redrive`. */
export interface RedriveOptions extends DeadLetterSelection {
  /**
   * URL or name of the queue for the new jobs. It must be this fleet's queue. Give it to redrive dead letters of
   * another queue too. Default: those are not redriven.
   */
  to?: string;
  /** Only report what would become of each dead letter. Default false. */
  dryRun?: boolean;
  /** Called with each outcome as soon as it is known. */
  onRedrive?: (redriven: Redriven) => void;
  /** Aborts the run after the current batch. The call then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * What became of a dead letter, or with `dryRun` would. Those with the outcome `redriven` or `copy` are deleted, all
 * others stay in the dead-letter queue.
 */
export type Redriven = { id: string; messageId: string } & RedriveOutcome;

export type RedriveOutcome =
  | { outcome: 'redriven'; newId: string }
  /** Another dead letter of the same job was redriven. */
  | { outcome: 'copy' }
  /** The job was retried before. It is redriven only if it is named by its id. */
  | { outcome: 'retried'; newId: string }
  /** It comes from another queue. */
  | { outcome: 'foreign'; source: string }
  /** It cannot become a job of this fleet. `why` is the reason. */
  | { outcome: 'refused'; why: string };

/** Result of `deadLetters.redrive`. */
export interface RedriveResult {
  /** URL of the queue to which the new jobs were sent. */
  queueUrl: string;
  /** One for each dead letter. */
  outcomes: Redriven[];
  /** Ids for which no dead letter was found. */
  missing: string[];
  /**
   * Approximate number of dead letters that were not received, because another receiver has them in flight. 0 if the
   * dead letters were named by their ids.
   */
  remaining: number;
}
