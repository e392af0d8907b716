import { join } from 'node:path';
import type { Clock } from '../../aws/clock.ts';
import { messageOf } from '../../lib/error-message.ts';
import {
  notStarted,
  type Program,
  type Run,
  type RunEnd,
  type Runner,
  type Task,
  WorkerMissing,
} from './runner.ts';
import { SlotConnection } from './slot-connection.ts';
import { joined } from './slot-frames.ts';
import { SlotRun } from './slot-run.ts';

export interface IsolatingRunnerOptions {
  /** Directory of the slots' sockets, whose names are their numbers from 1 on: systemd starts a slot at a connection. */
  sockets: string;
  /** How many slots there are. */
  slots: number;
  command: readonly [string, ...string[]];
  /** The fleet's `instanceCheck`. */
  instanceCheck?: readonly [string, ...string[]] | undefined;
  /** The worker's whole environment, save for `HOME`, which is its user's, and the job's own variables. */
  environment: Record<string, string>;
  /** The worker's working directory. */
  directory: string;
  clock: Clock;
}

/** How long to try for a slot: systemd may be busy, or the one before may just have ended. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 100;
const STOPPED_BEFORE = 'it was stopped before there was a slot for it';

/**
 * Workers as other users, each slot's its own, and each in a cgroup of its own, of which nothing is left when the next one
 * starts. The agent has no right to either: systemd makes them, one for each socket (mayfly-slot@.socket).
 */
export class IsolatingRunner implements Runner {
  readonly #options: IsolatingRunnerOptions;
  readonly #open = new Set<SlotConnection>();
  #free: SlotConnection[] = [];
  /** Numbers of the slots without a connection that nobody opens either. */
  readonly #absent: number[];
  /** Workers that wait for a slot, and the slots that are on their way. */
  readonly #waiting: PromiseWithResolvers<SlotConnection>[] = [];
  #opening = 0;
  /** Why the last attempt to open a slot came to nothing. */
  #problem: string | undefined;
  /** What runs, with the absolute paths of the programs. */
  readonly #commands = new Map<Program, readonly [string, ...string[]]>();
  #closed = false;

  constructor(options: IsolatingRunnerOptions) {
    this.#options = options;
    this.#absent = Array.from({ length: options.slots }, (_, index) => index + 1);
  }

  async check(): Promise<void> {
    const { command, instanceCheck, slots } = this.#options;
    const slot = await this.#connect(this.#absent.shift() ?? 1).catch((error: Error) => {
      throw new WorkerMissing(command[0], error.message);
    });
    await this.#find(slot, 'worker', command);
    if (instanceCheck) await this.#find(slot, 'instance-check', instanceCheck);
    this.#park(slot);
    void this.#prepare(slots - 1);
  }

  async #find(slot: SlotConnection, program: Program, words: readonly [string, ...string[]]): Promise<void> {
    const { directory, environment } = this.#options;
    const found = await slot.find(words[0], directory, environment['PATH'] ?? '').catch((error: Error) => ({
      missing: error.message,
    }));
    if ('missing' in found) throw new WorkerMissing(words[0], found.missing);
    this.#commands.set(program, [found.program, ...words.slice(1)]);
  }

  start(task: Task): Run {
    const free = this.#free.pop();
    return free ? this.#run(free, task) : this.#startLater(task);
  }

  close(): void {
    this.#closed = true;
    for (const slot of this.#open) slot.close();
  }

  #run(slot: SlotConnection, task: Task): Run {
    const command = this.#commands.get(task.program ?? 'worker');
    if (!command) return notStarted('the command was not checked');
    const { directory, environment } = this.#options;
    const words: string[] = [...command];
    if (task.argument !== undefined) words.push(task.argument);
    const variables = Object.entries({ HOME: slot.home, ...environment, ...task.variables });
    try {
      const texts = [joined(words, 'a word'), joined(variables.map(setting), 'a variable')];
      const run = new SlotRun(slot, task.output, () => this.#park(slot));
      slot.send('R', directory, task.stdin, ...texts);
      return run;
    } catch (error) {
      this.#park(slot);
      return notStarted(messageOf(error));
    }
  }

  /** When no slot is there yet, or not again. */
  #startLater(task: Task): Run {
    const waiting = Promise.withResolvers<SlotConnection>();
    let run: Run | undefined;
    let stopped = false;
    const start = async (): Promise<RunEnd> => {
      const slot = await waiting.promise;
      if (stopped) this.#park(slot);
      run = stopped ? notStarted(STOPPED_BEFORE) : this.#run(slot, task);
      return run.ended;
    };
    this.#waiting.push(waiting);
    this.#openForWaiting();
    return {
      ended: start().catch((error: Error) => ({ kind: 'not-started', reason: error.message })),
      stop: (graceMs) => {
        stopped = true;
        if (run) run.stop(graceMs);
        else this.#letGo(waiting);
      },
    };
  }

  /** A worker that is not to start any more waits for no slot. */
  #letGo(waiting: PromiseWithResolvers<SlotConnection>): void {
    const index = this.#waiting.indexOf(waiting);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    waiting.reject(new Error(this.#problem ? `${STOPPED_BEFORE}: ${this.#problem}` : STOPPED_BEFORE));
  }

  /** Keeps a slot for the next worker, as long as it lives. */
  #park(slot: SlotConnection): void {
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
    if (this.#opening < this.#waiting.length) void this.#add();
  }

  async #add(): Promise<void> {
    const number = this.#absent.shift();
    if (number === undefined) return;
    this.#opening += 1;
    try {
      this.#park(await this.#connect(number));
    } catch (error) {
      // One that was let go of leaves the slot that is being opened for it to the next.
      if (this.#opening <= this.#waiting.length) this.#waiting.shift()?.reject(error);
    } finally {
      this.#opening -= 1;
    }
  }

  /** Opens slots ahead. One that fails is left to the job that needs it. */
  async #prepare(count: number): Promise<void> {
    for (let tries = 0; tries < count && !this.#closed; tries++) await this.#add();
  }

  async #connect(number: number): Promise<SlotConnection> {
    const { sockets, clock } = this.#options;
    const giveUpMs = clock.monotonic() + PATIENCE_MS;
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
        if (this.#closed || clock.monotonic() > giveUpMs) {
          this.#absent.push(number);
          throw error;
        }
      }
      await clock.sleep(PAUSE_MS);
    }
  }

  #forget(slot: SlotConnection, number: number): void {
    if (!this.#open.delete(slot)) return;
    this.#absent.push(number);
    if (!this.#closed) this.#openForWaiting();
  }
}

function setting([name, value]: [string, string]): string {
  return `${name}=${value}`;
}
