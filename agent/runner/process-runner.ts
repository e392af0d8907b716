import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import type { Clock } from '../../aws/clock.ts';
import { messageOf } from '../../lib/error-message.ts';
import { findProgram } from './find-program.ts';
import { type FleetCommands, FleetPrograms } from './fleet-programs.ts';
import { JobDirectory, removeStaleDirectories } from './job-directory.ts';
import { releaseBuffer } from './release-buffer.ts';
import { notStarted, type OutputSink, type Run, type RunEnd, type Runner, type Task } from './runner.ts';
import { openStdin } from './stdin-file.ts';
import { findTaskProblem } from './task-files.ts';

export interface ProcessRunnerOptions extends FleetCommands {
  /** The worker's environment, without the job's variables. */
  environment: Record<string, string>;
  /** The worker's working directory. */
  directory: string;
  clock: Clock;
}

/** How long to wait for the end of the output after the worker has exited: a process it left may keep the pipe open. */
const DRAIN_MS = 250;

/** Runs workers as processes of the agent's user, each the leader of its own process group. */
export class ProcessRunner implements Runner {
  readonly #options: ProcessRunnerOptions;
  readonly #running = new Set<ProcessRun>();
  readonly #programs: FleetPrograms;

  constructor(options: ProcessRunnerOptions) {
    this.#options = options;
    this.#programs = new FleetPrograms(options);
  }

  async check(): Promise<void> {
    removeStaleDirectories();
    const { directory, environment } = this.#options;
    await this.#programs.find((name) => findProgram(name, directory, environment['PATH'] ?? ''));
  }

  start(task: Task): Run {
    const command = this.#programs.get(task.program);
    if (!command) return notStarted('the command was not checked');
    const problem = findTaskProblem(task);
    if (problem !== undefined) return notStarted(problem);
    const { directory, environment, clock } = this.#options;
    const args = task.argument === undefined ? command.slice(1) : [...command.slice(1), task.argument];
    let input: number | undefined;
    let own: JobDirectory | undefined;
    try {
      own = new JobDirectory(task.files);
      input = openStdin(task.stdin);
      const child = spawn(command[0], args, {
        cwd: directory,
        env: { ...environment, ...task.variables, ...own.variables },
        detached: true,
        stdio: [input, 'pipe', 'pipe'],
      });
      const run = new ProcessRun(child, clock, task.output, own, () => this.#running.delete(run));
      this.#running.add(run);
      return run;
    } catch (error) {
      own?.remove();
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
  readonly #own: JobDirectory;
  readonly #onEnd: () => void;
  readonly #resolve: (end: RunEnd) => void;
  /** Streams that wait for the sink. */
  readonly #paused = new Set<unknown>();
  #stopped = false;
  #exited = false;
  #closed = false;
  #isGroupKilled = false;
  /** Aborted at the exit, which ends the wait for the grace period. */
  #grace: AbortController | undefined;

  constructor(
    child: ChildProcess,
    clock: Clock,
    sink: OutputSink | undefined,
    own: JobDirectory,
    onEnd: () => void,
  ) {
    this.#child = child;
    this.#own = own;
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
      releaseBuffer(chunk);
      if (!taken) return;
      stream.pause();
      this.#paused.add(stream);
      void taken.then(() => {
        this.#paused.delete(stream);
        stream.resume();
      });
    });
    // A broken pipe ends like a closed one: what was read is kept.
    stream?.on('error', () => stream.destroy());
  }

  stop(graceMs: number): void {
    // One turn of the event loop later, so that an exit that has happened but was not reported yet counts as the worker's own.
    setImmediate(() => setImmediate(() => void this.#terminate(graceMs)));
  }

  kill(): void {
    this.#signalGroup('SIGKILL');
    this.#own.remove();
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
    // Nearly always the output has ended too, but that is not reported yet. If not, a process that the worker left keeps it
    // open. The timer is not cancelled: that would cost more than letting it expire.
    setImmediate(() => {
      if (!this.#closed) void this.#drain().then(() => this.#onClose(status, signal));
    });
  }

  /** Time in which the sink holds the output back does not count. The group is killed first, so that the output ends. */
  async #drain(): Promise<void> {
    await this.#clock.sleep(DRAIN_MS);
    this.#killGroupOnce();
    while (this.#paused.size > 0 && !this.#closed) await this.#clock.sleep(DRAIN_MS);
  }

  #onClose(status: number | null, signal: string | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#killGroupOnce();
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    const result = this.#own.readResult();
    const how = { stopped: this.#stopped, ...(result && { result }) };
    if (status !== null) this.#end({ kind: 'exited', status, ...how });
    else this.#end({ kind: 'signalled', signal: signal ?? 'unknown', ...how });
  }

  #end(end: RunEnd): void {
    this.#own.remove();
    this.#onEnd();
    this.#resolve(end);
  }

  /** Kills what the worker left. Only once: later the process group's id may be in use again. */
  #killGroupOnce(): void {
    if (!this.#isGroupKilled) this.#signalGroup('SIGKILL');
    this.#isGroupKilled = true;
  }

  /** Signals the worker and all its descendants that did not leave the process group. */
  #signalGroup(signal: 'SIGTERM' | 'SIGKILL'): void {
    try {
      // Right after the exit this is safe: a group's id is not reused while it has a member, nor soon after.
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, signal);
    } catch {
      // The group has no processes any more.
    }
  }
}
