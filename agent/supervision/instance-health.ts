import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { describeEnding, type Ending, resultOf } from '../../jobs/outcome.ts';
import type { Broken } from '../../policy/retirement.ts';
import { afterTry, type FailureStreak, pauseMs } from '../../policy/slowdown.ts';
import type { Attempted } from '../work/attempt.ts';
import type { InstanceCheck } from './instance-check.ts';
import type { WorkerDisk } from '../runner/worker-disk.ts';

export interface InstanceHealthOptions {
  /** Undefined: nobody looks at the disk. */
  disk: WorkerDisk | undefined;
  /** Undefined: the fleet has no `instanceCheck`. */
  check: InstanceCheck | undefined;
  /** No worker may be started any more. */
  stopping: () => boolean;
  /** Called once. */
  onBroken: (broken: Broken) => void;
  clock: Clock;
  log: Log;
}

/**
 * Judges the instance by what its jobs tell: whether it is fit for one more, whether it is to blame for one that failed,
 * and whether it should leave jobs to others for a while.
 */
export class InstanceHealth {
  readonly #options: InstanceHealthOptions;
  #broken: Broken | undefined;
  #streak: FailureStreak | undefined;

  constructor(options: InstanceHealthOptions) {
    this.#options = options;
  }

  /** Of no use, for good: nothing is to be received any more. */
  get isBroken(): boolean {
    return this.#broken !== undefined;
  }

  /** How long to wait before one more job is received; 0: as usual. */
  get pauseMs(): number {
    return pauseMs(this.#streak);
  }

  get isSlowed(): boolean {
    return this.pauseMs > 0;
  }

  /** The failures for which the instance is slowed; undefined: it is not. */
  get slowed(): FailureStreak | undefined {
    return this.isSlowed ? this.#streak : undefined;
  }

  /** To be asked before each claim: whether the instance is fit for one more job. */
  async isFit(): Promise<boolean> {
    const problem = this.isBroken ? undefined : await this.#options.disk?.problem();
    if (problem !== undefined) this.breakDown({ reason: 'disk-full', problem });
    return !this.isBroken;
  }

  breakDown(broken: Broken): void {
    if (this.isBroken) return;
    this.#broken = broken;
    this.#options.onBroken(broken);
  }

  /** The end of a try of a job, unless the instance is to blame for it. Takes as long as the fleet's check. */
  async judge(job: string, attempted: Attempted): Promise<Attempted> {
    if (attempted.kind !== 'ended' || !isFailure(attempted.ending)) return attempted;
    const problem = await this.#problem();
    if (problem === undefined) return attempted;
    this.breakDown({ reason: 'unhealthy', problem, job });
    return { ...attempted, ending: { kind: 'unhealthy', end: attempted.ending, problem } };
  }

  async #problem(): Promise<string | undefined> {
    const { check, stopping } = this.#options;
    if (this.#broken?.reason === 'unhealthy') return this.#broken.problem;
    return stopping() ? undefined : check?.run();
  }

  /** Counts the end of a try of a job. */
  ended(job: string, ending: Ending): void {
    const { clock, log } = this.#options;
    const before = this.isSlowed;
    const reason = describeEnding(ending);
    this.#streak = afterTry(this.#streak, { job, result: resultOf(ending), reason, atMs: clock.now() });
    if (this.isSlowed && !before) {
      log.warn(
        { ...this.#streak },
        'several jobs failed in a row: one job at a time from now on, with pauses',
      );
    } else if (before && !this.isSlowed) {
      log.info({ job }, 'a job succeeded: jobs are taken as usual again');
    }
  }
}

/** The worker did not do its job, whatever the reason. */
function isFailure(ending: Ending): boolean {
  return resultOf(ending) === 'failure' || (ending.kind === 'exited' && ending.status !== 0);
}
