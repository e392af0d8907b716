import type { Clients } from '../../aws/clients.ts';
import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { Groups } from '../../groups/groups.ts';
import { type MessageRules, readMessage } from '../../jobs/message.ts';
import type { Ending, RetryRules } from '../../jobs/outcome.ts';
import { SQS_MAX_BATCH_SIZE, SQS_MAX_VISIBILITY_SECONDS } from '../../lib/limits.ts';
import { resolvesWithin } from '../../lib/with-timeout.ts';
import type { Broken } from '../../policy/retirement.ts';
import { createBodyStore } from '../../store/body-store.ts';
import { JobQueue, type Message } from '../../store/job-queue.ts';
import { JobTable } from '../../store/job-table.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import type { WorkerAccess } from '../credentials/worker-access.ts';
import { TryLogs } from '../log/try-logs.ts';
import type { Runner } from '../runner/runner.ts';
import type { WorkerDisk } from '../runner/worker-disk.ts';
import type { WorkerSecrets } from '../secrets/worker-secrets.ts';
import { InstanceCheck } from '../supervision/instance-check.ts';
import { InstanceHealth } from '../supervision/instance-health.ts';
import { RefusalTracker } from '../supervision/refusals.ts';
import { type AttemptResult, Attempts } from './attempt.ts';
import { Bodies } from './bodies.ts';
import { Cancellations } from './cancellations.ts';
import { type InFlightMessage, jobIdOf, stopWorker } from './in-flight-message.ts';
import { Lanes } from './lanes.ts';
import { Leases } from './leases.ts';
import { Receiver, type Room } from './receive.ts';
import { Settler } from './settle.ts';
import { Slots } from './slots.ts';
import type { JobLoop, JobLoopProgress, JobLoopState } from './types.ts';

export interface JobLoopOptions {
  config: AgentConfig;
  clients: Pick<Clients, 'sqs' | 'polls' | 'dynamodb' | 's3'>;
  /** This instance's id, for the jobs' records. */
  instance: string;
  runner: Runner;
  /** Gives workers credentials. Without it they get none. */
  access?: WorkerAccess | undefined;
  /** Gives workers their secrets. Without it they get none. */
  secrets?: Pick<WorkerSecrets, 'read'> | undefined;
  /** The disks that workers write to. Without them free space is not checked. */
  disk?: WorkerDisk | undefined;
  /** Gets the results of calls to AWS. */
  refusals?: RefusalTracker;
  clock: Clock;
  /** As `Math.random`. */
  random: () => number;
  log: Log;
  /** Called at the start of each receive, for the watchdog. */
  onAttempt?: () => void;
  /** Called when this instance is broken. */
  onBroken?: (broken: Broken) => void;
}

/** With a wait time SQS asks all of its servers. A receive without one (short polling) can miss a message. */
const LAST_RECEIVE_SECONDS = 1;

/** The time for the last writes, after the drain's deadline and the grace period. Then the agent ends, settled or not. */
const LAST_WRITES_MS = 10_000;

/** With so many workers in a row that could not be started, the instance counts as broken. */
const MAX_FAILED_STARTS = 5;

/** Ends of a try that do not count as a job done. */
const NOT_DONE: ReadonlySet<Ending['kind']> = new Set(['interrupted', 'slot-lost', 'unhealthy']);

/** Creates the job loop of an agent. It is paused until `resume` is called. */
export function createJobLoop(options: JobLoopOptions): JobLoop {
  return new RunningJobLoop(options);
}

class RunningJobLoop implements JobLoop {
  readonly #options: JobLoopOptions;
  readonly #leases: Leases;
  readonly #logs: TryLogs;
  readonly #attempts: Attempts;
  readonly #settler: Settler;
  readonly #slots: Slots;
  readonly #check: InstanceCheck | undefined;
  readonly #health: InstanceHealth;
  readonly #receiver: Receiver;
  readonly #listeners = new Set<() => void>();
  readonly #rules: MessageRules;
  readonly #maxUnsettled: number;
  #settling = 0;
  #jobsDone = 0;
  #lastStartMs: number | undefined;
  #idleSinceMs: number | undefined;
  #failedStarts = 0;
  /** The loop was resumed once. */
  #hasStarted = false;
  readonly #requeuing = new Set<Promise<void>>();
  #isLastReceive = false;
  #draining = false;
  /** The time for running jobs is over: no worker may be started any more. */
  #stopping = false;

