import type { Run, RunEnd, Task } from '../../../agent/runner/runner.ts';
import type { Clock } from '../../../aws/clock.ts';
import type { WitnessLine } from '../../../checker/witness.ts';

/** What a worker is going to do. */
export interface WorkerPlan {
  /** How long it runs. Infinity: it hangs until it is stopped. */
  ms: number;
  end: RunEnd;
  /** How long the part of its work runs that it has begun on the target, whether it lives or not. */
  remoteMs?: number | undefined;
}

export type Witness = (line: WitnessLine) => void;

/** Which job a worker runs, as the witness has it. */
export type Work = Pick<
  WitnessLine,
  'job' | 'of' | 'attempt' | 'stage' | 'group' | 'target' | 'request' | 'index'
>;

/** A worker that does what it is to do, by the test's clock, and tells the witness. */
export class PlayedWorker implements Run {
  readonly ended: Promise<RunEnd>;
  readonly task: Task;
  readonly agent: string;
  readonly work: Work;
  readonly pid: number;
  /** Undefined: it runs. */
  end: RunEnd | undefined;
  readonly #clock: Clock;
  readonly #witness: Witness;
  readonly #resolve: (end: RunEnd) => void;

  constructor(
    { task, agent, work, pid }: { task: Task; agent: string; work: Work; pid: number },
    plan: WorkerPlan,
    clock: Clock,
    witness: Witness,
  ) {
    const { promise, resolve } = Promise.withResolvers<RunEnd>();
    this.ended = promise;
    this.#resolve = resolve;
    this.task = task;
    this.agent = agent;
    this.work = work;
    this.pid = pid;
    this.#clock = clock;
    this.#witness = witness;
    witness({ event: 'start', ...work, pid, atMs: clock.now() });
    if (Number.isFinite(plan.ms)) void clock.sleep(plan.ms).then(() => this.over(plan.end));
  }

  /** SIGTERM ends it within half of the grace period. */
  stop(graceMs: number): void {
    void this.#clock
      .sleep(graceMs / 2)
      .then(() => this.over({ kind: 'signalled', signal: 'SIGTERM', stopped: true }));
  }

  over(end: RunEnd): void {
    if (this.end) return;
    this.end = end;
    if (end.kind === 'exited') this.#tell(end.status);
    if (end.kind === 'signalled' && end.stopped) this.#tell(143);
    this.#resolve(end);
  }

  /** It is gone with its instance, and nobody hears of it. */
  kill(): void {
    this.end ??= { kind: 'lost', reason: 'its instance is gone' };
  }

  #tell(status: number): void {
    this.#witness({ event: 'end', ...this.work, pid: this.pid, atMs: this.#clock.now(), status });
  }
}
