import type { Clock } from '../../aws/clock.ts';
import { resolvesWithin } from '../../lib/with-timeout.ts';
import type { WorkerAccess } from '../credentials/worker-access.ts';
import { OutputTail } from '../log/output-tail.ts';
import type { Run, RunEnd, Runner } from '../runner/runner.ts';

export interface InstanceCheckOptions {
  runner: Runner;
  /** Credentials, as workers get them. */
  access: WorkerAccess | undefined;
  clock: Clock;
}

/** A check that takes longer has failed. */
const LIMIT_MS = 60_000;
const KILL_MS = 1000;
/** How much of the end of its output is in the message. */
const OUTPUT_BYTES = 500;

/**
 * The fleet's `instanceCheck`. It runs after a try has failed, in the same place and with the same rights as a worker,
 * and tells whether the instance caused the failure.
 */
export class InstanceCheck {
  readonly #options: InstanceCheckOptions;
  readonly #runs = new Set<Run>();

  constructor(options: InstanceCheckOptions) {
    this.#options = options;
  }

  /**
   * Returns what is wrong with the instance, for a person. Undefined: nothing is wrong, or the check was stopped. Never
   * rejects.
   */
  async run(): Promise<string | undefined> {
    const { runner, access, clock } = this.#options;
    const tail = new OutputTail(OUTPUT_BYTES);
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
    const isInTime = await resolvesWithin(clock, LIMIT_MS, run.ended);
    if (!isInTime) run.stop(KILL_MS);
    const end = await run.ended;
    admission?.revoke();
    // `stop` has removed the runs that it ended.
    if (!this.#runs.delete(run)) return undefined;
    const failure = isInTime ? describeFailure(end) : `it took longer than ${LIMIT_MS / 1000} s`;
    const output = tail.toString().trim().replaceAll(/\s+/g, ' ');
    return failure && `the instance check failed: ${failure}${output ? `: ${output}` : ''}`;
  }

  /** Ends all checks that run. Their results are discarded. */
  stop(): void {
    const runs = [...this.#runs];
    this.#runs.clear();
    for (const run of runs) run.stop(0);
  }
}

/** Undefined if the check succeeded, and if its slot was lost: the result is then unknown. */
function describeFailure(end: RunEnd): string | undefined {
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
