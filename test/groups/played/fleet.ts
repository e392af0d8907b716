import { pino } from 'pino';
import * as v from 'valibot';
import { AgentConfigSchema } from '../../../agent/config/agent-config.ts';
import type { Task } from '../../../agent/runner/runner.ts';
import { createJobLoop } from '../../../agent/work/job-loop.ts';
import type { JobLoop } from '../../../agent/work/types.ts';
import type { FleetContext } from '../../../client/context.ts';
import { type KeeperConfig, KeeperConfigSchema } from '../../../keeper/config.ts';
import { keepGroups } from '../../../keeper/groups.ts';
import type { KeeperContext } from '../../../keeper/keeper-context.ts';
import { settleOrphanedJobs } from '../../../keeper/orphaned-jobs.ts';
import { FleetFactsSchema } from '../../../store/fleet-facts.ts';
import { createInstanceStore } from '../../../store/instance-store.ts';
import type { Call, Manner, Seat } from '../../jobs/lifecycle/calls.ts';
import { DEAD_LETTERS_URL, PlayedQueue, QUEUE_URL } from '../../jobs/lifecycle/played-queue.ts';
import { PlayedRunner } from '../../jobs/lifecycle/played-worker.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryTable } from '../../support/memory-table.ts';
import type { Random } from './random.ts';
import type { Seats } from './seats.ts';
import { PlayedWorker, type Witness, type Work, type WorkerPlan } from './worker.ts';

const TABLE = 'jobs';
const CONFIG = {
  version: 1,
  fleet: 'played',
  region: 'us-east-1',
  queueUrl: QUEUE_URL,
  deadLetterQueueUrl: DEAD_LETTERS_URL,
  table: TABLE,
  command: ['true'],
  commands: { healthy: ['true'], rollBack: ['true'] },
  retryBackoff: { firstSeconds: 5, longestSeconds: 20 },
  leaseSeconds: 60,
  limitSeconds: 300,
  graceSeconds: 5,
  cancelSeconds: 5,
} as const;
const FACTS = v.parse(FleetFactsSchema, {
  version: 1,
  fleet: 'played',
  region: 'us-east-1',
  queueUrl: QUEUE_URL,
  deadLetterQueueUrl: DEAD_LETTERS_URL,
  table: TABLE,
  logBucket: 'logs',
  group: 'group',
  limitSeconds: 300,
  groups: { lanes: 1, maxLanes: 100, checkLimitSeconds: 300, notNowLimitSeconds: 1800 },
  commands: ['healthy', 'rollBack'],
});
const KEEPER: KeeperConfig = v.parse(KeeperConfigSchema, {
  version: 1,
  fleet: 'played',
  groupName: 'group',
  policyArn: 'arn',
  queueUrl: QUEUE_URL,
  table: TABLE,
  threshold: 1,
  durationSeconds: 60,
});
const LONGEST_POLL_MS = 5000;
/** That of the clients. */
const CALL_TIMEOUT_MS = 10_000;
/** An error of these types is a mistake of the product, whatever happened before. */
const MISTAKES = /"type":"(TypeError|RangeError|ReferenceError|AssertionError)"/;

/** Somebody who makes calls: an agent, the keeper, an operator. */
interface Actor {
  readonly name: string;
  readonly seat: Seat;
  /** It has crashed. Its calls that are on the way may still arrive. */
  gone: boolean;
  /** Its network is down. */
  cutOff: boolean;
}

interface Agent extends Actor {
  instance: string;
  loop: JobLoop;
  polls: Call[];
}

/** An operation of an operator, or a run of the keeper. */
export interface Operation {
  readonly actor: Actor;
  readonly name: string;
  /** Undefined: it goes on, or its caller has crashed. */
  result: 'done' | { error: Error } | undefined;
}

interface Pending {
  actor: Actor;
  call: Call;
}

export interface PlayedFleetOptions {
  seats: Seats;
  random: Random;
  /** What a worker is going to do. */
  plan: (work: Work, task: Task) => WorkerPlan;
  witness: Witness;
  /** Jobs that an agent runs at once. Default 2. */
  concurrency?: number;
}

/**
 * Agents, operators and keepers with one table and one queue in this process. Nothing happens by itself: each call waits until a
 * step answers it, and time passes only in steps. All that happens follows from the seed of the random numbers.
 */