  constructor(options: JobLoopOptions) {
    this.#options = options;
    const { config, clients, clock, random, log, runner, instance } = options;
    const queue = new JobQueue(clients, config.queueUrl, config.deadLetterQueueUrl);
    const tracked =
      config.trackJobs && config.table !== undefined
        ? { client: clients.dynamodb, table: config.table }
        : undefined;
    const table = tracked && new JobTable(tracked.client, tracked.table, config.recordSeconds);
    const { refusals = new RefusalTracker(clock) } = options;
    const shared = { ...config, queue, table, clock, random, log, refusals };
    this.#leases = new Leases(shared);
    this.#logs = new TryLogs({ config, clients, clock, random, log });
    const stopping = () => this.#stopping;
    const { logBucket } = config;
    const store = logBucket === undefined ? undefined : () => createBodyStore(clients.s3, logBucket);
    const bodies = new Bodies({ ...shared, leases: this.#leases, store, stopping });
    this.#attempts = new Attempts({
      ...shared,
      logs: this.#logs,
      bodies,
      leases: this.#leases,
      cancels: new Cancellations({ ...shared, tracked, inFlight: () => this.#leases.all() }),
      runner,
      access: options.access,
      secrets: options.secrets,
      instance,
      stopping,
      draining: () => this.#draining,
      onStart: () => {
        this.#lastStartMs = clock.now();
      },
    });
    this.#settler = new Settler({
      ...shared,
      lanes: tracked && createLanes(options, tracked.table),
      bodies,
      stopping,
      leases: this.#leases,
      rules: createRetryRules(config),
    });
    this.#slots = new Slots({
      count: config.concurrency,
      clock,
      run: (inFlight) => this.#runJob(inFlight),
      requeue: (inFlight) => this.#requeue(inFlight),
      onFree: () => this.#changed(),
    });
    this.#check = config.instanceCheck && new InstanceCheck({ runner, access: options.access, clock });
    this.#health = new InstanceHealth({
      ...shared,
      disk: options.disk,
      check: this.#check,
      stopping,
      onBroken: options.onBroken ?? (() => undefined),
    });
    this.#receiver = new Receiver({
      ...shared,
      room: () => this.#room(),
      deliver: (...received) => this.#deliver(...received),
      pauseMs: () => this.#health.pauseMs,
      onSlowReceive: () => this.#changed(),
      onAttempt: options.onAttempt ?? (() => undefined),
    });
    this.#rules = createMessageRules(config, tracked !== undefined);
    this.#maxUnsettled = Math.max(50, 4 * config.concurrency);
    this.#idleSinceMs = clock.monotonic();
  }

  state(): JobLoopState {
    return {
      running: this.#slots.busy,
      settling: this.#settling,
      idleSinceMs: this.#idleSinceMs,
      jobsDone: this.#jobsDone,
      longestLimitSeconds: this.#longestLimitSeconds(),
      lastStartMs: this.#lastStartMs,
      hasStaleRecords: this.#settler.hasStaleRecords,
      slowed: this.#health.slowed,
    };
  }

  progress(): JobLoopProgress {
    return { receiving: this.#receiver.receiving, leasesDueMs: this.#leases.nextDueMs() };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async pause(): Promise<void> {
    const receives = this.#receiver.pause();
    // A loop that left jobs to others is idle now.
    this.#changed();
    for (const inFlight of this.#slots.clear()) this.#requeue(inFlight);
    await receives;
    await Promise.all(this.#requeuing);
  }

  resume(): void {
    if (!this.#hasStarted && this.#idleSinceMs !== undefined)
      this.#idleSinceMs = this.#options.clock.monotonic();
    this.#hasStarted = true;
    this.#draining = false;
    this.#stopping = false;
    this.#logs.deadlineMs = Number.POSITIVE_INFINITY;
    this.#receiver.resume();
  }

  async receiveLast(): Promise<'empty' | 'found' | 'unknown'> {
    this.#isLastReceive = true;
    try {
      const count = Math.max(1, Math.min(SQS_MAX_BATCH_SIZE, this.#slots.free));
      const messages = await this.#receiver.receiveOnce(count, LAST_RECEIVE_SECONDS);
      if (this.#draining) return 'unknown';
      if (messages.length === 0) return 'empty';
      this.#receiver.resume();
      return 'found';
    } catch (err) {
      this.#options.log.warn({ err }, 'the last receive failed');
      return 'unknown';
    } finally {
      this.#isLastReceive = false;
    }
  }

  async drain(withinMs: number): Promise<void> {
    const { clock, config, log } = this.#options;
    this.#draining = true;
    const done = Promise.all([this.pause(), this.#waitUntilIdle()]);
    if (await resolvesWithin(clock, withinMs, done)) return;
    this.#stopping = true;
    this.#check?.stop();
    const graceMs = config.graceSeconds * 1000;
    this.#logs.deadlineMs = clock.monotonic() + graceMs + LAST_WRITES_MS / 2;
    log.warn({ running: this.#slots.busy }, 'the time to drain is over: stopping the running jobs');
    for (const inFlight of this.#leases.all()) {
      if (inFlight.phase === 'running') stopWorker(inFlight, 'interrupted', graceMs);
    }
    if (await resolvesWithin(clock, graceMs + LAST_WRITES_MS, done)) return;
    const jobs = [...this.#leases.all()].map(jobIdOf);
    log.error(
      { jobs, atMs: clock.now() },
      'not settled in time: these jobs are received again when their leases end',
    );
  }

  #longestLimitSeconds(): number {
    const { limitSeconds: fleetLimit } = this.#options.config;
    const limits = [...this.#leases.all()].map(({ reading, claim }) =>
      reading.kind === 'job' ? (claim?.grouped?.checkSeconds ?? reading.job.limitSeconds ?? fleetLimit) : 0,
    );
    return Math.max(0, ...limits);
  }

  #room(): Room {
    if (this.#health.isBroken || this.#settling >= this.#maxUnsettled)
      return { free: 0, waiting: 0, prefetch: 0 };
    const { free, waiting, prefetch } = this.#slots;
    return { free, waiting, prefetch };
  }

  #deliver(messages: Message[], startMs: number, wanted: boolean): void {
    for (const message of messages) this.#take(message, startMs, wanted);
    if (messages.length > 0) this.#changed();
  }

  #take(message: Message, startMs: number, wanted: boolean): void {
    const known = this.#leases.find(message.id);
    if (known) {
      this.#leases.updateHandle(known, message.receiptHandle, startMs);
      return;
    }
    const inFlight: InFlightMessage = {
      message,
      reading: readMessage(message, this.#rules),
      receiptHandle: message.receiptHandle,
      phase: 'waiting',
      ...this.#leases.createLease(startMs),
    };
    this.#leases.add(inFlight);
    if (this.#settler.wasDeletedLate(message.id)) this.#settle(this.#settler.deleteAgain(inFlight));
    else if (!wanted || this.#draining || (this.#receiver.paused && !this.#isLastReceive))
      this.#requeue(inFlight);
    else this.#slots.push(inFlight);
  }

  /** Runs a job in a slot. The job is settled in parallel: the slot is free when the worker has ended. */
  async #runJob(inFlight: InFlightMessage): Promise<void> {
    if (!(await this.#health.isFit())) {
      this.#requeue(inFlight);
      return;
    }
    const result = await this.#attempts.run(inFlight);
    // The worker has ended: its limit does not apply any more.
    if (inFlight.phase === 'running') inFlight.phase = 'ending';
    const attempted = inFlight.run ? await this.#health.judge(jobIdOf(inFlight), result) : result;
    if (inFlight.run) this.#countStart(attempted);
    if (attempted.kind === 'ended') this.#countEnd(jobIdOf(inFlight), attempted.ending);
    this.#settle(this.#settler.settle(inFlight, attempted));
  }

  /** An instance that slows down requeues the jobs that wait for a slot. */
  #countEnd(job: string, ending: Ending): void {
    const { isSlowed } = this.#health;
    this.#health.countResult(job, ending);
    if (isSlowed === this.#health.isSlowed) return;
    if (isSlowed) this.#receiver.endPause();
    else for (const inFlight of this.#slots.clear()) this.#requeue(inFlight);
  }

  #countStart(attempted: AttemptResult): void {
    if (attempted.kind === 'ended' && attempted.ending.kind === 'not-started') {
      this.#failedStarts += 1;
      if (this.#failedStarts === MAX_FAILED_STARTS) {
        this.#health.markBroken({ reason: 'worker-missing', problem: attempted.ending.reason });
      }
      return;
    }
    this.#failedStarts = 0;
    if (attempted.kind === 'ended' && !NOT_DONE.has(attempted.ending.kind)) this.#jobsDone += 1;
  }

  #requeue(inFlight: InFlightMessage): void {
    const requeued = this.#settler.requeue(inFlight).finally(() => this.#requeuing.delete(requeued));
    this.#requeuing.add(requeued);
    this.#settle(requeued);
  }

  #settle(settled: Promise<void>): void {
    this.#settling += 1;
    void settled.then(() => {
      this.#settling -= 1;
      this.#changed();
    });
  }

  #changed(): void {
    const jobs = this.#slots.busy + this.#slots.waiting + this.#settling;
    if (jobs > 0 || this.#receiver.holdsBack) this.#idleSinceMs = undefined;
    else this.#idleSinceMs ??= this.#options.clock.monotonic();
    for (const listener of this.#listeners) listener();
    this.#receiver.startReceives();
  }

  /** Resolves when there is no job here. */
  #waitUntilIdle(): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.#idleSinceMs === undefined) return;
        unlisten();
        resolve();
      };
      const unlisten = this.onChange(check);
      check();
    });
  }
}

function createLanes({ config, clients, clock, random, log }: JobLoopOptions, table: string): Lanes {
  const { queueUrl, recordSeconds, groups: limits } = config;
  const groups = new Groups({ clients, table, queueUrl, recordSeconds, limits, clock, random });
  return new Lanes({ groups, clock, random, log });
}

function createRetryRules(config: AgentConfig): RetryRules {
  const { maxAttempts, retryTimedOut, maxJobAgeSeconds, retryBackoff, groups } = config;
  const { firstSeconds, factor, longestSeconds } = retryBackoff;
  return {
    maxAttempts,
    retryTimedOut,
    maxJobAgeSeconds,
    notNowLimitSeconds: groups.notNowLimitSeconds,
    backoff: { initialMs: firstSeconds * 1000, factor, maxMs: longestSeconds * 1000 },
  };
}

function createMessageRules(config: AgentConfig, tracked: boolean): MessageRules {
  return {
    maxLimitSeconds: SQS_MAX_VISIBILITY_SECONDS - config.graceSeconds,
    allowedLimitSeconds: config.maxLimitSeconds ?? config.limitSeconds,
    tracked,
  };
}
