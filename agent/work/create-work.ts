import type { Clients } from '../../aws/clients.ts';
import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { resolvesWithin } from '../../lib/with-timeout.ts';
import { bodyStore } from '../../store/bodies.ts';
import { type MessageRules, readMessage } from '../../jobs/message.ts';
import type { Ending } from '../../jobs/outcome.ts';
import { JobQueue, LARGEST_BATCH, type Message } from '../../store/queue.ts';
import { JobTable } from '../../store/table.ts';
import type { Broken } from '../../policy/retirement.ts';
import { type Attempted, Attempts } from './attempt.ts';
import { Bodies } from './bodies.ts';
import { Cancels } from './cancels.ts';
import { type AgentConfig, LONGEST_VISIBILITY_SECONDS } from '../config/agent-config.ts';
import type { WorkerAccess } from '../credentials/worker-access.ts';
import { type Held, jobIdOf, stopWorker } from './held.ts';
import { InstanceCheck } from '../supervision/instance-check.ts';
import { InstanceHealth } from '../supervision/instance-health.ts';
import { Leases } from './leases.ts';
import { TryLogs } from '../log/try-logs.ts';
import { Receiver, type Room } from './receive.ts';
import { Refusals } from '../supervision/refusals.ts';
import type { Runner } from '../runner/runner.ts';
import { Settler } from './settle.ts';
import { Slots } from './slots.ts';
import type { Vitals, Work, WorkState } from './work.ts';
import type { WorkerDisk } from '../runner/worker-disk.ts';

export interface WorkOptions {
  config: AgentConfig;
  clients: Pick<Clients, 'sqs' | 'polls' | 'dynamodb' | 's3'>;
  /** This instance's id, for the jobs' records. */
  instance: string;
  runner: Runner;
  /** How workers come to credentials; without it they get none. */
  access?: WorkerAccess | undefined;
  /** The disks that workers write to; without them nobody looks at the room that is left. */
  disk?: WorkerDisk | undefined;
  /** Told what AWS answers. By default nobody is. */
  refusals?: Refusals;
  clock: Clock;
  /** As `Math.random`. */
  random: () => number;
  log: Log;
  /** Called at the start of each receive: a sign of life. */
  onAttempt?: () => void;
  /** Called when this instance is found to be of no use. */
  onBroken?: (broken: Broken) => void;
}

/** SQS asks all of its servers from one second of waiting on; a look that waits for none can miss a message. */
const LAST_LOOK_SECONDS = 1;

/** After the drain's deadline and the grace: for the last writes. Then the agent goes, settled or not. */
const LAST_WRITES_MS = 10_000;

/** Workers in a row that could not be started, until the instance counts as broken. */
const MOST_FAILED_STARTS = 5;

/** Ends of a worker that are not its own, or not to its account. */
const CUT_OFF: ReadonlySet<Ending['kind']> = new Set(['interrupted', 'slot-lost', 'unhealthy']);

/** Makes the job side of an agent. It is paused until `resume` is called. */
export function createWork(options: WorkOptions): Work {
  return new JobSide(options);
}

class JobSide implements Work {
  readonly #options: WorkOptions;
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
  /** Work was resumed once. */
  #begun = false;
  readonly #returning = new Set<Promise<void>>();
  #looking = false;
  #draining = false;
  /** The time for running jobs is over: no worker may start any more. */
  #stopping = false;

