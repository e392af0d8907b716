/** The fleet's `command`, its `instanceCheck` if it has one, or one of its `commands` by its name. */
export type Program = 'worker' | 'instance-check' | { readonly command: string };

/** The input of one run of a worker. */
export interface Task {
  /** Which of the fleet's programs runs. Default: `worker`. */
  program?: Program;
  /** The worker's standard input. */
  stdin: string;
  /** The last argument, after those of the fleet's command. */
  argument: string | undefined;
  /** Variables of this job, in addition to those that all workers of the fleet get. */
  variables: Record<string, string>;
  /**
   * Contents of files that only this run has, by the names of the variables that get their paths. They are in memory if the
   * machine has `/dev/shm`, are readable by the worker's user alone (0400), and are removed when the run has ended. A content has
   * at most 64 KiB of UTF-8. A name is one of a variable, and does not begin with `MAYFLY_`.
   */
  files?: Readonly<Record<string, string>>;
  /** Gets the worker's output. Without a sink the output is dropped. */
  output?: OutputSink;
}

/** Gets a worker's output while it runs. */
export interface OutputSink {
  /**
   * Takes a chunk of output, in order. The chunk is valid until this returns. If it returns a promise, no more output is
   * read until the promise is settled, which in the end blocks the worker; a little that was read already may still come.
   * Must not throw or reject.
   */
  write(stream: 'stdout' | 'stderr', chunk: Buffer): Promise<void> | undefined;
}

/** What a worker wrote to the file that its variable `MAYFLY_RESULT` names; or why that is left out, as a sentence. */
export type WorkerResult = { text: string } | { problem: string };

/**
 * How a worker ended. `stopped`: it ended because of `Run.stop`. `result`: absent if the worker did not write one, or wrote an
 * empty one.
 */
export type RunEnd =
  | { kind: 'exited'; status: number; stopped: boolean; result?: WorkerResult }
  /** `reason`: shown to people instead of the signal's name. */
  | { kind: 'signalled'; signal: string; reason?: string; stopped: boolean; result?: WorkerResult }
  | { kind: 'not-started'; reason: string }
  /** The slot was lost together with the worker, so the worker's own end is unknown. */
  | { kind: 'lost'; reason: string };

/** A worker that runs. */
export interface Run {
  /**
   * Resolves when the worker's process has exited, its output was read (within a time limit) and all processes that it left
   * were killed. Never rejects.
   */
  readonly ended: Promise<RunEnd>;
  /** Ends the worker and its descendants: SIGTERM now, SIGKILL after the grace period. Does nothing if it has ended. */
  stop(graceMs: number): void;
}

/** Starts workers: as child processes, or in slots with their own users and cgroups. */
export interface Runner {
  /** Rejects with `WorkerMissingError` if one of the fleet's programs cannot be run here. */
  check(): Promise<void>;
  /** Never throws: if a worker cannot be started, its run ends as `not-started`. */
  start(task: Task): Run;
  /** Kills all workers and waits for nothing. To be called when the agent's process ends. */
  close(): void;
}

/** The run of a worker that could not be started. */
export function notStarted(reason: string): Run {
  return { ended: Promise.resolve({ kind: 'not-started', reason }), stop() {} };
}

/** The fleet's command cannot be run on this instance. No job is the cause, and none should be tried. */
export class WorkerMissingError extends Error {
  constructor(command: string, reason: string) {
    super(`the worker command ${JSON.stringify(command)} cannot be run: ${reason}`);
    this.name = 'WorkerMissingError';
  }
}
