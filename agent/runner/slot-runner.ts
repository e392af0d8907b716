import { join } from 'node:path';
import type { Clock } from '../../aws/clock.ts';
import { messageOf } from '../../lib/error-message.ts';
import { type Command, type FleetCommands, FleetPrograms } from './fleet-programs.ts';
import { notStarted, type Run, type RunEnd, type Runner, type Task, WorkerMissingError } from './runner.ts';
import { SlotConnection } from './slot-connection.ts';
import { joinWithNul } from './slot-frames.ts';
import { SlotRun } from './slot-run.ts';
import { findTaskProblem } from './task-files.ts';

export interface SlotRunnerOptions extends FleetCommands {
  /** Directory of the slots' sockets, named 1, 2, ... systemd starts a slot when the agent connects to its socket. */
  sockets: string;
  /** The number of slots. */
  slots: number;
  /** The worker's environment, without `HOME`, which depends on the slot's user, and without the job's variables. */
  environment: Record<string, string>;
  /** The worker's working directory. */
  directory: string;
  clock: Clock;
}

/** How long to try to open a slot: systemd may be busy, or the previous slot may just have ended. */
const OPEN_TIMEOUT_MS = 10_000;
const RETRY_DELAY_MS = 100;
const STOPPED_BEFORE = 'it was stopped before there was a slot for it';

/**
 * Runs workers in slots. Each slot has its own user and its own cgroup, and nothing is left of a worker when the next one
 * starts. The agent may create neither: systemd starts a slot for each socket (mayfly-slot@.socket).
 */
export class SlotRunner implements Runner {
  readonly #options: SlotRunnerOptions;
  readonly #open = new Set<SlotConnection>();
  #free: SlotConnection[] = [];
  /** Numbers of the slots that are neither connected nor being opened. */
  readonly #closedNumbers: number[];
  /** Workers that wait for a slot, and the number of slots that are being opened. */
  readonly #waiting: PromiseWithResolvers<SlotConnection>[] = [];
  #opening = 0;
  /** Why the last attempt to open a slot failed. */
  #problem: string | undefined;
  readonly #programs: FleetPrograms;
  #closed = false;

  constructor(options: SlotRunnerOptions) {
    this.#options = options;
    this.#programs = new FleetPrograms(options);
    this.#closedNumbers = Array.from({ length: options.slots }, (_, index) => index + 1);
  }

  async check(): Promise<void> {
    const { command, slots } = this.#options;
    const slot = await this.#connect(this.#closedNumbers.shift() ?? 1).catch((error: Error) => {
      throw new WorkerMissingError(command[0], error.message);
    });
    await this.#programs.find((name) => this.#find(slot, name));
    this.#release(slot);
    void this.#prepare(slots - 1);
  }

  async #find(slot: SlotConnection, name: string): Promise<string> {
    const { directory, environment } = this.#options;
    const found = await slot.find(name, directory, environment['PATH'] ?? '').catch((error: Error) => ({
      missing: error.message,
    }));
    if ('missing' in found) throw new WorkerMissingError(name, found.missing);
    return found.program;
  }

  start(task: Task): Run {
    const command = this.#programs.get(task.program);
    if (!command) return notStarted('the command was not checked');
    const problem = findTaskProblem(task);
    if (problem !== undefined) return notStarted(problem);
    const free = this.#free.pop();
    return free ? this.#run(free, task, command) : this.#startLater(task, command);
  }

  close(): void {
    this.#closed = true;
    for (const slot of this.#open) slot.close();
  }

  #run(slot: SlotConnection, task: Task, command: Command): Run {
    const { directory, environment } = this.#options;
    const args: string[] = [...command];
    if (task.argument !== undefined) args.push(task.argument);
    const variables = Object.entries({ HOME: slot.home, ...environment, ...task.variables });
    try {
      const texts = [
        joinWithNul(args, 'an argument'),
        joinWithNul(variables.map(formatVariable), 'a variable'),
      ];
      const run = new SlotRun(slot, task.output, () => this.#release(slot));
      slot.send('R', directory, task.stdin, ...texts, ...Object.entries(task.files ?? {}).flat());
      return run;
    } catch (error) {
      this.#release(slot);
      return notStarted(messageOf(error));
    }
  }

  /** Starts the worker when a slot is free. */
  #startLater(task: Task, command: Command): Run {
    const waiting = Promise.withResolvers<SlotConnection>();
    let run: Run | undefined;
    let stopped = false;
    const start = async (): Promise<RunEnd> => {
      const slot = await waiting.promise;
      if (stopped) this.#release(slot);
      run = stopped ? notStarted(STOPPED_BEFORE) : this.#run(slot, task, command);
      return run.ended;
    };
    this.#waiting.push(waiting);
    this.#openForWaiting();
    return {
      ended: start().catch((error: Error) => ({ kind: 'not-started', reason: error.message })),
      stop: (graceMs) => {
        stopped = true;
        if (run) run.stop(graceMs);
        else this.#cancelWait(waiting);
      },
    };
  }

  /** For a worker that was stopped before it could start. */
  #cancelWait(waiting: PromiseWithResolvers<SlotConnection>): void {
    const index = this.#waiting.indexOf(waiting);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    waiting.reject(new Error(this.#problem ? `${STOPPED_BEFORE}: ${this.#problem}` : STOPPED_BEFORE));
  }

  /** Gives the slot to the next worker, or keeps it until one comes or the slot ends. */
  #release(slot: SlotConnection): void {
    const next = this.#waiting.shift();
    if (next) {
      next.resolve(slot);
      return;
    }
    this.#free.push(slot);
    slot.listen({
      onFrame: () => slot.close(),
      onLost: () => {
        this.#free = this.#free.filter((one) => one !== slot);
      },
    });
  }

  #openForWaiting(): void {
    if (this.#opening < this.#waiting.length) void this.#openNext();
  }

  async #openNext(): Promise<void> {
    const number = this.#closedNumbers.shift();
    if (number === undefined) return;
    this.#opening += 1;
    try {
      this.#release(await this.#connect(number));
    } catch (error) {
      // If a waiting worker was stopped, the slot that is being opened for it is for the next one.
      if (this.#opening <= this.#waiting.length) this.#waiting.shift()?.reject(error);
    } finally {
      this.#opening -= 1;
    }
  }

  /** Opens slots ahead of their use. A slot that fails is opened again when a job needs it. */
  async #prepare(count: number): Promise<void> {
    for (let tries = 0; tries < count && !this.#closed; tries++) await this.#openNext();
  }

  async #connect(number: number): Promise<SlotConnection> {
    const { sockets, clock } = this.#options;
    const deadlineMs = clock.monotonic() + OPEN_TIMEOUT_MS;
    for (;;) {
      try {
        const path = join(sockets, `${number}`);
        const slot = await SlotConnection.open(path, clock, (ended) => this.#forget(ended, number));
        this.#open.add(slot);
        this.#problem = undefined;
        if (this.#closed) slot.close();
        return slot;
      } catch (error) {
        this.#problem = messageOf(error);
        if (this.#closed || clock.monotonic() > deadlineMs) {
          this.#closedNumbers.push(number);
          throw error;
        }
      }
      await clock.sleep(RETRY_DELAY_MS);
    }
  }

  #forget(slot: SlotConnection, number: number): void {
    if (!this.#open.delete(slot)) return;
    this.#closedNumbers.push(number);
    if (!this.#closed) this.#openForWaiting();
  }
}

function formatVariable([name, value]: [string, string]): string {
  return `${name}=${value}`;
}
