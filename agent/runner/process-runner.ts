import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Clock } from '../../aws/clock.ts';
import { messageOf } from '../../lib/error-message.ts';
import { findProgram } from './command.ts';
import { giveBack } from '../work/lent.ts';
import {
  notStarted,
  type OutputSink,
  type Program,
  type Run,
  type RunEnd,
  type Runner,
  type Task,
} from './runner.ts';
import { openStdin } from './stdin-file.ts';

export interface ProcessRunnerOptions {
  command: readonly [string, ...string[]];
  /** The fleet's `instanceCheck`. */
  instanceCheck?: readonly [string, ...string[]] | undefined;
  /** The worker's whole environment, save for the job's own variables. */
  environment: Record<string, string>;
  /** The worker's working directory. */
  directory: string;
  clock: Clock;
}

/** How long to wait for the end of the output of a worker that has exited: a process it left may hold the pipe. */
const DRAIN_MS = 250;

/** Workers as plain processes of the agent's own user, each the leader of a process group of its own. */
export class ProcessRunner implements Runner {
  readonly #options: ProcessRunnerOptions;
  readonly #running = new Set<ProcessRun>();
  /** What runs, with the absolute paths of the programs. */
  readonly #commands = new Map<Program, readonly [string, ...string[]]>();

  constructor(options: ProcessRunnerOptions) {
    this.#options = options;
  }

  async check(): Promise<void> {
    const { command, instanceCheck, directory, environment } = this.#options;
    const path = environment['PATH'] ?? '';
    for (const [program, words] of Object.entries({ worker: command, 'instance-check': instanceCheck })) {
      if (!words) continue;
      const file = await findProgram(words[0], directory, path);
      this.#commands.set(program as Program, [file, ...words.slice(1)]);
    }
  }

  start(task: Task): Run {
    const command = this.#commands.get(task.program ?? 'worker');
    if (!command) return notStarted('the command was not checked');
    const { directory, environment, clock } = this.#options;
    const words = task.argument === undefined ? command.slice(1) : [...command.slice(1), task.argument];
    let input: number | undefined;
    try {
      input = openStdin(task.stdin);
      const child = spawn(command[0], words, {
        cwd: directory,
        env: { ...environment, ...task.variables },
        detached: true,
        stdio: [input, 'pipe', 'pipe'],
      });
      const run = new ProcessRun(child, clock, task.output, () => this.#running.delete(run));
      this.#running.add(run);
      return run;
    } catch (error) {
      return notStarted(messageOf(error));
    } finally {
      if (input !== undefined) closeSync(input);
    }
  }

  close(): void {
    for (const run of this.#running) run.kill();
  }
}

class ProcessRun implements Run {
  readonly ended: Promise<RunEnd>;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  readonly #resolve: (end: RunEnd) => void;
  /** Output that the sink does not take yet. */
  readonly #held = new Set<unknown>();
  #stopped = false;
  #exited = false;
  #closed = false;
  #swept = false;
  /** Aborted at the exit: there is no grace to wait for any more. */
  #grace: AbortController | undefined;

  constructor(child: ChildProcess, clock: Clock, sink: OutputSink | undefined, onEnd: () => void) {
    this.#child = child;
    this.#onEnd = onEnd;
    this.#clock = clock;
    const { promise, resolve } = Promise.withResolvers<RunEnd>();
    this.ended = promise;
    this.#resolve = resolve;
    this.#read('stdout', sink);
    this.#read('stderr', sink);
    child.once('error', (error) => this.#end({ kind: 'not-started', reason: error.message }));
    child.once('exit', (status, signal) => this.#onExit(status, signal));
    child.once('close', (status, signal) => this.#onClose(status, signal));
  }

  #read(name: 'stdout' | 'stderr', sink: OutputSink | undefined): void {
    const stream = this.#child[name];
    stream?.on('data', (chunk: Buffer) => {
      const taken = sink?.write(name, chunk);
      giveBack(chunk);
      if (!taken) return;
      stream.pause();
      this.#held.add(stream);
      void taken.then(() => {
        this.#held.delete(stream);
        stream.resume();
      });
    });
    // A pipe that breaks ends like one that was closed: what was read of it is kept.
    stream?.on('error', () => stream.destroy());
  }

  stop(graceMs: number): void {
    // A whole turn of the event loop later: an exit that has happened, but was not yet reported, is the worker's own.
    setImmediate(() => setImmediate(() => void this.#terminate(graceMs)));
  }

  kill(): void {
    this.#signalGroup('SIGKILL');
  }

  async #terminate(graceMs: number): Promise<void> {
    if (this.#exited) return;
    this.#stopped = true;
    if (graceMs > 0) {
      this.#signalGroup('SIGTERM');
      this.#grace ??= new AbortController();
      await this.#clock.sleep(graceMs, this.#grace.signal).catch(() => undefined);
    }
    if (!this.#exited) this.#signalGroup('SIGKILL');
  }

  #onExit(status: number | null, signal: string | null): void {
    this.#exited = true;
    this.#grace?.abort();
    // Nearly always the output has ended as well, and is only not yet reported. If not, a process that the worker
    // left holds it open. The timer is left to run out: to cancel one costs more than to let it find nothing to do.
    setImmediate(() => {
      if (!this.#closed) void this.#drain().then(() => this.#onClose(status, signal));
    });
  }

  /** The time that the sink takes does not count. By then nobody may print on, else it could take for ever. */
  async #drain(): Promise<void> {
    await this.#clock.sleep(DRAIN_MS);
    this.#sweep();
    while (this.#held.size > 0 && !this.#closed) await this.#clock.sleep(DRAIN_MS);
  }

  #onClose(status: number | null, signal: string | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sweep();
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    const stopped = this.#stopped;
    if (status !== null) this.#end({ kind: 'exited', status, stopped });
    else this.#end({ kind: 'signalled', signal: signal ?? 'unknown', stopped });
  }

  #end(end: RunEnd): void {
    this.#onEnd();
    this.#resolve(end);
  }

  /** Kills what the worker left, once: later its group's number may be another's. */
  #sweep(): void {
    if (!this.#swept) this.#signalGroup('SIGKILL');
    this.#swept = true;
  }

  /** To the worker and all that it started, unless it left the group. */
  #signalGroup(signal: 'SIGTERM' | 'SIGKILL'): void {
    try {
      // Straight after the exit: a group's number is not given to another while it has a member, nor soon after.
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, signal);
    } catch {
      // Nothing of it is left.
    }
  }
}
