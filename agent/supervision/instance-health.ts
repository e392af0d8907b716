import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { classifyEnding, describeEnding, type Ending } from '../../jobs/outcome.ts';
import type { Broken } from '../../policy/retirement.ts';
import { addTry, type FailureStreak, slowdownPauseMs } from '../../policy/slowdown.ts';
import type { WorkerDisk } from '../runner/worker-disk.ts';
import type { AttemptResult } from '../work/attempt.ts';
import type { InstanceCheck } from './instance-check.ts';

export interface InstanceHealthOptions {
  /** Undefined: disks are not checked. */
  disk: WorkerDisk | undefined;
  /** Undefined: the fleet has no `instanceCheck`. */
  check: InstanceCheck | undefined;
  /** Whether no worker may be started any more. */
  stopping: () => boolean;
  /** Called once. */
  onBroken: (broken: Broken) => void;
  clock: Clock;
  log: Log;
}

/**
 * Judges the instance by the results of its jobs: whether it is fit for one more job, whether it caused the failure of a
 * job, and whether it should leave jobs to other instances for a while.
 */
export class InstanceHealth {
  readonly #options: InstanceHealthOptions;
  #broken: Broken | undefined;
  #streak: FailureStreak | undefined;

  constructor(options: InstanceHealthOptions) {
    this.#options = options;
  }

  /** The instance is broken for good and receives no more jobs. */
  get isBroken(): boolean {
    return this.#broken !== undefined;
  }

  /** How long to wait before the next job is received. 0: no wait. */
  get pauseMs(): number {
    return slowdownPauseMs(this.#streak);
  }

  get isSlowed(): boolean {
    return this.pauseMs > 0;
  }

  /** The failures that slowed the instance down. Undefined: it is not slowed down. */
  get slowed(): FailureStreak | undefined {
    return this.isSlowed ? this.#streak : undefined;
  }

  /** Whether the instance is fit for one more job. To be called before each claim. */
  async isFit(): Promise<boolean> {
    const problem = this.isBroken ? undefined : await this.#options.disk?.findProblem();
    if (problem !== undefined) this.markBroken({ reason: 'disk-full', problem });
    return !this.isBroken;
  }

  markBroken(broken: Broken): void {
    if (this.isBroken) return;
    this.#broken = broken;
    this.#options.onBroken(broken);
  }

  /** Returns the result of a try; `unhealthy` if the instance caused the failure. Takes as long as the instance check. */
  async judge(job: string, attempted: AttemptResult): Promise<AttemptResult> {
    if (attempted.kind !== 'ended' || !isFailure(attempted.ending)) return attempted;
    const problem = await this.#findProblem();
    if (problem === undefined) return attempted;
    this.markBroken({ reason: 'unhealthy', problem, job });
    return { ...attempted, ending: { kind: 'unhealthy', end: attempted.ending, problem } };
  }

  async #findProblem(): Promise<string | undefined> {
    const { check, stopping } = this.#options;
    if (this.#broken?.reason === 'unhealthy') return this.#broken.problem;
    return stopping() ? undefined : check?.run();
  }

  /** Counts the result of a try. */
  countResult(job: string, ending: Ending): void {
    const { clock, log } = this.#options;
    const wasSlowed = this.isSlowed;
    const reason = describeEnding(ending);
    this.#streak = addTry(this.#streak, { job, result: classifyEnding(ending), reason, atMs: clock.now() });
    if (this.isSlowed && !wasSlowed) {
      log.warn(
        { ...this.#streak },
        'several jobs failed in a row: one job at a time from now on, with pauses',
      );
    } else if (wasSlowed && !this.isSlowed) {
      log.info({ job }, 'a job succeeded: jobs are taken as usual again');
    }
  }
}

/** Whether the worker did not complete its job, for any reason. */
function isFailure(ending: Ending): boolean {
  return classifyEnding(ending) === 'failure' || (ending.kind === 'exited' && ending.status !== 0);
}