  constructor(options: WorkOptions) {
    this.#options = options;
    const { config, clients, clock, random, log, runner, instance } = options;
    const queue = new JobQueue(clients, config.queueUrl, config.deadLetterQueueUrl);
    const tracked =
      config.trackJobs && config.table !== undefined
        ? { client: clients.dynamodb, table: config.table }
        : undefined;
    const table = tracked && new JobTable(tracked.client, tracked.table, config.recordSeconds);
    const { refusals = new Refusals(clock) } = options;
    const shared = { ...config, queue, table, clock, random, log, refusals };
    this.#leases = new Leases(shared);
    this.#logs = new TryLogs({ config, clients, clock, random, log });
    const stopping = () => this.#stopping;
    const { logBucket } = config;
    const store = logBucket === undefined ? undefined : () => bodyStore(clients.s3, logBucket);
    const bodies = new Bodies({ ...shared, leases: this.#leases, store, stopping });
    this.#attempts = new Attempts({
      ...shared,
      logs: this.#logs,
      bodies,
      leases: this.#leases,
      cancels: new Cancels({ ...shared, tracked, held: () => this.#leases.all() }),
      runner,
      access: options.access,
      instance,
      stopping,
      draining: () => this.#draining,
      onStart: () => {
        this.#lastStartMs = clock.now();
      },
    });
    const backoff = {
      initialMs: config.retryBackoff.firstSeconds * 1000,
      factor: config.retryBackoff.factor,
      maxMs: config.retryBackoff.longestSeconds * 1000,
    };
    this.#settler = new Settler({
      ...shared,
      bodies,
      stopping,
      leases: this.#leases,
      rules: { ...config, backoff },
    });
    this.#slots = new Slots({
      count: config.concurrency,
      clock,
      work: (held) => this.#work(held),
      giveBack: (held) => this.#putBack(held),
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
    this.#rules = {
      maxLimitSeconds: LONGEST_VISIBILITY_SECONDS - config.graceSeconds,
      allowedLimitSeconds: config.maxLimitSeconds ?? config.limitSeconds,
      tracked: tracked !== undefined,
    };
    this.#maxUnsettled = Math.max(50, 4 * config.concurrency);
    this.#idleSinceMs = clock.monotonic();
  }

  state(): WorkState {
    return {
      running: this.#slots.busy,
      settling: this.#settling,
      idleSinceMs: this.#idleSinceMs,
      jobsDone: this.#jobsDone,
      longestLimitSeconds: this.#longestLimitSeconds(),
      lastStartMs: this.#lastStartMs,
      leftBehind: this.#settler.leftBehind,
      slowed: this.#health.slowed,
    };
  }

  vitals(): Vitals {
    return { receiving: this.#receiver.receiving, leasesDueMs: this.#leases.nextDateMs() };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async pause(): Promise<void> {
    const receives = this.#receiver.pause();
    // One that held back for others is idle now.
    this.#changed();
    for (const held of this.#slots.clear()) this.#putBack(held);
    await receives;
    await Promise.all(this.#returning);
  }

  resume(): void {
    if (!this.#begun && this.#idleSinceMs !== undefined) this.#idleSinceMs = this.#options.clock.monotonic();
    this.#begun = true;
    this.#draining = false;
    this.#stopping = false;
    this.#logs.hurryAtMs = Number.POSITIVE_INFINITY;
    this.#receiver.resume();
  }

  async lastLook(): Promise<'empty' | 'found' | 'unknown'> {
    this.#looking = true;
    try {
      const count = Math.max(1, Math.min(LARGEST_BATCH, this.#slots.free));
      const messages = await this.#receiver.look(count, LAST_LOOK_SECONDS);
      if (this.#draining) return 'unknown';
      if (messages.length === 0) return 'empty';
      this.#receiver.resume();
      return 'found';
    } catch (err) {
      this.#options.log.warn({ err }, 'the last look at the queue failed');
      return 'unknown';
    } finally {
      this.#looking = false;
    }
  }

  async drain(withinMs: number): Promise<void> {
    const { clock, config, log } = this.#options;
    this.#draining = true;
    const done = Promise.all([this.pause(), this.#quiet()]);
    if (await resolvesWithin(clock, withinMs, done)) return;
    this.#stopping = true;
    this.#check?.stop();
    const graceMs = config.graceSeconds * 1000;
    this.#logs.hurryAtMs = clock.monotonic() + graceMs + LAST_WRITES_MS / 2;
    log.warn({ running: this.#slots.busy }, 'the time to drain is over: stopping the jobs that still run');
    for (const held of this.#leases.all()) {
      if (held.phase === 'running') stopWorker(held, 'interrupted', graceMs);
    }
    if (await resolvesWithin(clock, graceMs + LAST_WRITES_MS, done)) return;
    const jobs = [...this.#leases.all()].map(jobIdOf);
    log.error(
      { jobs, atMs: clock.now() },
      'not settled in time: these jobs come again when their leases end',
    );
  }

  #longestLimitSeconds(): number {
    const limits = [...this.#leases.all()].map(({ reading }) =>
      reading.kind === 'job' ? (reading.job.limitSeconds ?? this.#options.config.limitSeconds) : 0,
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
      this.#leases.takeOver(known, message.receiptHandle, startMs);
      return;
    }
    const held: Held = {
      message,
      reading: readMessage(message, this.#rules),
      receiptHandle: message.receiptHandle,
      phase: 'waiting',
      ...this.#leases.fresh(startMs),
    };
    this.#leases.add(held);
    if (this.#settler.wasDeletedLate(message.id)) this.#settle(this.#settler.deleteAgain(held));
    else if (!wanted || this.#draining || (this.#receiver.paused && !this.#looking)) this.#putBack(held);
    else this.#slots.push(held);
  }

  /** What a slot does. Its end is settled beside it: the slot is free when its worker has ended. */
  async #work(held: Held): Promise<void> {
    if (!(await this.#health.isFit())) {
      this.#putBack(held);
      return;
    }
    const made = await this.#attempts.make(held);
    // Its worker has gone: no limit is kept any more.
    if (held.phase === 'running') held.phase = 'ending';
    const attempted = held.run ? await this.#health.judge(jobIdOf(held), made) : made;
    if (held.run) this.#countStart(attempted);
    if (attempted.kind === 'ended') this.#countEnd(jobIdOf(held), attempted.ending);
    this.#settle(this.#settler.settle(held, attempted));
  }

  /** An instance that slows down leaves what it has fetched ahead to others. */
  #countEnd(job: string, ending: Ending): void {
    const { isSlowed } = this.#health;
    this.#health.ended(job, ending);
    if (isSlowed === this.#health.isSlowed) return;
    if (isSlowed) this.#receiver.endPause();
    else for (const held of this.#slots.clear()) this.#putBack(held);
  }

  #countStart(attempted: Attempted): void {
    if (attempted.kind === 'ended' && attempted.ending.kind === 'not-started') {
      this.#failedStarts += 1;
      if (this.#failedStarts === MOST_FAILED_STARTS) {
        this.#health.breakDown({ reason: 'worker-missing', problem: attempted.ending.reason });
      }
      return;
    }
    this.#failedStarts = 0;
    if (attempted.kind === 'ended' && !CUT_OFF.has(attempted.ending.kind)) this.#jobsDone += 1;
  }

  #putBack(held: Held): void {
    const returned = this.#settler.putBack(held).finally(() => this.#returning.delete(returned));
    this.#returning.add(returned);
    this.#settle(returned);
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
    this.#receiver.pump();
  }

  /** Resolves when there is no job here. */
  #quiet(): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.#idleSinceMs === undefined) return;
        stop();
        resolve();
      };
      const stop = this.onChange(look);
      look();
    });
  }
}
