import { pino } from 'pino';
import * as v from 'valibot';
import { AgentConfigSchema } from '../../../agent/config/agent-config.ts';
import { createJobLoop } from '../../../agent/work/job-loop.ts';
import type { JobLoop } from '../../../agent/work/types.ts';
import { AwsClock } from '../../../aws/aws-clock.ts';
import type { Clock } from '../../../aws/clock.ts';
import { createBindingAttributes } from '../../../jobs/binding.ts';
import type { JobRecord } from '../../../jobs/record.ts';
import type { KeeperConfig } from '../../../keeper/config.ts';
import type { KeeperContext } from '../../../keeper/keeper-context.ts';
import { settleOrphanedJobs } from '../../../keeper/orphaned-jobs.ts';
import { createInstanceStore } from '../../../store/instance-store.ts';
import { type Cancellation, JobIndex } from '../../../store/job-index.ts';
import { listingSortKey, statePartition } from '../../../store/partitions.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import type { Call, Manner, Seat } from './calls.ts';
import { type Forgery, forge, isForged } from './forgery.ts';
import { Judge, type Rules } from './judge.ts';
import { DEAD_LETTERS_URL, PlayedQueue, QUEUE_URL } from './played-queue.ts';
import { PlayedRun, PlayedRunner } from './played-worker.ts';

const TABLE = 'jobs';
export const BUCKET = 'logs';
const CONFIG = {
  version: 1,
  fleet: 'life',
  region: 'us-east-1',
  queueUrl: QUEUE_URL,
  deadLetterQueueUrl: DEAD_LETTERS_URL,
  table: TABLE,
  logBucket: BUCKET,
  command: ['true'],
  concurrency: 2,
  retryBackoff: { firstSeconds: 5, longestSeconds: 20 },
  leaseSeconds: 60,
  graceSeconds: 5,
  cancelSeconds: 5,
} as const;
/** How far the clock of an agent is off. */
const FAST_SECONDS = { a: 0, b: -120, c: 1200 } as const;
const FORGED = 'forged-';
const LOG = pino({ level: 'silent' });

export interface Seats {
  agents: Record<'a' | 'b' | 'c', Seat>;
  operator: Seat;
  keeper: Seat;
}

interface Agent {
  name: string;
  instance: string;
  work: JobLoop;
  crashed: boolean;
  cutOff: boolean;
  /** Long polls that wait for a message, and when they began. */
  polls: { call: Call; sinceMs: number }[];
  clock: AwsClock;
}

/**
 * Agents, an operator and the keeper with one table, one queue and one bucket. Nothing happens by itself: each call waits
 * until a step answers it, and time passes only in steps.
 */
export class World {
  readonly clock = new ManualClock(Date.now());
  readonly queue: PlayedQueue;
  readonly judge: Judge;
  readonly runs: PlayedRun[] = [];
  readonly agents: Agent[] = [];
  readonly #name: string;
  readonly #rules: Rules;
  readonly #seats: Seats;
  readonly #waiting: Call[] = [];
  readonly #recorded = new Set<string>();
  #forged = 0;
  #keeping = false;

  /** @param name a unique one, since all worlds share a table */
  constructor(name: string, rules: Rules, seats: Seats) {
    this.#name = name;
    this.#rules = rules;
    this.#seats = seats;
    this.judge = new Judge(this.clock, rules);
    const { judge } = this;
    this.queue = new PlayedQueue(
      this.clock,
      (message) => {
        if (!message.startsWith(FORGED)) judge.deleted(`m-${message}`);
      },
      (job, body) => (isForged(body) ? judge.forgeryDeadLettered(job) : judge.deadLettered(job)),
    );
    for (const seat of [seats.operator, seats.keeper]) seat.exchange = (call) => this.#waiting.push(call);
    this.#start('a', seats.agents.a);
    this.#start('b', seats.agents.b);
  }

