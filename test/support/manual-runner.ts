import type { Run, RunEnd, Runner, Task } from '../../agent/runner/runner.ts';
import { eventually } from './eventually.ts';

/** A worker whose end the test controls. */
export class ManualRun implements Run {
  readonly task: Task;
  readonly ended: Promise<RunEnd>;
  /** The grace periods of its stops. */
  readonly stops: number[] = [];
  readonly #end: (end: RunEnd) => void;

  constructor(task: Task) {
    const { promise, resolve } = Promise.withResolvers<RunEnd>();
    this.task = task;
    this.ended = promise;
    this.#end = resolve;
  }

  stop(graceMs: number): void {
    this.stops.push(graceMs);
  }

  /** Exits by itself, or after a stop. */
  exit(status: number, stopped = false, text?: string): void {
    this.#end({ kind: 'exited', status, stopped, ...(text !== undefined && { result: { text } }) });
  }

  /** Dies of the SIGTERM of a stop. */
  die(): void {
    this.#end({ kind: 'signalled', signal: 'SIGTERM', stopped: true });
  }

  /** Is lost with its slot. */
  lose(): void {
    this.#end({ kind: 'lost', reason: "the worker's slot was lost: the slot has ended" });
  }

  /** Never starts: it was stopped while it waited for a slot. */
  neverStart(): void {
    this.#end({ kind: 'not-started', reason: 'it was stopped before there was a slot for it' });
  }
}

/** A runner whose workers the test controls. */
export class ManualRunner implements Runner {
  readonly runs: ManualRun[] = [];

  async check(): Promise<void> {}

  start(task: Task): Run {
    const run = new ManualRun(task);
    this.runs.push(run);
    return run;
  }

  close(): void {}

  /** Waits for the nth worker, from 1. */
  started(nth = 1): Promise<ManualRun> {
    return eventually(`worker ${nth}`, () => this.runs[nth - 1]);
  }
}
