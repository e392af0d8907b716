/** The fleet's `command`, and its `instanceCheck` if it has one. */
export type Program = 'worker' | 'instance-check';

/** One try of a job, as a worker is told of it. */
export interface Task {
  /** Which of the fleet's programs runs. Default `worker`. */
  program?: Program;
  /** What the worker reads on its standard input, to its end. */
  stdin: string;
  /** Its last argument, after the fleet's command. */
  argument: string | undefined;
  /** Variables of this job, over those that all workers of the fleet get. */
  variables: Record<string, string>;
  /** Gets all that the worker prints. Without one nobody keeps it. */
  output?: OutputSink;
}

/** Where a worker's output goes while it runs. */
export interface OutputSink {
  /**
   * Takes what came, in order; the chunk is lent until this returns. A promise holds the output back until it is settled, and in the end the worker; a
   * little that was read already may still follow. Must not throw or reject.
   */
  write(stream: 'stdout' | 'stderr', chunk: Buffer): Promise<void> | undefined;
}

/** How a worker ended. `stopped`: after `Run.stop` had reached it, so by our will and not by its own. */
export type RunEnd =
  | { kind: 'exited'; status: number; stopped: boolean }
  /** `reason`: what a person is told instead of the signal's name. */
  | { kind: 'signalled'; signal: string; reason?: string; stopped: boolean }
  | { kind: 'not-started'; reason: string }
  /** The slot was lost, and the worker with it: nobody knows how it would have ended. */
  | { kind: 'lost'; reason: string };

/** A worker that runs. */
export interface Run {
  /**
   * Resolves when the worker's process has exited, its output is read (within a bound) and whatever it left
   * behind is killed. Never rejects.
   */
  readonly ended: Promise<RunEnd>;
  /** Ends the worker and all that it started: SIGTERM now, SIGKILL after the grace. Harmless once it has ended. */
  stop(graceMs: number): void;
}

/** How a slot starts a worker. In a plain process here; on a machine with a user and a cgroup of its own. */
export interface Runner {
  /** Rejects with `WorkerMissing` when the fleet's command, or its `instanceCheck`, cannot be run here. */
  check(): Promise<void>;
  /** Never throws: a worker that could not be started is a run that ended as `not-started`. */
  start(task: Task): Run;
  /** Kills all workers at once and waits for nothing: for the moment in which the agent itself ends. */
  close(): void;
}

/** A run of a worker that never came to be. */
export function notStarted(reason: string): Run {
  return { ended: Promise.resolve({ kind: 'not-started', reason }), stop() {} };
}

/** The fleet's command cannot be run on this instance: no job can be blamed, and none should be tried. */
export class WorkerMissing extends Error {
  constructor(command: string, reason: string) {
    super(`the worker command ${JSON.stringify(command)} cannot be run: ${reason}`);
    this.name = 'WorkerMissing';
  }
}
