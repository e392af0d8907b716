import type { JobRecord } from '../jobs/record.ts';
import type { FleetFacts } from '../store/fleet-facts.ts';
import type { FleetContext } from './context.ts';
import { DeadLetters } from './dead-letters/dead-letters.ts';
import { type Diagnosis, diagnoseFleet } from './doctor/diagnose.ts';
import type { Body } from './enqueue/encode-body.ts';
import { type Enqueued, enqueue } from './enqueue/enqueue.ts';
import { type EnqueuedMany, enqueueMany } from './enqueue/enqueue-many.ts';
import type { EnqueueManyOptions, JobOptions, NewJob } from './enqueue/options.ts';
import { withExplainedErrors, withExplainedErrorsEach } from './explain.ts';
import { type FindOptions, findFleet } from './find/find.ts';
import { FleetGroups } from './groups/groups.ts';
import { type DescribeOptions, describeFleet, type FleetView } from './instances/describe.ts';
import { type Drained, type DrainOptions, drainInstance } from './instances/drain.ts';
import { type Paused, pauseFleet, type Resumed, resumeFleet } from './instances/pause.ts';
import { readRecords } from './job-records.ts';
import { type Cancelled, type CancelOptions, cancelJobs } from './jobs/cancel.ts';
import {
  type CleanedUp,
  type CleanedUpEnded,
  type CleanupEndedOptions,
  type CleanupOptions,
  cleanUpEndedJobs,
  cleanUpJobs,
} from './jobs/cleanup.ts';
import { withHeld } from './jobs/held.ts';
import { type ListOptions, listJobs } from './jobs/list.ts';
import { type Retried, type RetryOptions, retryJob } from './jobs/retry.ts';
import { withStages } from './jobs/stages.ts';
import { createJobViews, type StatusOptions } from './jobs/status.ts';
import { readJobBody, withBodies } from './jobs/stored-body.ts';
import type { JobView } from './jobs/view.ts';
import { type WaitOptions, waitFor } from './jobs/wait.ts';
import { withWaiting } from './jobs/waiting.ts';
import { refuseUnknown } from './known-options.ts';
import { type LogEvent, type LogOptions, readJobLog } from './logs/logs.ts';
import { FleetRequests } from './requests/requests.ts';
import type { Requested, RequestOptions, TargetGroup } from './requests/types.ts';

export type { FindOptions } from './find/find.ts';

/**
 * A deployed fleet: enqueue jobs, follow them, operate the fleet.
 *
 * Methods reject with a `FleetError` for everything that a caller can cause, and for answers of AWS. Any method can
 * reject with `NoCredentialsError`, `AccessDeniedError`, `ThrottledError`, `UnreachableError`, `StoreGoneError` or
 * `WrongOptionError` (an unknown option). Methods that need job records reject with `NotTrackedError` if the fleet
 * keeps none. Other errors are named at the method.
 *
 * Durations are in seconds. Ids of jobs are those that `enqueue` returns.
 */
export class Fleet {
  /** The facts of the fleet and the AWS clients that the methods use. */
  readonly context: FleetContext;

  /** For callers that have a context already. `Fleet.find` creates one. */
  constructor(context: FleetContext) {
    this.context = context;
  }

  /**
   * Finds a deployed fleet. Without options it uses the environment variables (`MAYFLY_STACK`, ...), else the only
   * fleet of the region. Call `close` when it is not needed any more.
   *
   * Rejects with `FleetNotFoundError` if no fleet matches, or several do.
   */
  static async find(options: FindOptions = {}): Promise<Fleet> {
    refuseUnknown('Fleet.find', options);
    return new Fleet(await findFleet(options));
  }

  /** Names of the fleet's resources, and its settings. */
  get facts(): FleetFacts {
    return this.context.facts;
  }

  /**
   * Enqueues one job.
   *
   * Rejects with `BadBodyError` or `WrongOptionError` before anything is sent. With options that need job records it
   * rejects with `NotTrackedError`.
   *
   * @param body what the worker reads: text, UTF-8 bytes, or a value that is sent as JSON; at most 64 MiB
   */
  enqueue(body: Body, options: JobOptions = {}): Promise<Enqueued> {
    return this.#withOptions('enqueue', options, (context) => enqueue(context, body, options));
  }

  /**
   * Enqueues many jobs in batches. Reads the input only as fast as it sends.
   *
   * Rejects with `NotAllSentError`, which reports which jobs were sent. Run it again with the same `seed`, `skip` and
   * `resumed` to send the rest.
   */
  enqueueMany(
    jobs: Iterable<NewJob> | AsyncIterable<NewJob>,
    options: EnqueueManyOptions = {},
  ): Promise<EnqueuedMany> {
    return this.#withOptions('enqueueMany', options, (context) => enqueueMany(context, jobs, options));
  }

