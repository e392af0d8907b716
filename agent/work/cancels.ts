import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { cancelRequested } from '../../store/running.ts';
import { Alarm } from './alarm.ts';
import { type Held, jobIdOf, stopWorker } from './held.ts';

export interface CancelsOptions {
  /** The job table. Undefined: jobs are not tracked and cannot be cancelled. */
  tracked: { client: DynamoDBClient; table: string } | undefined;
  /** Returns the messages of this agent. */
  inFlight: () => Iterable<Held>;
  clock: Clock;
  log: Log;
  cancelSeconds: number;
  graceSeconds: number;
}

/**
 * Checks every few seconds which of the running jobs are to be cancelled, and stops their workers. Checks only while a job
 * runs. If the table does not answer, the next check or the renewal of the lease finds out.
 */
export class Cancels {
  readonly #options: CancelsOptions;
  readonly #timer: Alarm;
  #isChecking = false;

  constructor(options: CancelsOptions) {
    this.#options = options;
    this.#timer = new Alarm(options.clock, () => void this.#check());
  }

  /** To be called when a worker has started. */
  watch(): void {
    const { tracked, clock, cancelSeconds } = this.#options;
    if (tracked && !this.#isChecking) this.#timer.at(clock.monotonic() + cancelSeconds * 1000);
  }

  async #check(): Promise<void> {
    const { tracked, log } = this.#options;
    const running = this.#findRunning();
    if (!tracked || running.length === 0) return;
    this.#isChecking = true;
    try {
      const wanted = await cancelRequested(tracked.client, tracked.table, running.map(jobIdOf));
      for (const inFlight of running) if (wanted.has(jobIdOf(inFlight))) this.#stop(inFlight);
    } catch (err) {
      log.warn(
        { err, running: running.length },
        'cannot read from the job table which jobs are to be cancelled',
      );
    } finally {
      this.#isChecking = false;
    }
    if (this.#findRunning().length > 0) this.watch();
  }

  /** Jobs whose worker runs and was not stopped yet. */
  #findRunning(): Held[] {
    const candidates = [...this.#options.inFlight()];
    return candidates.filter((inFlight) => inFlight.phase === 'running' && inFlight.claim && inFlight.stopped === undefined);
  }

  #stop(inFlight: Held): void {
    if (inFlight.phase !== 'running' || inFlight.stopped !== undefined) return;
    this.#options.log.info({ job: jobIdOf(inFlight) }, 'the job is to be cancelled: stopping the worker');
    stopWorker(inFlight, 'cancelled', this.#options.graceSeconds * 1000);
  }
}
