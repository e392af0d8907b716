import type { FleetFacts } from '../store/fleet-facts.ts';
import type { JobRecord } from '../jobs/record.ts';
import type { Body } from './enqueue/body.ts';
import { type Cancelled, type CancelOptions, cancelJobs } from './jobs/cancel.ts';
import {
  type CleanedUp,
  type CleanedUpEnded,
  type CleanupOptions,
  cleanUp,
  cleanUpEnded,
  type EndedOptions,
} from './jobs/cleanup.ts';
import type { FleetContext } from './context.ts';
import { DeadLetters } from './dead-letters/dead-letters.ts';
import { type Diagnosis, diagnoseFleet } from './doctor/diagnose.ts';
import { type Drained, type DrainOptions, drainInstance } from './instances/drain.ts';
import { type Enqueued, enqueue } from './enqueue/enqueue.ts';
import { type EnqueuedMany, enqueueMany } from './enqueue/enqueue-many.ts';
import type { JobOptions, ManyOptions, NewJob } from './enqueue/options.ts';
import { explained, explainedEach } from './explain.ts';
import { type FindOptions, findFleet } from './find/find.ts';
import { type DescribeOptions, describeFleet, type FleetView } from './instances/instances.ts';
import { bodyOfJob, withBodies } from './jobs/job-body.ts';
import { refuseUnknown } from './known-options.ts';
import { type ListOptions, listJobs } from './jobs/list.ts';
import { type LogEvent, type LogOptions, readJobLog } from './logs/logs.ts';
import { type Paused, pauseFleet, type Resumed, resumeFleet } from './instances/pause.ts';
import { type Retried, type RetryOptions, retryJob } from './jobs/retry.ts';
import { records } from './job-records.ts';
import { type StatusOptions, viewsOf } from './jobs/status.ts';
import type { JobView } from './jobs/view.ts';
import { type WaitOptions, waitFor } from './jobs/wait.ts';
import { withWaiting } from './jobs/waiting.ts';

export type { FindOptions } from './find/find.ts';

/** A deployed fleet, for those who give it jobs and look after it. Every method rejects with a `FleetError`. */
export class Fleet {
  readonly context: FleetContext;

  /** By what is known of it already. `Fleet.find` looks it up. */
  constructor(context: FleetContext) {
    this.context = context;
  }

  /** Finds a deployed fleet; see `FindOptions`. Close it when it is of no more use. */
  static async find(options: FindOptions = {}): Promise<Fleet> {
    refuseUnknown('Fleet.find', options);
    return new Fleet(await findFleet(options));
  }

  /** What is known of it. */
  get facts(): FleetFacts {
    return this.context.facts;
  }

  /** Enqueues one job and returns its id; see `JobOptions`. */
  enqueue(body: Body, options: JobOptions = {}): Promise<Enqueued> {
    return this.#given('enqueue', options, (context) => enqueue(context, body, options));
  }

  /** Enqueues many jobs, in batches. Rejects with `NotAllSent`, which tells which were sent. */
  enqueueMany(
    jobs: Iterable<NewJob> | AsyncIterable<NewJob>,
    options: ManyOptions = {},
  ): Promise<EnqueuedMany> {
    return this.#given('enqueueMany', options, (context) => enqueueMany(context, jobs, options));
  }