  /** The state of one job, or of several in the order of their ids. An unknown job has the state `unknown`. */
  status(id: string, options?: StatusOptions): Promise<JobView>;
  status(ids: readonly string[], options?: StatusOptions): Promise<JobView[]>;
  status(ids: string | readonly string[], options: StatusOptions = {}): Promise<JobView | JobView[]> {
    return this.#withOptions('status', options, async (context) => {
      const found = await readRecords(context, [ids].flat());
      let jobs = createJobViews(context, [ids].flat(), found);
      if (options.body) jobs = await withBodies(context, jobs, found);
      if (options.stages) jobs = await withStages(context, jobs);
      if (options.waitsFor) jobs = await withHeld(context, await withWaiting(context, jobs));
      return typeof ids === 'string' ? (jobs[0] as JobView) : jobs;
    });
  }

  /** The records of jobs in the table, by their ids. The map has no entry for an unknown id. */
  records(ids: readonly string[]): Promise<Map<string, JobRecord>> {
    return this.#run((context) => readRecords(context, ids));
  }

  /**
   * The whole body of a job, from its record or the log bucket.
   *
   * Rejects with `UnknownJobError`, or with `BodyNotKeptError` if the body is not stored any more.
   */
  body(id: string): Promise<string> {
    return this.#run((context) => readJobBody(context, id));
  }

  /**
   * Waits until all jobs have ended, or until the time-out. Resolves with the jobs in the order of their ids; after the
   * time-out some of them have not ended.
   */
  wait(ids: readonly string[], options: WaitOptions = {}): Promise<JobView[]> {
    return this.#withOptions('wait', options, (context) => waitFor(context, ids, options));
  }

  /** Lists jobs, the newest first. */
  list(options: ListOptions = {}): Promise<JobView[]> {
    return this.#withOptions('list', options, (context) => listJobs(context, options));
  }

  /**
   * Reads the output of a job: what exists now, or with `follow` until the job has ended. Keeps at most 16 MiB in
   * memory.
   *
   * The generator throws `UnknownJobError`, `NoSuchTryError`, or `LogGoneError` if the log has expired.
   */
  logs(id: string, options: LogOptions = {}): AsyncGenerator<LogEvent> {
    return withExplainedErrorsEach(this.facts, this.#log(id, options));
  }

  /** Cancels jobs. A queued job never starts; the worker of a running job is stopped. Can be repeated. */
  cancel(ids: readonly string[], options: CancelOptions = {}): Promise<Cancelled[]> {
    return this.#withOptions('cancel', options, (context) => cancelJobs(context, ids, options));
  }

  /**
   * Enqueues a job that has ended again, as a new job with the same body and options. Its record names the old job.
   *
   * Rejects with `UnknownJobError`, `JobIsLiveError` if the job has not ended, or `BodyNotKeptError`.
   */
  retry(id: string, options: RetryOptions = {}): Promise<Retried> {
    return this.#withOptions('retry', options, (context) => retryJob(context, id, options));
  }

  /** Deletes the records, logs and bodies of jobs that have ended. */
  cleanup(ids: readonly string[], options: CleanupOptions = {}): Promise<CleanedUp[]> {
    return this.#withOptions('cleanup', options, (context) => cleanUpJobs(context, ids, options));
  }

  /**
   * Deletes the records, logs and bodies of all jobs that ended before a time. Rejects at the first that it cannot
   * delete.
   */
  cleanupEnded(options: CleanupEndedOptions): Promise<CleanedUpEnded> {
    return this.#withOptions('cleanupEnded', options, (context) => cleanUpEndedJobs(context, options));
  }

  /** The dead-letter queue: jobs that failed after all their attempts, and messages that are no jobs. */
  get deadLetters(): DeadLetters {
    return new DeadLetters(this.context);
  }

  /**
   * Makes a request: one job for each target. Jobs of a group run one at a time, or as its lanes and the options allow.
   *
   * Rejects with `WrongOptionError`, `BadBodyError` or `GroupFullError` before anything is stored, and with
   * `RequestConflictError` if there is another request with this id.
   */
  request(groups: readonly TargetGroup[], options: RequestOptions = {}): Promise<Requested> {
    return this.requests.submit(groups, options);
  }

  /** The requests of the fleet. */
  get requests(): FleetRequests {
    return new FleetRequests(this.context);
  }

  /** The groups of the fleet. */
  get groups(): FleetGroups {
    return new FleetGroups(this.context);
  }

  /** The state of the fleet: its queue, its capacity, its instances, and why the latest instances were terminated. */
  describe(options: DescribeOptions = {}): Promise<FleetView> {
    return this.#withOptions('describe', options, (context) => describeFleet(context, options));
  }

  /** Pauses the fleet: no instance is launched, and agents receive no new jobs. Running jobs go on. Can be repeated. */
  pause(): Promise<Paused> {
    return this.#run(pauseFleet);
  }

  /** Ends a pause and closes an open boot breaker. Can be repeated. */
  resume(): Promise<Resumed> {
    return this.#run(resumeFleet);
  }

  /**
   * Drains one instance: it receives no new jobs, and terminates when its jobs have ended. Can be repeated.
   *
   * Rejects with `UnknownInstanceError`, or with `InWarmPoolError` for an instance in the warm pool.
   */
  drain(instance: string, options: DrainOptions = {}): Promise<Drained> {
    return this.#withOptions('drain', options, (context) => drainInstance(context, instance, options));
  }

  /** Checks all resources of the fleet and returns what is wrong and what to do about it. */
  diagnose(): Promise<Diagnosis> {
    return this.#run(diagnoseFleet);
  }

  /** Closes the connections to AWS. */
  close(): void {
    this.context.clients.destroy();
  }

  async *#log(id: string, options: LogOptions): AsyncGenerator<LogEvent> {
    refuseUnknown('logs', options);
    yield* readJobLog(this.context, id, options);
  }

  #withOptions<T>(
    method: Parameters<typeof refuseUnknown>[0],
    options: object,
    run: (context: FleetContext) => Promise<T>,
  ): Promise<T> {
    return this.#run((context) => {
      refuseUnknown(method, options);
      return run(context);
    });
  }

  #run<T>(run: (context: FleetContext) => Promise<T>): Promise<T> {
    return withExplainedErrors(this.facts, () => run(this.context));
  }
}