  /** A job of any producer, or one that has a record from the beginning. */
  async send(message: string, recorded: boolean): Promise<void> {
    const id = `m-${message}`;
    const enqueuedAt = new Date(this.clock.now()).toISOString();
    const nonce = `nonce-of-${message}`;
    const place = { listed: statePartition('queued', id), listedAt: listingSortKey(enqueuedAt, id) };
    const record: JobRecord = {
      pk: `job#${id}`,
      id,
      state: 'queued',
      attempts: 0,
      enqueuedAt,
      ...place,
      nonce,
    };
    if (recorded) {
      const created = new JobIndex(this.#seats.operator.clients.dynamodb, TABLE).createOnce(record);
      await this.answerAll();
      await created;
      this.#recorded.add(id);
    }
    this.queue.send(message, 'x', recorded ? createBindingAttributes(nonce) : {});
    this.judge.watch(id, recorded ? record : undefined);
  }

  /** A message that names a job whose record existed before its message. Nobody knows the ids of other jobs. */
  async forge(job: string, forgery: Forgery): Promise<boolean> {
    if (!this.#recorded.has(job)) return false;
    this.#forged += 1;
    const { body, attributes } = forge(job, forgery);
    this.queue.send(`${FORGED}${this.#name}-${this.#forged}`, body, attributes);
    return true;
  }

  /** Completes one call of any caller. A caller whose network is down gets no response. */
  async answer(nth: number, manner: Manner): Promise<boolean> {
    const heard = this.#heard();
    const call = heard[nth % Math.max(1, heard.length)];
    if (!call) return false;
    this.#waiting.splice(this.#waiting.indexOf(call), 1);
    const agent = this.agents.find(({ name }) => name === call.caller);
    this.#tellTime(agent?.clock, call);
    await call.come(agent?.crashed ? 'unheard' : manner);
    await settled();
    this.judge.look(call);
    return true;
  }

  async answerAll(): Promise<boolean> {
    await settled();
    let any = false;
    while (await this.answer(0, 'well')) any = true;
    return any;
  }

  /** What happens if a step has nothing to work on, so that few steps are wasted. */
  async goOn(): Promise<void> {
    if (await this.answerAll()) return;
    for (let nth = 0; nth < this.agents.length; nth += 1) if (await this.deliver(nth)) return;
    await this.wait(5);
  }

  #heard(): Call[] {
    return this.#waiting.filter(
      ({ caller }) => !this.agents.some(({ name, cutOff }) => cutOff && name === caller),
    );
  }

  /** An agent's network goes down or comes back. Its calls of the time between arrive late. */
  async cut(nth: number): Promise<boolean> {
    const agent = this.agents[nth % this.agents.length];
    if (!agent || agent.crashed) return false;
    agent.cutOff = !agent.cutOff;
    return true;
  }

  /** A long poll of this agent receives the visible messages. */
  async deliver(nth: number): Promise<boolean> {
    const agent = this.agents[nth % this.agents.length];
    if (!agent || agent.crashed || agent.cutOff || agent.polls.length === 0 || !this.queue.hasVisible)
      return false;
    await this.#endOldPolls(agent);
    for (const { call } of agent.polls.splice(0)) {
      this.#tellTime(agent.clock, call);
      await call.come('well');
    }
    await settled();
    return true;
  }

