import type { Clock } from '../../aws/clock.ts';
import type { WorkerAccess } from '../credentials/worker-access.ts';
import { OutputTail } from '../log/output-tail.ts';
import type { Run, RunEnd, Runner } from '../runner/runner.ts';

export interface InstanceCheckOptions {
  runner: Runner;
  /** As workers have it. */
  access: WorkerAccess | undefined;
  clock: Clock;
}

/** One that takes longer has failed: what it looks at does not answer. */
const LIMIT_MS = 60_000;
const KILL_MS = 1000;
/** What is told of its output. */
const WORDS_BYTES = 500;

/**
 * The fleet's `instanceCheck`: run where and as workers are, after a try has failed. It says whether the instance is to
 * blame.
 */
export class InstanceCheck {
  readonly #options: InstanceCheckOptions;
  readonly #runs = new Set<Run>();

  constructor(options: InstanceCheckOptions) {
    this.#options = options;
  }

  /** What is wrong with the instance, for a person; undefined: nothing, or nobody has the time to find out. Never rejects. */
  async run(): Promise<string | undefined> {
    const { runner, access, clock } = this.#options;
    const tail = new OutputTail(WORDS_BYTES);
    const admission = access?.admit();
    const run = runner.start({
      program: 'instance-check',
      stdin: '',
      argument: undefined,
      variables: { ...admission?.variables },
      output: {
        write(_, chunk) {
          tail.write(chunk);
          return undefined;
        },
      },
    });
    this.#runs.add(run);
    const over = new AbortController();
    let late = false;
    const limit = clock.sleep(LIMIT_MS, over.signal).then(
      () => {
        late = true;
        run.stop(KILL_MS);
      },
      () => undefined,
    );
    const end = await run.ended;
    over.abort();
    await limit;
    admission?.revoke();
    // Those that `stop` has ended are forgotten already.
    if (!this.#runs.delete(run)) return undefined;
    const how = late ? `it took longer than ${LIMIT_MS / 1000} s` : failureOf(end);
    const words = tail.toString().trim().replaceAll(/\s+/g, ' ');
    return how && `the instance check failed: ${how}${words ? `: ${words}` : ''}`;
  }

  /** Ends those that run: what they would have found is not waited for. */
  stop(): void {
    const runs = [...this.#runs];
    this.#runs.clear();
    for (const run of runs) run.stop(0);
  }
}

/** Undefined for one that has succeeded, and for one whose slot was lost: it says nothing then. */
function failureOf(end: RunEnd): string | undefined {
  switch (end.kind) {
    case 'exited':
      return end.status === 0 ? undefined : `exit status ${end.status}`;
    case 'signalled':
      return end.reason ?? `it died of ${end.signal}`;
    case 'not-started':
      return `it could not be started: ${end.reason}`;
    case 'lost':
      return undefined;
  }
}
