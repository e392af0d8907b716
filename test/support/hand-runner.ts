import type { Run, RunEnd, Runner, Task } from '../../agent/runner/runner.ts';
import { eventually } from './eventually.ts';

/** A worker that ends when the test says so. */
export class HandRun implements Run {
  readonly task: Task;
  readonly ended: Promise<RunEnd>;
  /** The graces of the stops that reached it. */
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

  /** By its own will, or by a stop that reached it before. */
  exit(status: number, stopped = false): void {
    this.#end({ kind: 'exited', status, stopped });
  }

  /** Of the SIGTERM of a stop. */
  die(): void {
    this.#end({ kind: 'signalled', signal: 'SIGTERM', stopped: true });
  }

  /** With its slot: nobody knows how it would have ended. */
  lose(): void {
    this.#end({ kind: 'lost', reason: "the worker's slot was lost: the slot has ended" });
  }

  /** As one that waits for a slot of the machine, and is stopped before it gets one. */
  neverStart(): void {
    this.#end({ kind: 'not-started', reason: 'it was stopped before there was a slot for it' });
  }
}

/** A runner whose workers the test plays. */
export class HandRunner implements Runner {
  readonly runs: HandRun[] = [];

  async check(): Promise<void> {}

  start(task: Task): Run {
    const run = new HandRun(task);
    this.runs.push(run);
    return run;
  }

  close(): void {}

  /** The worker that was started as the nth, from 1. */
  started(nth = 1): Promise<HandRun> {
    return eventually(`worker ${nth}`, () => this.runs[nth - 1]);
  }
}
