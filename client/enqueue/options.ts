import type { Body } from './encode-body.ts';

/** Options of a new job, in addition to its body. */
export interface JobOptions {
  /**
   * How long the worker may run, in seconds from its start. After that the agent stops it. 1 to the fleet's `maxLimit`.
   * Default: the fleet's `limit`. The same as Ansible's `async`.
   */
  limitSeconds?: number;
  /** How long SQS delays the message, in whole seconds from 0 to 900. Default: the queue's own delay, which is 0. */
  delaySeconds?: number;
  /**
   * Deduplication key. If a job with the same key exists, no second job is enqueued, and the call returns the id of the
   * first. Default: none.
   */
  dedupe?: string;
  /**
   * A name that several jobs can share. `list` filters by it, and workers get it as `MAYFLY_LABEL`. It does not affect
   * when jobs run. Default: none.
   */
  label?: string;
  /** Id of the request that this job is a part of. `list` filters by it. Default: none. */
  requestId?: string;
  /**
   * Group of the job: a name, or `family/group`. At most as many jobs of a group run at the same time as it has lanes,
   * which is one by default. The job is held until it may run. Cannot be combined with `delaySeconds`. Default: none.
   */
  group?: string;
  /** What the job works on, such as a host. One job at a time has a target. Needs a `group`. Default: none. */
  target?: string;
}

/** One job of `enqueueMany`. */
export interface NewJob extends JobOptions {
  /** What the worker reads. */
  body: Body;
}

/** Options of `enqueueMany`. */
export interface EnqueueManyOptions {
  /**
   * Names the run: 1 to 100 letters and digits. Job number n, counted from 1, gets the id `j-<seed>-<n>`. Default: a
   * random seed. It begins with `_`, and then no job's id reveals the ids of the others.
   */
  seed?: string;
  /** Returns true for each job that an earlier run with this seed has sent. These are not sent again. Default: none. */
  skip?: (number: number) => boolean;
  /**
   * Returns a key that identifies job `number` in the run and takes the place of the number in its id. With it, an id
   * does not depend on the order of the input. Default: the number.
   */
  jobKey?: (number: number) => string;
  /** An earlier run with this seed did not finish. Records that it has written are not overwritten. Default false. */
  resumed?: boolean;
  /** Called with jobs that were sent, in the order of their numbers. The run waits for the promise that it returns. */
  onSent?: (jobs: readonly SentJob[]) => void | Promise<void>;
  /** Aborts the run. Calls in progress are completed, and `NotAllSentError` reports which jobs were sent. */
  signal?: AbortSignal;
  /** Whether the result contains all ids. Set it to false for an unlimited input. Default true. */
  keepIds?: boolean;
}

/** A job of `enqueueMany` that was sent. */
export interface SentJob {
  /** Its number in the run, from 1. */
  number: number;
  id: string;
  /** A job with this deduplication key existed already. */
  deduplicated: boolean;
}
