import type { Run, RunEnd, Runner, Task } from '../../../agent/runner/runner.ts';
import type { Clock } from '../../../aws/clock.ts';

/** A worker that the test controls. It is killed when the grace of a stop is over. It records what happens to it. */
export class PlayedRun implements Run {
  readonly ended: Promise<RunEnd>;
  readonly job: string;
  readonly agent: string;
  readonly number: number;
  readonly attempt: number;
  /** Its standard input. */
  readonly body: string;
  readonly startedMs: number;
  stoppedMs: number | undefined;
  end: RunEnd | undefined;
  output = '';
  readonly #task: Task;
  readonly #clock: Clock;
  readonly #resolve: (end: RunEnd) => void;

  constructor(task: Task, agent: string, number: number, clock: Clock) {
    const { promise, resolve } = Promise.withResolvers<RunEnd>();
    this.ended = promise;
    this.#resolve = resolve;
    this.#task = task;
    this.#clock = clock;
    this.job = task.variables['MAYFLY_JOB_ID'] ?? '';
    this.body = task.stdin;
    this.attempt = Number(task.variables['MAYFLY_ATTEMPT']);
    this.agent = agent;
    this.number = number;
    this.startedMs = clock.monotonic();
    this.print(1);
  }

  /** The text of each line that it prints. */
  get mark(): string {
    return `(run ${this.number})`;
  }

  print(lines: number): void {
    if (this.end) return;
    const text = `${this.mark}\n`.repeat(lines);
    this.output += text;
    void this.#task.output?.write('stdout', Buffer.from(text));
  }

  stop(graceMs: number): void {
    this.stoppedMs ??= this.#clock.monotonic();
    void this.#clock
      .sleep(graceMs)
      .then(() => this.over({ kind: 'signalled', signal: 'SIGKILL', stopped: true }));
  }

  over(end: RunEnd): void {
    this.end ??= end;
    this.#resolve(this.end);
  }
}

export class PlayedRunner implements Runner {
  readonly #start: (task: Task) => Run;

  constructor(start: (task: Task) => Run) {
    this.#start = start;
  }

  async check(): Promise<void> {}

  start(task: Task): Run {
    return this.#start(task);
  }

  close(): void {}
}