  /** Each answer has the date. */
  #tellTime(clock: AwsClock | undefined, { sinceMs }: Call): void {
    clock?.learn(new Date(this.clock.now()).toUTCString(), sinceMs);
  }

  /** A long poll that has reached its end returned nothing, and another has begun. */
  async #endOldPolls({ polls }: Agent): Promise<void> {
    const old = polls.filter(({ sinceMs }) => this.clock.monotonic() - sinceMs > 5000);
    for (const poll of old) {
      polls.splice(polls.indexOf(poll), 1);
      poll.call.input['MaxNumberOfMessages'] = 0;
      await poll.call.come('well');
    }
    await settled();
  }

  async redeliver(nth: number): Promise<boolean> {
    return this.queue.redeliver(nth);
  }

  async wait(seconds: number): Promise<boolean> {
    await this.clock.advance(seconds * 1000);
    return true;
  }

  /** A worker ends by itself or because it was stopped. */
  async exit(nth: number, status: number, stopped: boolean): Promise<boolean> {
    const running = this.runs.filter(({ end }) => end === undefined);
    const run = running[nth % Math.max(1, running.length)];
    if (!run) return false;
    if (stopped && run.stoppedMs !== undefined)
      run.over({ kind: 'signalled', signal: 'SIGTERM', stopped: true });
    else run.over({ kind: 'exited', status, stopped: false });
    await settled();
    return true;
  }

  async print(nth: number, lines: number): Promise<boolean> {
    const running = this.runs.filter(({ end }) => end === undefined);
    running[nth % Math.max(1, running.length)]?.print(lines);
    await settled();
    return running.length > 0;
  }

  async cancel(job: string): Promise<boolean> {
    const nowMs = this.clock.now();
    const catalogue = new JobIndex(this.#seats.operator.clients.dynamodb, TABLE);
    void catalogue.cancel(job, nowMs, Math.ceil(nowMs / 1000) + 3600).then(
      (answer: Cancellation) => this.judge.cancelled(job, answer.kind),
      () => undefined,
    );
    await settled();
    return true;
  }

  /** The instance is gone with everything that ran there. Its pending calls may still arrive. */
  async crash(nth: number): Promise<boolean> {
    const agent = this.agents[nth % this.agents.length];
    if (!agent || agent.crashed) return false;
    agent.crashed = true;
    for (const run of this.runs)
      if (run.agent === agent.name) run.end ??= { kind: 'lost', reason: 'its instance is gone' };
    this.#seatOf(agent.name).exchange = () => undefined;
    return true;
  }

  /** The agent is stopped: running jobs are stopped and requeued. */
  async drain(nth: number): Promise<boolean> {
    const agent = this.agents[nth % this.agents.length];
    if (!agent || agent.crashed) return false;
    void agent.work.drain(0);
    for (const { call } of agent.polls.splice(0)) await call.come('refused');
    await settled();
    return true;
  }

  /** One run of the keeper over the instances that are gone. */
  async keep(): Promise<boolean> {
    const gone = this.agents.filter(({ crashed }) => crashed);
    if (this.#keeping || gone.length === 0) return false;
    this.#keeping = true;
    const { clients } = this.#seats.keeper;
    const instances = createInstanceStore(clients.dynamodb, TABLE, 60);
    const config = { table: TABLE, recordSeconds: 60, retentionSeconds: 1_209_600 } as KeeperConfig;
    const hands: KeeperContext = {
      clients,
      config,
      instances,
      log: LOG,
      clock: this.clock,
      nowMs: this.clock.now(),
      errorMs: 0,
    };
    void Promise.all(gone.map(({ instance }) => settleOrphanedJobs(hands, instance)))
      .catch(() => undefined)
      .finally(() => {
        this.#keeping = false;
      });
    await settled();
    return true;
  }

  /** From here on nothing fails. One more instance runs until nothing is left to do. */
  async heal(): Promise<void> {
    this.#start('c', this.#seats.agents.c);
    for (const agent of this.agents) agent.cutOff = false;
    for (let round = 0; round < 100; round += 1) {
      await this.answerAll();
      if (this.queue.isEmpty && this.runs.every(({ end }) => end) && this.judge.allEnded) return;
      for (let nth = 0; nth < this.agents.length; nth += 1) await this.deliver(nth);
      await this.answerAll();
      while (this.runs.some(({ end }) => !end)) await this.exit(0, 0, true);
      await this.keep();
      await this.answerAll();
      await this.wait(7);
    }
    throw new Error('100 rounds in which all goes well, and jobs are still not done');
  }

  #start(name: 'a' | 'b' | 'c', seat: Seat): void {
    const instance = `${name}-${this.#name}`;
    const polls: Agent['polls'] = [];
    const clock = new AwsClock(wrong(this.clock, FAST_SECONDS[name]));
    seat.exchange = (call, service) => {
      call.sinceMs = this.clock.monotonic();
      if (service === 'polls') polls.push({ call, sinceMs: call.sinceMs });
      else this.#waiting.push(call);
    };
    const answer = (action: string, input: Record<string, unknown>) => this.queue.answer(action, input);
    seat.instead = { sqs: answer, polls: answer };
    const runner = new PlayedRunner((task) => {
      const run = new PlayedRun(task, name, this.runs.length + 1, this.clock);
      this.judge.started(run, this.runs);
      this.runs.push(run);
      return run;
    });
    const work = createJobLoop({
      config: v.parse(AgentConfigSchema, { ...CONFIG, ...this.#rules }),
      clients: seat.clients,
      instance,
      runner,
      clock,
      random: () => 0.5,
      log: LOG,
    });
    work.resume();
    this.agents.push({ name, instance, work, crashed: false, cutOff: false, polls, clock });
  }

  #seatOf(name: string): Seat {
    return this.#seats.agents[name as 'a' | 'b' | 'c'];
  }
}

/** The clock of a machine, which is wrong. */
function wrong(clock: ManualClock, fastSeconds: number): Clock {
  return {
    now: () => clock.now() + fastSeconds * 1000,
    machineNow: () => clock.now() + fastSeconds * 1000,
    errorMs: () => undefined,
    monotonic: () => clock.monotonic(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
  };
}

/** A few turns of the event loop, after which everything is done that needs no call and no time. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