  /** A job as it is now, or several in the order of their ids. One that is unknown has the state `unknown`. */
  status(id: string, options?: StatusOptions): Promise<JobView>;
  status(ids: readonly string[], options?: StatusOptions): Promise<JobView[]>;
  status(ids: string | readonly string[], options: StatusOptions = {}): Promise<JobView | JobView[]> {
    return this.#given('status', options, async (context) => {
      const found = await records(context, [ids].flat());
      let jobs = viewsOf(context, [ids].flat(), found);
      if (options.body) jobs = await withBodies(context, jobs, found);
      if (options.waitsFor) jobs = await withWaiting(context, jobs);
      return typeof ids === 'string' ? (jobs[0] as JobView) : jobs;
    });
  }

  /** What the table has of jobs, by their ids; one that is unknown is missing. */
  records(ids: readonly string[]): Promise<Map<string, JobRecord>> {
    return this.#do((context) => records(context, ids));
  }

  /** What the worker of a job reads, whole; from its record or the log bucket. */
  body(id: string): Promise<string> {
    return this.#do((context) => bodyOfJob(context, id));
  }

  /** Waits until jobs have ended, or the time is up: then some are as they were last seen. */
  wait(ids: readonly string[], options: WaitOptions = {}): Promise<JobView[]> {
    return this.#given('wait', options, (context) => waitFor(context, ids, options));
  }

  /** The newest jobs, newest first; see `ListOptions`. */
  list(options: ListOptions = {}): Promise<JobView[]> {
    return this.#given('list', options, (context) => listJobs(context, options));
  }

  /** The output of a job, now or until it has ended; see `readJobLog`. */
  logs(id: string, options: LogOptions = {}): AsyncGenerator<LogEvent> {
    return explainedEach(this.facts, this.#log(id, options));
  }

  /** Cancels jobs: one that waits never starts, the worker of one that runs is stopped. */
  cancel(ids: readonly string[], options: CancelOptions = {}): Promise<Cancelled[]> {
    return this.#given('cancel', options, (context) => cancelJobs(context, ids, options));
  }

  /** Enqueues a job that has ended once more, as a new job that names the old one; see `RetryOptions`. */
  retry(id: string, options: RetryOptions = {}): Promise<Retried> {
    return this.#given('retry', options, (context) => retryJob(context, id, options));
  }

  /** Forgets jobs that have ended: record, log and body. */
  cleanup(ids: readonly string[], options: CleanupOptions = {}): Promise<CleanedUp[]> {
    return this.#given('cleanup', options, (context) => cleanUp(context, ids, options));
  }

  /** Forgets all jobs that ended before a moment. */
  cleanupEnded(options: EndedOptions): Promise<CleanedUpEnded> {
    return this.#given('cleanupEnded', options, (context) => cleanUpEnded(context, options));
  }

  /** The jobs that it gave up. */
  get deadLetters(): DeadLetters {
    return new DeadLetters(this.context);
  }

  /** What it has to do, what its instances do and will do, why the last ones went. */
  describe(options: DescribeOptions = {}): Promise<FleetView> {
    return this.#given('describe', options, (context) => describeFleet(context, options));
  }

  /** Nothing is launched any more, and agents take no new job. Can be repeated. */
  pause(): Promise<Paused> {
    return this.#do(pauseFleet);
  }

  /** Lifts a pause and an open boot breaker. Can be repeated. */
  resume(): Promise<Resumed> {
    return this.#do(resumeFleet);
  }

  /** Has one instance let its jobs end and go, and take no new one. Can be repeated. Rejects with `UnknownInstance`. */
  drain(instance: string, options: DrainOptions = {}): Promise<Drained> {
    return this.#given('drain', options, (context) => drainInstance(context, instance, options));
  }

  /** Looks at all that it is made of: what is wrong, and what to do. */
  diagnose(): Promise<Diagnosis> {
    return this.#do(diagnoseFleet);
  }

  /** Closes its connections. */
  close(): void {
    this.context.clients.destroy();
  }

  async *#log(id: string, options: LogOptions): AsyncGenerator<LogEvent> {
    refuseUnknown('logs', options);
    yield* readJobLog(this.context, id, options);
  }

  #given<T>(
    method: Parameters<typeof refuseUnknown>[0],
    options: object,
    run: (context: FleetContext) => Promise<T>,
  ): Promise<T> {
    return this.#do((context) => {
      refuseUnknown(method, options);
      return run(context);
    });
  }

  #do<T>(run: (context: FleetContext) => Promise<T>): Promise<T> {
    return explained(this.facts, () => run(this.context));
  }
}