export class PlayedFleet {
  readonly table = new MemoryTable();
  readonly clock = new ManualClock();
  readonly queue = new PlayedQueue(
    this.clock,
    () => undefined,
    () => undefined,
  );
  readonly agents: Agent[] = [];
  readonly workers: PlayedWorker[] = [];
  readonly operations: Operation[] = [];
  /** What jobs have begun on targets and is still at work. */
  readonly remotes = new Set<{ target: string; job: string }>();
  /** Called when a worker has started. */
  onStart: (worker: PlayedWorker) => void = () => undefined;
  /** Mistakes that agents and keepers have logged. */
  readonly mistakes: string[] = [];
  readonly #log = pino(
    { level: 'warn', base: null },
    { write: (line: string) => void (MISTAKES.test(line) && this.mistakes.push(line)) },
  );
  readonly #options: PlayedFleetOptions;
  readonly #waiting: Pending[] = [];
  #made = 0;
  #sent = 0;

  constructor(options: PlayedFleetOptions) {
    this.#options = options;
    options.seats.begin();
  }

  /** A message of any producer, as SQS itself takes it. */
  sendRaw(envelope: object): string {
    this.#sent += 1;
    const id = `raw-${this.#sent}`;
    this.queue.send(id, JSON.stringify(envelope), {});
    return id;
  }

  startAgent(): Agent {
    const polls: Call[] = [];
    const actor = this.#createActor('agent', polls);
    const agent: Agent = Object.assign(actor, {
      instance: `i-${actor.name}`,
      polls,
      loop: createJobLoop({
        config: v.parse(AgentConfigSchema, { ...CONFIG, concurrency: this.#options.concurrency ?? 2 }),
        clients: actor.seat.clients,
        instance: `i-${actor.name}`,
        runner: new PlayedRunner((task) => this.#startWorker(actor.name, task)),
        clock: this.clock,
        random: () => this.#options.random.next(),
        log: this.#log,
      }),
    });
    agent.loop.resume();
    this.agents.push(agent);
    return agent;
  }

  /** Somebody uses the library. */
  operate(name: string, task: (context: FleetContext) => Promise<unknown>): Operation {
    const actor = this.#createActor('operator');
    const { random } = this.#options;
    const context: FleetContext = {
      facts: FACTS,
      isFromStack: true,
      clients: actor.seat.clients,
      clock: this.clock,
      random: () => random.next(),
    };
    return this.#begin(actor, name, () => task(context));
  }

  /** A run of the keeper, as far as it concerns jobs. */
  keep(): Operation {
    const actor = this.#createActor('keeper');
    const { clients } = actor.seat;
    const { clock } = this;
    const context: KeeperContext = {
      clients,
      config: KEEPER,
      instances: createInstanceStore(clients.dynamodb, TABLE, KEEPER.recordSeconds),
      log: this.#log,
      clock,
      get nowMs() {
        return clock.now();
      },
      errorMs: 0,
    };
    const gone = this.agents.filter((agent) => agent.gone);
    return this.#begin(actor, 'keep', async () => {
      await Promise.all(gone.map(({ instance }) => settleOrphanedJobs(context, instance)));
      await keepGroups(context);
    });
  }

  /** How many calls wait for their answers. */
  get calls(): number {
    return this.#audible().length;
  }

  /** Answers one call. */
  async answer(nth: number, manner: Manner = 'well'): Promise<boolean> {
    const audible = this.#audible();
    const pending = audible[nth % Math.max(1, audible.length)];
    if (!pending) return false;
    this.#waiting.splice(this.#waiting.indexOf(pending), 1);
    await pending.call.come(
      this.#isTooLate(pending.call) ? 'refused' : pending.actor.gone ? 'unheard' : manner,
    );
    await settled();
    return true;
  }

  async answerAll(): Promise<boolean> {
    await settled();
    let any = false;
    while (await this.answer(0)) any = true;
    return any;
  }

  /** A long poll of this agent receives the visible messages. */
  async deliver(agent: Agent): Promise<boolean> {
    if (agent.gone || agent.cutOff || agent.polls.length === 0 || !this.queue.hasVisible) return false;
    await this.#endOldPolls(agent);
    for (const poll of agent.polls.splice(0)) await poll.come('well');
    await settled();
    return true;
  }

  /** A long poll that has reached its end returned nothing, and another has begun. */
  async #endOldPolls({ polls }: Agent): Promise<void> {
    const old = polls.filter(({ sinceMs }) => this.clock.monotonic() - sinceMs > LONGEST_POLL_MS);
    for (const poll of old) {
      polls.splice(polls.indexOf(poll), 1);
      poll.input['MaxNumberOfMessages'] = 0;
      await poll.come('well');
    }
    await settled();
  }

  async wait(seconds: number): Promise<void> {
    await this.clock.advance(seconds * 1000);
  }

  /**
   * An instance, an operator or a keeper is gone with everything that ran there.
   *
   * @param isHeard asked for each of its calls that is on the way: whether it still arrives
   */
  crash(actor: Actor, isHeard: () => boolean = () => false): void {
    actor.gone = true;
    actor.cutOff = false;
    actor.seat.exchange = () => undefined;
    for (const pending of this.#waiting.filter((one) => one.actor === actor && !isHeard()))
      this.#waiting.splice(this.#waiting.indexOf(pending), 1);
    for (const worker of this.workers) if (worker.agent === actor.name) worker.kill();
  }

  get runningWorkers(): PlayedWorker[] {
    return this.workers.filter(({ end }) => end === undefined);
  }

  get runningOperations(): Operation[] {
    return this.operations.filter(({ actor, result }) => !actor.gone && result === undefined);
  }

  /** A batch has no condition that keeps it from coming too late. It comes within the time-out of a call, or not at all. */
  #isTooLate({ action, sinceMs }: Call): boolean {
    return action === 'BatchWriteItemCommand' && this.clock.monotonic() - sinceMs > CALL_TIMEOUT_MS;
  }

  #audible(): Pending[] {
    return this.#waiting.filter(({ actor }) => !actor.cutOff);
  }

  #createActor(kind: string, polls: Call[] = []): Actor {
    this.#made += 1;
    const seat = this.#options.seats.take();
    const actor: Actor = { name: `${kind}-${this.#made}`, seat, gone: false, cutOff: false };
    const queue = (action: string, input: Record<string, unknown>) => this.queue.answer(action, input);
    seat.instead = {
      sqs: queue,
      polls: queue,
      dynamodb: (action, input) => this.table.answer(action, input),
      cloudWatch: async () => ({}),
    };
    seat.exchange = (call, service) => {
      call.sinceMs = this.clock.monotonic();
      if (service === 'polls') polls.push(call);
      else this.#waiting.push({ actor, call });
    };
    return actor;
  }

  #begin(actor: Actor, name: string, task: () => Promise<unknown>): Operation {
    const operation: Operation = { actor, name, result: undefined };
    this.operations.push(operation);
    void task().then(
      () => {
        operation.result = 'done';
      },
      (error: Error) => {
        operation.result = { error };
      },
    );
    return operation;
  }

  #startWorker(agent: string, task: Task): PlayedWorker {
    const { plan, witness } = this.#options;
    const work = this.#workOf(task);
    const planned = plan(work, task);
    if (planned.remoteMs !== undefined) this.#startRemote(work, planned.remoteMs);
    const pid = this.workers.length + 1;
    const worker = new PlayedWorker({ task, agent, work, pid }, planned, this.clock, witness);
    this.workers.push(worker);
    this.onStart(worker);
    return worker;
  }

  #workOf({ variables }: Task): Work {
    const { MAYFLY_JOB_ID: job = '', MAYFLY_STAGE: stage = 'job', MAYFLY_STAGE_OF: of } = variables;
    const { MAYFLY_GROUP: group = '', MAYFLY_TARGET: target, MAYFLY_REQUEST_ID: request } = variables;
    const { MAYFLY_ATTEMPT: attempt, MAYFLY_INDEX: index } = variables;
    return {
      job,
      attempt: Number(attempt),
      group,
      stage: stage as Work['stage'],
      ...(of && { of }),
      ...(target && { target }),
      ...(request && { request }),
      ...(index && { index: Number(index) }),
    };
  }

  /** It goes on when its worker, its agent and its instance are gone. */
  #startRemote(work: Work, ms: number): void {
    const { witness } = this.#options;
    const { job, of = job, target = '' } = work;
    const line = { ...work, job: of, of, stage: 'remote' as const, pid: 1_000_000 + this.workers.length };
    const remote = { target, job: of };
    this.remotes.add(remote);
    witness({ event: 'start', ...line, atMs: this.clock.now() });
    void this.clock.sleep(ms).then(() => {
      this.remotes.delete(remote);
      witness({ event: 'end', ...line, atMs: this.clock.now() });
    });
  }
}

/** A few turns of the event loop, after which everything is done that needs no call and no time. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
