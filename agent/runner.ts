/** One try of a job, as a worker is told of it. */
export interface Task {
  /** What the worker reads on its standard input, to its end. */
  stdin: string;
  /** Its last argument, after the fleet's command. */
  argument: string | undefined;
  /** Variables of this job, over those that all workers of the fleet get. */
  variables: Record<string, string>;
}

/** How a worker ended. `stopped`: after `Run.stop` had reached it, so by our will and not by its own. */
export type RunEnd =
  | { kind: 'exited'; status: number; stopped: boolean; output: string }
  | { kind: 'signalled'; signal: string; stopped: boolean; output: string }
  | { kind: 'not-started'; reason: string };

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
  /** Rejects with `WorkerMissing` when the fleet's command cannot be run here. */
  check(): Promise<void>;
  /** Never throws: a worker that could not be started is a run that ended as `not-started`. */
  start(task: Task): Run;
}

/** The fleet's command cannot be run on this instance: no job can be blamed, and none should be tried. */
export class WorkerMissing extends Error {
  constructor(command: string, reason: string) {
    super(`the worker command ${JSON.stringify(command)} cannot be run: ${reason}`);
    this.name = 'WorkerMissing';
  }
}
